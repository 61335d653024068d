"""Single convolutions and resampling, and the gradients that training needs: ours beside PyTorch.

python experiments/benchmarks/convolutions.py [--json FILE]

PyTorch's arrays are once channels last and once channels first, and its better time counts. Without PyTorch, ours is
timed alone; `pip install torch` adds it.
"""

import functools
import importlib
import importlib.util
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from side_by_side import race, ratio, report, show, waiting

from gan_jax.nets.conv import conv, downsample, upsample
from gan_jax.parallel import compiler_options

OURS, PEER = "gan_jax", "PyTorch eager"
MAPS = ("forward", "both gradients", "R1's kernel gradient")


class Case(NamedTuple):
    side: int
    channels: int
    groups: int = 1
    batch: int = 16


CASES = [
    Case(16, 128, groups=8),
    Case(16, 128, groups=4),
    Case(16, 128, groups=128),
    Case(8, 256, groups=16),
    Case(32, 64, groups=4),
    Case(64, 32, groups=2),
    Case(4, 256),
    Case(8, 128),
    Case(16, 128),
    Case(32, 64),
    Case(64, 32),
]
RESAMPLED = [Case(32, 64), Case(64, 32)]


def main(rounds: int = 7, calls: int = 10, json: Path | None = None) -> None:
    """Time 3x3 convolutions of stride 1, and upsampling and downsampling with the filter [1, 3, 3, 1].

    Args:
      rounds: Timed rounds of each.
      calls: Calls in a round.
      json: File for the table.
    """
    peer = importlib.import_module("torch_convolutions") if importlib.util.find_spec("torch") else None
    if peer is None:
        print(f"{PEER} is left out: torch isn't installed")
    rows: list[list[Any]] = []

    def compare(what: str, case: Case, name: str, ours: Callable[[], Any], theirs: list[Callable[[], Any]]) -> None:
        contenders = {OURS: ours} | {f"{PEER} {place}": run for place, run in enumerate(theirs)}
        times = race({name: repeated(run, calls) for name, run in contenders.items()}, rounds)
        ms = {name: 1e3 * statistics.median(each) / calls for name, each in times.items()}
        best = min(list(ms)[1:], key=ms.__getitem__, default=OURS)
        against = (ms[best], ratio(times, OURS, best)) if theirs else (None, None)
        rows.append([what, case.side, case.channels, case.groups, name, ms[OURS], *against])
        print(*map(show, rows[-1]), sep="\t", flush=True)

    for case in CASES:
        x, kernel = arrays(case)
        theirs = peer.convolutions(x, kernel, case.groups) if peer else {}
        for name, run in ours_of(functools.partial(conv, groups=case.groups), x, kernel).items():
            compare("3x3", case, name, run, theirs.get(name, []))
    for case in RESAMPLED:
        x, _ = arrays(case)
        for what, run_once in (("upsample", upsampled), ("downsample", downsampled)):
            theirs = peer.resampling(x, what) if peer else {}
            runs = ours_of(run_once, x, np.zeros(()))
            for name in MAPS[:2]:
                compare(what, case, name, runs[name], theirs.get(name, []))
    header = ["what", "side", "channels", "groups", "map", f"{OURS} ms", f"{PEER} ms", f"{OURS} / {PEER}"]
    report("One convolution, batch 16", header, rows, json)


def arrays(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Images and a 3x3 kernel."""
    rng, channels = np.random.default_rng(0), case.channels
    x = rng.normal(size=(case.batch, case.side, case.side, channels)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, channels // case.groups, channels)).astype(np.float32) / 30
    return x, kernel


def ours_of(function: Callable[[Any, Any], Any], x: Any, kernel: Any) -> dict[str, Callable[[], Any]]:
    """The contenders of each map of a function of (images, kernel), compiled as `gan-jax train` compiles an update."""

    def loss(x: Any, kernel: Any) -> Any:
        return jnp.sum(function(x, kernel) ** 2)

    def r1(x: Any, kernel: Any) -> Any:
        return jnp.sum(jax.grad(loss)(x, kernel) ** 2)

    maps = (function, jax.grad(loss, (0, 1)), jax.grad(r1, 1))
    options, given = compiler_options(), (jnp.asarray(x), jnp.asarray(kernel))
    return {name: waiting(jax.jit(each, compiler_options=options), *given) for name, each in zip(MAPS, maps)}


def upsampled(x: Any, _: Any) -> Any:
    return upsample(x)


def downsampled(x: Any, _: Any) -> Any:
    return downsample(x)


def repeated(run: Callable[[], Any], calls: int) -> Callable[[], None]:
    def many() -> None:
        for _ in range(calls):
            run()

    return many


if __name__ == "__main__":
    tyro.cli(main)
