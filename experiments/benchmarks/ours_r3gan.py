"""Ours: one R3GAN update of 64x64 images without augmentation."""

from collections.abc import Callable
from typing import Any

import ours_game
from game import Game, Nets

from gan_jax.nets import r3gan

SHAPE = (64, 64, 3)


def nets(width: int) -> Nets:
    widths = r3gan.widths_of(64, width)
    generator = r3gan.generator(widths=widths, blocks=1, shape=SHAPE)
    return Nets(r3gan.critic(widths=widths, blocks=1), generator, 64, SHAPE)


def iteration(game: Game) -> Callable[[], Any]:
    return ours_game.contender(game._replace(objective="relativistic"), nets(game.width)).start()
