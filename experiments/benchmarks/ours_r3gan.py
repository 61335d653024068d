"""Ours: one R3GAN update of 64x64 images without augmentation."""

from collections.abc import Callable
from typing import Any

import ours_game
from game import Game, Nets

from gan_jax.nets import r3gan


def iteration(game: Game) -> Callable[[], Any]:
    widths = r3gan.widths_of(64, game.width)
    nets = Nets(
        r3gan.critic(widths=widths, blocks=1),
        r3gan.generator(widths=widths, blocks=1, shape=(64, 64, 3)),
        64,
        (64, 64, 3),
    )
    return ours_game.contender(game._replace(objective="relativistic"), nets).start()
