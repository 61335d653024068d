"""The time that our forms of convolution and the choice of XLA's kernels save on the installed jaxlib.

python experiments/benchmarks/forms.py [--json FILE]

Run it with each jaxlib; a ratio compares contenders of one run. "what is trained" is the update as `gan-jax train`
compiles it. Each of the others changes one thing: the kernels that XLA may take from YNNPACK, or the form of the
convolutions.
"""

import contextlib
import functools
import importlib
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import ours_points
import tyro
from game import Game
from side_by_side import race, ratio, report, show

from gan_jax import parallel
from gan_jax.nets.conv import cpu, direct
from gan_jax.runs import games

TRAINED = "what is trained"
KERNELS = {  # of YNNPACK's; None: as XLA comes
    "as XLA comes": None,
    "YNNPACK's sums": "REDUCE",
    "its sums and products": "REDUCE,DOT,INDIVIDUAL_DOT",
    "its sums, products, convolutions": "REDUCE,DOT,INDIVIDUAL_DOT,INDIVIDUAL_CONVOLUTION",
    "nothing of YNNPACK's": "",
}


class Case(NamedTuple):
    make: Callable[[], Any]  # -> a contender
    own: str | None = None  # the file in gan_jax/nets that has our form of its convolutions


def game(module: str, **settings: Any) -> Callable[[], Any]:
    return lambda: importlib.import_module(module).iteration(Game(**settings))


def points(width: int) -> Any:
    experiment = ours_points.make(width, 256)
    return ours_points.iterations(experiment, ours_points.draw(experiment, 20))


CASES = {
    "dcgan": Case(game("ours_dcgan"), "fourier"),
    "dcgan32": Case(game("ours_dcgan", width=32), "fourier"),
    "wavegan": Case(game("ours_wavegan", batch_size=16, width=8, critic_steps=2), "phases"),
    "gan3d": Case(game("ours_voxels", batch_size=4, width=8, critic_steps=1), "planes"),
    **{f"points{width}": Case(functools.partial(points, width)) for width in (64, 128, 512)},
}


def main(rounds: int = 7, cases: tuple[str, ...] = tuple(CASES), json: Path | None = None) -> None:
    """Time an update in several forms, alternating in this one process.

    Args:
      rounds: Timed updates of each.
      cases: Which games to play.
      json: File for the table.
    """
    rows = []
    for name in cases:
        make, own = CASES[name]
        contenders = {TRAINED: make()}
        for what, kernels in KERNELS.items():
            with compiled_with(kernels):
                contenders[what] = compiled(make())
        if own:
            with without(own):
                contenders[f"without {own}.py"] = compiled(make())
        times = race(contenders, rounds)
        rows += [[name, what, 1e3 * statistics.median(times[what]), ratio(times, what, TRAINED)] for what in times]
        print(*(" ".join(map(show, row)) for row in rows[-len(times) :]), sep="\n", flush=True)
    report("One update, by form", ["game", "form", "ms", f"it / {TRAINED}"], rows, json)


def compiled(update: Callable[[], Any]) -> Callable[[], Any]:
    """Compiles a contender now, while something is patched."""
    update()
    return update


@contextlib.contextmanager
def compiled_with(kernels: str | None) -> Iterator[None]:
    """Lets programs take these kernels from YNNPACK, on a CPU."""
    kinds = ",".join(f"LIBRARY_FUSION_TYPE_{kind}" for kind in (kernels or "").split(",") if kind)
    options = {} if kernels is None else parallel.on_cpu("xla_cpu_experimental_ynn_fusion_type", kinds)
    with (
        mock.patch.object(parallel, "compiler_options", return_value=options),
        mock.patch.object(games, "has_wide_products", return_value=False),
    ):
        yield


@contextlib.contextmanager
def without(own: str) -> Iterator[None]:
    """Lets XLA compute the convolutions of one of our forms."""
    fastest = cpu.fastest_module

    def chosen(*given: Any) -> Any:
        form = fastest(*given)
        return direct if form.__name__.endswith(f".{own}") else form

    with mock.patch.object(cpu, "fastest_module", chosen):
        yield


if __name__ == "__main__":
    tyro.cli(main)
