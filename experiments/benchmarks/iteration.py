"""One WGAN-GP iteration of the TensorFlow tutorial's DCGAN, 5 critic turns and 1 generator turn: ours and its peers.

python experiments/benchmarks/iteration.py [--network article] [--json FILE]

Peers that aren't installed are left out by name; `pip install torch tensorflow-cpu` adds them.
"""

import importlib
import os
import statistics
from pathlib import Path
from typing import Any, Literal

import ahead
import linen_dcgan
import linen_game
import tyro
from game import Game
from side_by_side import matmul_rate, race, ratio, report

CONTENDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "gan_jax": ("ours_dcgan", {}),
    "plain Linen": ("linen_dcgan", {}),
    "PyTorch eager": ("torch_dcgan", {}),
    "PyTorch compiled": ("torch_dcgan", {"compiler": "inductor"}),
    "TensorFlow graph": ("tensorflow_dcgan", {"jit_compile": False}),
    "TensorFlow jit": ("tensorflow_dcgan", {"jit_compile": True}),
}


def main(
    network: Literal["plain", "article"] = "plain",
    batch_size: int = 64,
    width: int = 64,
    critic_steps: int = 5,
    rounds: int = 7,
    leave_out: tuple[str, ...] = (),
    json: Path | None = None,
) -> None:
    """Time ours beside the peers, alternating in this one process.

    Args:
      network: plain has no BatchNorm and no dropout; article has both, like TensorFlow's tutorial.
      batch_size: Images per turn.
      width: Channels of the layers nearest the image; TensorFlow's tutorial has 64.
      critic_steps: Critic turns per iteration.
      rounds: Timed iterations of each.
      leave_out: Names of peers to leave out.
      json: File for the table.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    article = network == "article"
    game = Game(batch_size, width, critic_steps, norm=article, dropout=0.3 if article else 0.0)
    contenders = {}
    for name, (module, settings) in CONTENDERS.items():
        if name in leave_out:
            continue
        try:
            contenders[name] = importlib.import_module(module).iteration(game, **settings)
        except ModuleNotFoundError as error:
            print(f"{name} is left out: {error.name} isn't installed")
    contenders["matmul"], rate = matmul_rate()
    times = race(contenders, rounds)
    flops = ahead.flops(linen_game.contender(game, linen_dcgan.nets(game)).programs)
    times["bound"] = [flops / rate(seconds) for seconds in times.pop("matmul")]
    report(
        f"One WGAN-GP iteration, {network} network: batch {batch_size}, width {width}, {critic_steps} critic turns",
        ["contender", "ms", "gan_jax / it"],
        [[name, 1e3 * statistics.median(times[name]), ratio(times, "gan_jax", name)] for name in times],
        json,
        gigaflops=flops / 1e9,
        seconds=times,
    )


if __name__ == "__main__":
    tyro.cli(main)
