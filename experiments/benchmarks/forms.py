"""What our own forms of convolution, and the choice of XLA's kernels, save on the jaxlib that is installed.

python experiments/benchmarks/forms.py [--json FILE]

Run it once with each jaxlib; a ratio compares contenders of one run. `what is trained` is the update as `gan-jax train`
compiles it. The others change one thing: which of YNNPACK's kernels XLA may use, or the form of the convolutions.
"""

import contextlib
import importlib
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import tyro
from game import Game
from side_by_side import race, ratio, report

from gan_jax import parallel
from gan_jax.nets import bilinear, direct

TRAINED = "what is trained"
YNNPACK = "xla_cpu_experimental_ynn_fusion_type"
REDUCE = "LIBRARY_FUSION_TYPE_REDUCE"


class Case(NamedTuple):
    name: str
    module: str
    game: Game
    own: str  # the file in gan_jax/nets that holds our form of its convolutions


CASES = [
    Case("DCGAN, WGAN-GP", "ours_dcgan", Game(), "fourier"),
    Case("WaveGAN, WGAN-GP", "ours_wavegan", Game(batch_size=16, width=8, critic_steps=2), "phases"),
    Case("3D-GAN, WGAN-GP", "ours_voxels", Game(batch_size=4, width=8, critic_steps=1), "planes"),
]


def main(rounds: int = 7, cases: tuple[int, ...] = (0, 1, 2), json: Path | None = None) -> None:
    """Time an update in several forms, alternating in this one process.

    Args:
      rounds: Updates of each that are timed.
      cases: Which games to play: 0 DCGAN, 1 WaveGAN, 2 3D-GAN.
      json: File for the table.
    """
    rows = []
    for case in (CASES[number] for number in cases):
        make = importlib.import_module(case.module).iteration
        contenders = {TRAINED: make(case.game)}
        for name, options in {
            "YNNPACK's sums alone": parallel.on_cpu(YNNPACK, REDUCE),
            "as XLA comes": {},
            "no YNNPACK": parallel.on_cpu(YNNPACK, ""),
        }.items():
            with compiled_with(options):
                contenders[name] = first_done(make(case.game))
        with without(case.own):
            contenders[f"without {case.own}.py"] = first_done(make(case.game))
        times = race(contenders, rounds)
        rows += [[case.name, name, 1e3 * statistics.median(times[name]), ratio(times, name, TRAINED)] for name in times]
    report("One update, by form", ["game", "form", "ms", f"it / {TRAINED}"], rows, json)


def first_done(update: Callable[[], Any]) -> Callable[[], Any]:
    """The contender, compiled now: while what is patched is."""
    update()
    return update


@contextlib.contextmanager
def compiled_with(options: dict[str, str]) -> Iterator[None]:
    """Every CPU program is compiled with these options."""
    with mock.patch.object(parallel, "compiler_options", return_value=options):
        yield


@contextlib.contextmanager
def without(own: str) -> Iterator[None]:
    """What would be convolved by one of our forms is convolved by XLA."""
    faster = bilinear.faster

    def chosen(*given: Any) -> Any:
        form = faster(*given)
        return direct if form.__name__.endswith(f".{own}") else form

    with mock.patch.object(bilinear, "faster", chosen):
        yield


if __name__ == "__main__":
    tyro.cli(main)
