"""A run that was trained, opened to draw from it."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from gan_jax.errors import Missing, UserError

if TYPE_CHECKING:
    import numpy as np

    from gan_jax.experiment import Experiment
    from gan_jax.runs.folder import Run
    from gan_jax.types import Variables

log = logging.getLogger(__name__)
Which = Literal["latest", "best"]


class Trained(NamedTuple):
    experiment: "Experiment"
    generators: "list[Variables]"  # averaged (EMA), one of each game
    step: int

    def generator(self, game: int) -> "Variables":
        """Raises ValueError where there is no such game."""
        if not 0 <= game < len(self.generators):
            raise UserError(f"game {game}: the run has {len(self.generators)}, from 0")
        return self.generators[game]

    def sample(self, game: int, seed: int, num: int) -> "np.ndarray":
        """[num, ...]"""
        import jax

        from gan_jax.sample import make_sampler

        built = self.experiment
        draw = make_sampler(built.nets.generator, built.prior, built.data.classes)
        return draw(self.generator(game), jax.random.key(seed), num)

    def walk(self, game: int, seed: int, num: int, frames: int) -> "np.ndarray":
        """[num, frames, ...]"""
        import jax

        from gan_jax.sample import make_walker

        built = self.experiment
        draw = make_walker(built.nets.generator, built.prior, built.data.classes)
        return draw(self.generator(game), jax.random.key(seed), num, frames)


def open_trained(run: Path, checkpoint: Which, data: Path | None = None) -> Trained:
    """The experiment of a run, the averaged generator of each of its games, and their step.

    data: where the run's data lie now, if they were moved.

    Raises:
      FileNotFoundError: the data aren't there.
    """
    from gan_jax.runs import folder as runs, run_data

    opened = run_data.moved(runs.open_run(run), data)
    with where_data_may_be_named(data):
        return restored(opened, opened.experiment(), checkpoint)


def open_trained_to_sample(run: Path, checkpoint: Which) -> Trained:
    """The same, without opening the data: by what the run remembers of them."""
    from gan_jax.runs import folder as runs

    opened = runs.open_run(run)
    return restored(opened, opened.without_data(), checkpoint)


def restored(run: "Run", experiment: "Experiment", checkpoint: Which) -> Trained:
    """With a warning, if the data are others than the run was trained on."""
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
    """Adds to an error about missing data how to name their new place, unless `data` named one."""
    try:
        yield
    except FileNotFoundError as error:
        if data is not None:
            raise
        raise Missing(f"{error}; if the run's data were moved, give their new place by --data") from error
