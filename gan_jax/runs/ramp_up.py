"""The averaged generator of a run that starts from another run's weights: its average goes on from theirs."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import optax

from gan_jax.experiment import Experiment


def without_ramp_up(experiment: Experiment, init_from: Path | None) -> Experiment:
    """Gives the average its last decay from the first update on, as StyleGAN2-ADA does on resuming (Karras 2020).

    An average that starts afresh gives its initial values no weight, so it would forget the copied ones at once.

    Args:
      experiment: The experiment.
      init_from: The run that the weights are from; without one, nothing changes.
    """
    if init_from is None:
        return experiment
    decay, steps = experiment.ema_decay, experiment.steps
    last = (lambda step: decay(jnp.int32(steps))) if callable(decay) else optax.constant_schedule(decay)
    return dataclasses.replace(experiment, ema_decay=last)
