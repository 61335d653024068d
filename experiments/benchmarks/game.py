"""The game that every contender plays: one WGAN-GP iteration of the article's DCGAN on images of 28x28."""

from typing import NamedTuple


class Game(NamedTuple):
    batch_size: int = 64
    width: int = 64
    critic_steps: int = 5
    norm: bool = False  # BatchNorm in the generator
    dropout: float = 0.0  # in the critic
