"""How the time of one iteration of ours scales: with the batch, the images' side, the devices, and the critic's turns.

python experiments/benchmarks/scaling.py [--json FILE]

The game is iteration.py's plain one. An iteration of 5 critic turns and 1 generator turn on a batch of B takes 6 B
images. The rows of a group alternate; its last column is the ratio to the group's first row in the same round.

The devices are simulated by JAX_NUM_CPU_DEVICES, each number in a process of its own, as it must be set before JAX
starts. They share the same cores: the rows show the cost of splitting the batch, not a speed-up.

The last group leaves out the generator's turn (scanned.py): five critic turns in a call each, and in one scan.
"""

import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import ours_dcgan
import scanned
import tyro
from game import Game
from side_by_side import Times, advancing, race, ratio, report


class Case(NamedTuple):
    run: Callable[[], Any]
    images: int  # that it takes


def main(
    batch_sizes: tuple[int, ...] = (16, 32, 64, 128, 256, 512),
    sides: tuple[int, ...] = (28, 32, 48, 64),
    devices: tuple[int, ...] = (1, 2, 4, 8),
    batch_size: int = 64,
    width: int = 64,
    rounds: int = 5,
    json: Path | None = None,
) -> None:
    """Time ours in groups of one quantity each.

    Args:
      batch_sizes: Images per turn, 28x28.
      sides: Sides of the images in pixels, at `batch_size`.
      devices: Numbers of simulated devices, which `batch_size` must divide among.
      batch_size: Images per turn in the other groups.
      width: Channels of the layers nearest the image.
      rounds: Timed iterations of each.
      json: File for the table.
    """
    game = Game(batch_size, width)
    times: Times = {}
    rows: list[list[Any]] = []

    def measure(cases: Mapping[str, Case]) -> None:
        seconds = race({name: case.run for name, case in cases.items()}, rounds)
        times.update(seconds)
        rows.extend(table(cases, seconds))

    measure(by_batch(game, batch_sizes))
    measure(by_side(game, sides))
    with contextlib.ExitStack() as stack:
        measure(by_devices(game, devices, stack))
    measure(by_call(game))
    report(
        f"One WGAN-GP iteration of ours: batch {batch_size}, width {width} where not said otherwise",
        ["case", "ms", "ms an image", "an image / the group's first"],
        rows,
        json,
        seconds=times,
    )


def table(cases: Mapping[str, Case], times: Times) -> list[list[Any]]:
    """Returns rows of name, time, time per image, and its ratio to the first row's."""
    first, *_ = cases

    def row(name: str, images: int) -> list[Any]:
        milliseconds = 1e3 * statistics.median(times[name])
        return [name, milliseconds, milliseconds / images, ratio(times, name, first) * cases[first].images / images]

    return [row(name, case.images) for name, case in cases.items()]


def by_batch(game: Game, sizes: tuple[int, ...]) -> dict[str, Case]:
    games = [game._replace(batch_size=size) for size in sizes]
    return {f"batch {game.batch_size}": Case(ours_dcgan.iteration(game), images(game)) for game in games}


def by_side(game: Game, sides: tuple[int, ...]) -> dict[str, Case]:
    return {f"{side}x{side}": Case(advancing(*ours_dcgan.make(game, side)), images(game)) for side in sides}


def by_devices(game: Game, counts: tuple[int, ...], stack: contextlib.ExitStack) -> dict[str, Case]:
    return {f"devices: {n}": Case(stack.enter_context(on_devices(n, game)), images(game)) for n in counts}


def by_call(game: Game) -> dict[str, Case]:
    turns = game.critic_steps
    return {
        f"{turns} critic turns, a call each": Case(scanned.called(game), turns * game.batch_size),
        f"{turns} critic turns, scanned": Case(scanned.scanned(game), turns * game.batch_size),
    }


def images(game: Game) -> int:
    """Returns the number of images of one iteration."""
    return (game.critic_steps + 1) * game.batch_size


@contextlib.contextmanager
def on_devices(count: int, game: Game) -> Iterator[Callable[[], None]]:
    """Starts a contender in a process of its own, devices.py, which answers each line with an iteration."""
    script = Path(__file__).with_name("devices.py")
    settings = ["--game.batch-size", str(game.batch_size), "--game.width", str(game.width)]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(count)}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, script, *settings], env=environment, stdin=pipe, stdout=pipe) as child:
        ask, answer = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)

        def iteration() -> None:
            ask.write(b"\n")
            ask.flush()
            if answer.readline() != b"%d\n" % count:
                raise RuntimeError(f"{script} ended, or has not {count} devices")

        yield iteration


if __name__ == "__main__":
    tyro.cli(main)
