"""A run that was trained, opened to draw from it."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from gan_jax.experiment import Experiment
    from gan_jax.types import Variables

Which = Literal["latest", "best"]


class Trained(NamedTuple):
    experiment: "Experiment"
    generators: "list[Variables]"  # averaged (EMA), one of each game
    step: int

    def generator(self, game: int) -> "Variables":
        """Raises ValueError where there is no such game."""
        if not 0 <= game < len(self.generators):
            raise ValueError(f"game {game}: the run has {len(self.generators)}, from 0")
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


def open_trained(run: Path, checkpoint: Which) -> Trained:
    """The experiment of a run, the averaged generator of each of its games, and their step."""
    from gan_jax import run as runs
    from gan_jax.checkpoint import restore
    from gan_jax.games import abstract_state, split, step_of

    opened = runs.open_run(run)
    built, games = opened.experiment(), opened.options.num_seeds
    try:
        runs.check_same_data(opened, built)
    except ValueError as error:
        logging.warning("%s, lest what is of the data, as an alphabet, be another", error)
    state = restore(opened.checkpoints, abstract_state(built, games), checkpoint)
    return Trained(built, split(state.ema, games), step_of(state))
