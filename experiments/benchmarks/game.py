"""The games that every contender plays, and the form of each framework's networks."""

from typing import Any, Literal, NamedTuple


class Game(NamedTuple):
    batch_size: int = 64
    width: int = 64
    critic_steps: int = 5
    norm: bool = False  # BatchNorm in the DCGAN's generator
    dropout: float = 0.0  # in the DCGAN's critic
    objective: Literal["wgan_gp", "r1", "lazy_r1", "hinge", "relativistic"] = "wgan_gp"  # r1: non-saturating, with R1
    bfloat16: bool = False  # what the networks compute in; float32 otherwise


class Nets(NamedTuple):
    """One framework's two networks, and the sizes of their inputs."""

    critic: Any
    generator: Any
    latents: int
    shape: tuple[int, int, int]  # of an image: height, width, channels
