"""One update of the games of sounds, shapes and modern image GANs: ours beside PyTorch.

python experiments/benchmarks/kinds.py [--json FILE]

Each contender plays in a process of its own on the same cores, and they take turns. Without PyTorch, ours is timed
alone; `pip install torch` adds it.
"""

import contextlib
import importlib.util
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import tyro
from game import Game
from side_by_side import race, ratio, report, show

OURS, PEER = "gan_jax", "PyTorch eager"


class Case(NamedTuple):
    kind: str
    module: str  # ours_MODULE.py and torch_MODULE.py
    game: Game
    objective: str | None = None  # of those that the module offers


CASES = [
    Case("WaveGAN, WGAN-GP", "wavegan", Game(batch_size=16, width=8, critic_steps=2)),
    Case("WaveGAN, WGAN-GP", "wavegan", Game(batch_size=16, width=64, critic_steps=2)),
    Case("3D-GAN, WGAN-GP", "voxels", Game(batch_size=16, width=16, critic_steps=1), "wgan_gp"),
    Case("3D-GAN, relativistic + R1 + R2", "voxels", Game(batch_size=16, width=16, critic_steps=1), "relativistic"),
    Case("R3GAN, 64x64", "r3gan", Game(batch_size=16, width=32, critic_steps=1)),
    Case("R3GAN, 64x64", "r3gan", Game(batch_size=16, width=64, critic_steps=1)),
    Case("StyleGAN2, 64x64, 16 updates", "stylegan2", Game(batch_size=16, width=32, critic_steps=1)),
]


def main(rounds: int = 5, json: Path | None = None) -> None:
    """Time ours beside PyTorch.

    Args:
      rounds: Timed updates of each.
      json: File for the table.
    """
    prefixes = {OURS: "ours_"}
    if importlib.util.find_spec("torch"):
        prefixes[PEER] = "torch_"
    else:
        print(f"{PEER} is left out: torch isn't installed")
    rows: list[list[Any]] = []
    for case in CASES:
        with contextlib.ExitStack() as stack:
            players = {
                contender: stack.enter_context(playing(prefix + case.module, case))
                for contender, prefix in prefixes.items()
            }
            times = race(players, rounds)
        peer = (1e3 * statistics.median(times[PEER]), ratio(times, OURS, PEER)) if PEER in times else (None, None)
        ours = 1e3 * statistics.median(times[OURS])
        rows.append([case.kind, case.game.width, case.game.batch_size, case.game.critic_steps, ours, *peer])
        print(*map(show, rows[-1]), sep="\t", flush=True)
    report(
        "One update",
        ["kind", "width", "batch", "critic turns", f"{OURS} ms", f"{PEER} ms", f"{OURS} / {PEER}"],
        rows,
        json,
    )


@contextlib.contextmanager
def playing(module: str, case: Case) -> Iterator[Callable[[], None]]:
    """Starts a contender in a process of its own, contender.py."""
    script = Path(__file__).with_name("contender.py")
    settings = {f"game.{name}": getattr(case.game, name) for name in ("batch_size", "width", "critic_steps")}
    settings |= {"module": module} | ({"objective": case.objective} if case.objective else {})
    with subprocess.Popen(
        [sys.executable, str(script), *(f"--{name.replace('_', '-')}={value}" for name, value in settings.items())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as child:

        def update() -> None:
            assert child.stdin
            assert child.stdout
            child.stdin.write("\n")
            if not child.stdout.readline():
                raise ChildProcessError(f"{module} ended early: its error is above")

        yield update


if __name__ == "__main__":
    tyro.cli(main)
