"""Ours: the critic's turns alone, scanned in one program, and in a call each.

The program is `gan_jax`'s update, of which only the critic's results are kept, so the compiler drops the generator's
turn.
"""

import inspect
from collections.abc import Callable
from typing import Any

from game import Game
from ours_dcgan import make
from side_by_side import advancing

from gan_jax import parallel
from gan_jax.play import Metrics
from gan_jax.types import Array, Batch, Players, TrainState
from gan_jax.update import Update


def scanned(game: Game) -> Callable[[], Any]:
    """Makes a contender that takes all the critic's turns in one call."""
    compiled, state, batches, key = make(game)
    return advancing(critics_part(compiled), state, batches, key)


def called(game: Game) -> Callable[[], Any]:
    """Makes a contender with a call for each of the critic's turns, and a wait at the end."""
    compiled, state, batches, key = make(game._replace(critic_steps=1))
    turn = critics_part(compiled)

    def turns(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        for _ in range(game.critic_steps):
            state, metrics = turn(state, batches, key)
        return state, metrics

    return advancing(turns, state, batches, key)


def critics_part(compiled: Update) -> Update:
    """Returns the update without the generator's turn."""
    update = inspect.unwrap(compiled)  # as it was before jit

    def part(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        after, metrics = update(state, batches, key)
        params, stats, opt_state = (
            new._replace(generator=old.generator)
            for old, new in (
                (state.params, after.params),
                (state.stats, after.stats),
                (state.opt_state, after.opt_state),
            )
        )
        kept = {name: value for name, value in metrics.items() if name.startswith("critic/")}
        return TrainState(after.step, params, stats, opt_state, state.ema), kept

    return parallel.jit(part, parallel.make_mesh())
