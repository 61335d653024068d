"""Ours: the article's DCGAN."""

from typing import Any

import jax
import ours_game
from game import Game, Nets
from side_by_side import advancing

from gan_jax.nets import dcgan
from gan_jax.nets.layers import BatchNorm, Identity
from gan_jax.types import Array, Batch, Players, TrainState
from gan_jax.update import Update


def nets(game: Game, side: int = 28) -> Nets:
    """Returns the networks for images of side x side."""
    norm, shape = BatchNorm if game.norm else Identity, (side, side, 1)
    generator = dcgan.generator(width=game.width, norm=norm, shape=shape)
    return Nets(dcgan.critic(width=game.width, dropout=game.dropout), generator, 100, shape)


def make(game: Game, side: int = 28) -> tuple[Update, TrainState, Players[Batch], Array]:
    """Returns the compiled update and its arguments, for images of side x side."""
    sized, key = nets(game, side), jax.random.key(0)
    init, update = ours_game.make(game, sized)
    return update, init(key), ours_game.batches(game, sized, key), key


def iteration(game: Game) -> Any:
    return advancing(*make(game))
