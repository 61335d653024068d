"""The cases that speed.py measures: networks, objectives, batch sizes and precisions, and the training loop."""

from typing import Any, NamedTuple

from game import Game
from side_by_side import PAUSE


class Network(NamedTuple):
    name: str
    width: int
    objective: str  # the paper's


NETWORKS = {
    "sngan": Network("SNGAN's ResNet", 128, "hinge"),
    "resnet": Network("WGAN-GP's ResNet", 128, "wgan_gp"),
    "dcgan": Network("the article's DCGAN", 64, "wgan_gp"),
}
OBJECTIVES = {"hinge": "hinge", "wgan_gp": "WGAN-GP", "r1": "non-saturating + R1"}


class Case(NamedTuple):
    network: str
    objective: str
    batch_size: int
    bfloat16: bool

    @property
    def name(self) -> str:
        network, objective = NETWORKS[self.network].name, OBJECTIVES[self.objective]
        return f"{network}, {objective}, batch {self.batch_size}, {self.precision}"

    @property
    def precision(self) -> str:
        return "bfloat16" if self.bfloat16 else "float32 with TF32"


class Loop(NamedTuple):
    """The digits' training loop, with some arguments of the experiment."""

    name: str
    arguments: dict[str, Any]


class Sizes(NamedTuple):
    """The sizes and numbers of everything."""

    batch_size: int | None  # None: the case's
    width: int | None  # None: the network's
    rounds: int
    loop_rounds: int
    interval: int  # steps between the loop's checkpoints
    matmul: int  # side of its matrices
    pause: float  # seconds between contenders
    compiler: str  # torch.compile's backend


FULL = Sizes(None, None, rounds=15, loop_rounds=2, interval=200, matmul=8192, pause=0.0, compiler="inductor")
TOY = Sizes(batch_size=2, width=2, rounds=1, loop_rounds=1, interval=3, matmul=128, pause=PAUSE, compiler="aot_eager")


def game_of(case: Case, sizes: Sizes) -> Game:
    return Game(
        batch_size=sizes.batch_size or case.batch_size,
        width=sizes.width or NETWORKS[case.network].width,
        critic_steps=1 if case.objective == "r1" else 5,
        norm=True,
        dropout=0.3,
        objective=case.objective,  # type: ignore[arg-type]
        bfloat16=case.bfloat16,
    )
