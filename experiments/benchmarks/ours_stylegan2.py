"""Ours: 16 StyleGAN2 updates of 64x64 images without augmentation, one of them with R1."""

from collections.abc import Callable
from typing import Any

import ours_game
from game import Game, Nets

from gan_jax.nets import stylegan2

SHAPE = (64, 64, 3)


def nets(width: int) -> Nets:
    widths = stylegan2.widths_of(64, base=32 * width, most=width)
    generator = stylegan2.generator(widths=widths, depth=2, shape=SHAPE)
    return Nets(stylegan2.critic(widths=widths), generator, 512, SHAPE)


def iteration(game: Game) -> Callable[[], Any]:
    update = ours_game.contender(game._replace(objective="lazy_r1"), nets(game.width)).start()

    def sixteen() -> None:
        for _ in range(16):
            update()

    return sixteen
