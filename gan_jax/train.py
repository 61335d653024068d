"""The only training loop."""

import functools
import math
from typing import NamedTuple

import jax
from tqdm import tqdm

from gan_jax.checkpoint import Checkpoints
from gan_jax.experiment import Experiment
from gan_jax.log import Log
from gan_jax.run import Run
from gan_jax.sample import make_sampler
from gan_jax.types import Array, TrainState
from gan_jax.update import Metrics, Update, deal


class Diverged(Exception):
    """A loss or a gradient is not finite."""


class Keys(NamedTuple):
    """A key for each use of a run's seed."""

    init: Array
    data: Array
    game: Array
    samples: Array


def keys_of(seed: int) -> Keys:
    return Keys(*jax.random.split(jax.random.key(seed), 4))


def train(run: Run, experiment: Experiment, update: Update, state: TrainState) -> None:
    """Trains from the state's step to the experiment's last one.

    Metrics are fetched one step late, so that the device never waits for the host.

    Raises:
      Diverged: at the first step with a metric that isn't finite; the state is not saved from then on.
    """
    options = run.options
    keys = keys_of(options.seed)
    sample = make_sampler(experiment.nets.generator, experiment.prior, experiment.data.classes)
    first = int(state.step)
    batches = experiment.data.stream(keys.data, first, experiment.examples)
    hand = jax.jit(functools.partial(deal, experiment.turns))

    with (
        Checkpoints(run.checkpoints) as checkpoints,
        Log(run.metrics, run.folder / "tensorboard", first_step=first) as log,
        tqdm(total=experiment.steps, initial=first, unit="step", dynamic_ncols=True) as bar,
    ):

        def settle(step: int, metrics: Metrics) -> None:
            values = {name: float(value) for name, value in jax.device_get(metrics).items()}
            broken = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
            if broken:
                raise Diverged(f"step {step}: {', '.join(broken)}")
            bar.update()
            if step % options.log_every == 0:
                log.write(step, values)
                bar.set_postfix({name: f"{values[name]:.3g}" for name in ("critic/loss", "generator/loss")})

        pending: tuple[int, Metrics] | None = None
        for step in range(first + 1, experiment.steps + 1):
            state, metrics = update(state, hand(next(batches)), keys.game)
            if pending:
                settle(*pending)
            pending = step, metrics
            last = step == experiment.steps
            save, show = (last or step % every == 0 for every in (options.save_every, options.sample_every))
            if save or show:
                settle(*pending)
                pending = None
            if save:
                checkpoints.save(step, state)
            if show:
                samples = sample(state.ema, keys.samples, options.num_samples)
                experiment.view.together(samples, run.picture(step))
