"""Trained runs, opened to draw samples from them."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from gan_jax.errors import Missing, UserError

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment
    from gan_jax.runs.folder import Run
    from gan_jax.types import Variables

log = logging.getLogger(__name__)
Which = Literal["latest", "best"]


class Trained(NamedTuple):
    """A trained run.

    Attributes:
      experiment: The run's experiment.
      generators: The averaged (EMA) generator of each game.
      step: The updates done.
    """

    experiment: "Experiment"
    generators: "list[Variables]"
    step: int

    def generator(self, game: int) -> "Variables":
        """Returns the generator of a game; raises UserError if there is no such game."""
        if not 0 <= game < len(self.generators):
            raise UserError(f"game {game}: the run has {len(self.generators)}, from 0")
        return self.generators[game]


def open_trained(run: Path, checkpoint: Which, data: Path | None = None) -> Trained:
    """Opens a run with its data.

    Args:
      run: The run's folder.
      checkpoint: The newest, or the best.
      data: Where the run's data lie now, if they were moved.

    Raises:
      Missing: The data aren't there.
    """
    from gan_jax.runs import folder as runs, run_data

    opened = run_data.moved(runs.open_run(run), data)
    with where_data_may_be_named(data):
        return restored(opened, opened.experiment(), checkpoint)


def open_trained_to_sample(run: Path, checkpoint: Which) -> Trained:
    """Opens a run without its data, by the facts about them in data.json."""
    from gan_jax.runs import folder as runs

    opened = runs.open_run(run)
    try:
        experiment = opened.without_data()
    except Missing:  # the experiment reads examples while it is built
        experiment = opened.experiment()
    return restored(opened, experiment, checkpoint)


def restored(run: "Run", experiment: "Experiment", checkpoint: Which) -> Trained:
    """Restores a run's generators, and warns if the data have changed since the run began."""
    from gan_jax.runs.checkpoint import restore
    from gan_jax.runs.games import abstract_state, split, step_of
    from gan_jax.runs.run_data import check_same_data

    try:
        check_same_data(run, experiment)
    except ValueError as error:
        log.warning("%s, or samples and figures may be wrong", error)
    games = run.options.num_seeds
    state = restore(run.checkpoints, abstract_state(experiment, games), checkpoint)
    return Trained(experiment, split(state.ema, games), step_of(state))


@contextlib.contextmanager
def where_data_may_be_named(data: Path | None) -> Iterator[None]:
    """Adds a hint to an error about missing data: how to name their new place, unless `data` did."""
    try:
        yield
    except FileNotFoundError as error:
        if data is not None:
            raise
        raise Missing(f"{error}; if the run's data were moved, give their new place by --data") from error
