"""Rollbacks: a run that has diverged goes back to its last good checkpoint, and on with another key.

RUN/rollbacks.jsonl has a line for each rollback. Their number is all that a resumed run has to know.
"""

import dataclasses
import json
from typing import Any

import jax
import optax

from gan_jax.experiment import Experiment
from gan_jax.runs.checkpoint import restore
from gan_jax.runs.folder import Run
from gan_jax.runs.games import abstract_state, make_program, step_of
from gan_jax.runs.options import Options
from gan_jax.runs.processes import is_first, together
from gan_jax.types import Players, TrainState
from gan_jax.update import Update


def count(run: Run) -> int:
    """Returns how often the run went back."""
    return run.rollbacks.read_bytes().count(b"\n") if run.rollbacks.exists() else 0


def go_back(run: Run, experiment: Experiment, why: str, number: int) -> tuple[int, Update, TrainState]:
    """Goes back to the last good checkpoint, and notes that in RUN/rollbacks.jsonl.

    Args:
      run: The run.
      experiment: Its experiment.
      why: The value that wasn't finite.
      number: Which rollback of the run this is, from 1.

    Returns:
      The step to go on from, the update with steps that are as small as this rollback makes them, and the state.
    """
    state = restore(run.checkpoints, abstract_state(experiment, run.options.num_seeds))
    step = step_of(state)
    with together():
        if is_first():
            with run.rollbacks.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"to": step, "why": why}) + "\n")
    played = slowed(experiment, run.options, number)
    _, update = make_program(played, run.options.parallel, run.options.num_seeds)
    return step, update, state


def slowed(experiment: Experiment, options: Options, rollbacks: int) -> Experiment:
    """Returns the experiment with steps as small as so many rollbacks have made them."""
    return slower(experiment, options.rollback_rate**rollbacks)


def slower(experiment: Experiment, factor: float) -> Experiment:
    """Multiplies both players' steps by `factor`; the optimisers' states keep their form.

    An optimiser that clips weights clips where the whole step would end; smaller steps approach that point gradually.
    """
    if factor == 1:
        return experiment

    def scaled(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
        def update(grads: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
            updates, state = optimizer.update(grads, state, params)
            return jax.tree.map(lambda step: factor * step, updates), state

        return optax.GradientTransformation(optimizer.init, update)

    return dataclasses.replace(experiment, optimizers=Players(*map(scaled, experiment.optimizers)))
