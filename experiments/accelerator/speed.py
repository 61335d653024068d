"""One iteration of a game on one accelerator: ours beside its peers. And the training loop beside the bare update.

bash experiments/accelerator/speed.sh [--again] [--rehearse]

There are more cases than fit into the time. The most informative come first, and those that aren't reached are listed
by name. A later run goes on from there: it keeps the rows in experiments/results/accelerator and measures the rest;
then cases that failed or are of another commit, oldest first.

The exit code is 1 if ours failed; in a rehearsal, if anything failed.

A case's contenders alternate in this one process. JAX's programs compile in threads, while nothing is timed.
"""
# ruff: noqa: E402

import time

START = time.monotonic()  # before the heavy imports: the timeout in speed.sh counts them too

import contextlib
import functools
import gc
import importlib
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import ahead
import jax.numpy as jnp
import tyro
from calls import COMPILED, EAGER, LINEN, OURS, Group, Measure, Row, due, failures, replace, within
from game import Game
from side_by_side import PAUSE, Times, matmul_rate, race, ratio, show
from stamp import known, save, stamp

Errors = dict[str, str]  # contender -> what stopped it, in a line

IN_JAX = {OURS: "ours", LINEN: "linen"}
LOOP = ("bare update", "loop, quiet", "loop, interval")
NOTES = {
    "turns": "an iteration has 5 critic turns, or 1 in the game with R1, and then 1 generator turn",
    "batches": "every turn has a batch of the same size; the ResNets' papers give the generator twice as many images",
    "float32": "TF32 is allowed: by JAX's default, PyTorch's set_float32_matmul_precision('high') and cuDNN's default",
    "bfloat16": "ours by make_update's dtype, Linen by each module's, PyTorch by autocast",
    "PyTorch": "channels_last, fused Adam, cuDNN's benchmark",
    "PyTorch compiled": "torch.compile in its default mode, which has no CUDA graphs; the penalties run eagerly",
    "compiler": "memory_mib is of the largest program, as XLA says: arguments, results, temporaries and code",
    "allocator": "memory_mib is the most that PyTorch allocated in an iteration, less what it had before the contender",
    "matrix_share": "gigaflops, XLA's count of plain Linen's turns before it optimises, over ms and matmul_tflops",
}


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


class Ready(NamedTuple):
    """A case with its programs compiled."""

    case: Case
    game: Game
    contenders: dict[str, ahead.Contender]
    memory: dict[str, float]  # contender -> bytes
    flops: float | None
    errors: Errors


def main(seconds: float = 170, again: bool = False, rehearse: bool = False) -> None:
    """Measure one case after another until the time is up.

    Args:
      seconds: No part begins that is expected to end later than this after the script's start.
      again: Measure known cases again.
      rehearse: A few cases at toy size; speed.sh puts them on a CPU.
    """
    measured_on = stamp(rehearsal=rehearse)
    origin = {name: measured_on[name] for name in ("commit", "date")}
    rows = [] if rehearse else known("speed", measured_on["card"])
    groups = rehearsal(TOY) if rehearse else plan(FULL)
    groups = groups if again else due(groups, rows, measured_on["commit"])
    left = [part.name for group in groups for part in group.parts]
    failed: list[str] = []

    def keep() -> Path:
        return save("speed", {"stamp": measured_on, "notes": NOTES, "rows": rows, "not_reached": left})

    file = keep()
    for new in within(START + seconds, groups):
        case = new[0]["case"]
        rows = replace(rows, [row | origin for row in new])
        left.remove(case)
        keep()
        print(table(new), flush=True)
        failed += failures(new, rehearse)
        clean()
    print(f"\n{file}", *(f"not reached: {name}" for name in left), sep="\n")
    if failed or (rehearse and left):
        sys.exit("\n".join(["speed.sh: not all is well", *failed, *left]))


def plan(sizes: Sizes) -> list[Group]:
    """Returns all loops and cases, the most informative first. A group's programs compile together."""
    ready = functools.partial(ready_cases, sizes)
    papers, *others = [
        Group([Case(key, objective or network.objective, size, bfloat16) for key, network in NETWORKS.items()], ready)
        for objective, size, bfloat16 in (
            (None, 64, True),
            (None, 64, False),
            (None, 512, True),
            ("r1", 64, True),
            (None, 512, False),
            ("r1", 64, False),
            ("r1", 512, True),
            ("r1", 512, False),
        )
    ]
    paper = Loop("train loop, digits with the paper's settings", {"batch_size": 64, "width": 64, "critic_steps": 5})
    defaults = Loop("train loop, digits at the defaults", {})
    first, second = (Group([loop], functools.partial(ready_loops, sizes)) for loop in (paper, defaults))
    return [first, papers, second, *others]


def rehearsal(sizes: Sizes) -> list[Group]:
    """Returns a loop, and each objective and precision, with the more complex ResNet."""
    cases = [Case("sngan", "hinge", 64, True), Case("dcgan", "r1", 64, False)]
    loop = Loop("train loop, digits", {"batch_size": 2, "width": 2, "critic_steps": 1})
    return [Group([loop], functools.partial(ready_loops, sizes)), Group(cases, functools.partial(ready_cases, sizes))]


def ready_cases(sizes: Sizes, cases: Sequence[Case]) -> list[Measure]:
    """Compiles all programs of the cases side by side."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        started = [compiling(pool, case, game_of(case, sizes)) for case in cases]
        return [functools.partial(measure_case, sizes, finish()) for finish in started]


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


def compiling(pool: ThreadPoolExecutor, case: Case, game: Game) -> Callable[[], Ready]:
    """Starts to compile; returns a function that waits for the end."""
    errors: Errors = {}
    contenders: dict[str, ahead.Contender] = {}
    programs: dict[str, list[Future[float]]] = {}
    for name, framework in IN_JAX.items():
        with costing(name, errors):
            nets = importlib.import_module(f"{framework}_{case.network}").nets(game)
            contenders[name] = importlib.import_module(f"{framework}_game").contender(game, nets)
            programs[name] = [pool.submit(ahead.compile_program, program) for program in contenders[name].programs]
    counting = pool.submit(ahead.flops, contenders[LINEN].programs) if LINEN in contenders else None

    def finish() -> Ready:
        memory: dict[str, float] = {}
        flops = None
        for name, futures in programs.items():
            with costing(name, errors):
                memory[name] = max(future.result() for future in futures)
        with costing("flops", errors):
            flops = counting.result() if counting else None
        return Ready(case, game, contenders, memory, flops, errors)

    return finish


@contextlib.contextmanager
def costing(name: str, errors: Errors) -> Iterator[None]:
    """Limits an error inside to the contender of this name."""
    try:
        yield
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        errors[name] = f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def measure_case(sizes: Sizes, ready: Ready) -> list[Row]:
    case, errors = ready.case, ready.errors
    print(f"\n{case.name}", flush=True)
    memory: dict[str, float | None] = {**ready.memory}
    steps: dict[str, Callable[[], Any]] = {}
    for name in ready.memory:
        with costing(name, errors):
            steps[name] = ready.contenders[name].start()
    for name, compiler in ((EAGER, None), (COMPILED, sizes.compiler)):
        with costing(name, errors):
            steps[name], memory[name] = start_in_torch(case, ready.game, compiler)
    with costing("matmul", errors):
        steps["matmul"], rate = matmul_rate(sizes.matmul, jnp.bfloat16 if case.bfloat16 else jnp.float32)

    times = race({name: guarded(step, name, errors) for name, step in steps.items()}, sizes.rounds, sizes.pause)
    times = {name: seconds for name, seconds in times.items() if name not in errors}
    matmul = rate(statistics.median(times["matmul"])) if "matmul" in times else None
    for name in errors.keys() & {"matmul", "flops"}:
        print(f"  {name}: {errors[name]}")
    return [row(ready, name, times, memory.get(name), matmul) for name in (*IN_JAX, EAGER, COMPILED)]


def guarded(step: Callable[[], Any], name: str, errors: Errors) -> Callable[[], None]:
    """Returns the step, which does nothing more once it has failed."""

    def run() -> None:
        with costing(name, errors):
            if name not in errors:
                step()

    return run


def start_in_torch(case: Case, game: Game, compiler: str | None) -> tuple[Callable[[], None], float | None]:
    """Returns a warm iteration and its bytes of device memory, which a CPU doesn't tell."""
    import torch

    nets = importlib.import_module(f"torch_{case.network}").nets(game)
    on_gpu = torch.cuda.is_available()
    before = torch.cuda.memory_allocated() if on_gpu else 0
    step = importlib.import_module("torch_game").iteration(game, nets, compiler=compiler)
    for _ in range(2):
        step()
    if not on_gpu:
        return step, None
    torch.cuda.reset_peak_memory_stats()
    step()
    return step, torch.cuda.max_memory_allocated() - before


def row(ready: Ready, name: str, times: Times, memory: float | None, matmul: float | None) -> Row:
    """Returns the figures of one contender; None for a missing one."""
    case, game = ready.case, ready.game
    seconds = statistics.median(times[name]) if name in times else None
    return {
        "case": case.name,
        "network": NETWORKS[case.network].name,
        "objective": OBJECTIVES[case.objective],
        "batch_size": game.batch_size,
        "width": game.width,
        "critic_steps": game.critic_steps,
        "precision": case.precision,
        "contender": name,
        "ms": seconds and 1e3 * seconds,
        "ours / it": ratio(times, OURS, name) if seconds and OURS in times else None,
        "examples a second": seconds and (game.critic_steps + 1) * game.batch_size / seconds,
        "memory_mib": memory and memory / 2**20,
        "memory_by": "compiler" if name in IN_JAX else "allocator",
        "matrix_share": ready.flops / seconds / matmul if ready.flops and seconds and matmul else None,
        "gigaflops": ready.flops and ready.flops / 1e9,
        "matmul_tflops": matmul and matmul / 1e12,
        "share_error": ready.errors.get("flops", ready.errors.get("matmul")),
        "error": ready.errors.get(name),
        "seconds": times.get(name),
    }


def ready_loops(sizes: Sizes, loops: Sequence[Loop]) -> list[Measure]:
    return [functools.partial(measure_loop, sizes, loop) for loop in loops]


def measure_loop(sizes: Sizes, loop: Loop) -> list[Row]:
    """Returns the rows of the bare update and the loop."""
    print(f"\n{loop.name}", flush=True)
    errors: Errors = {}
    times: Times = {}
    with costing("loop", errors):
        import loop as training

        times = training.measure(training.DIGITS, loop.arguments, sizes.interval, sizes.loop_rounds)
    return [
        {
            "case": loop.name,
            "contender": name,
            "ms": 1e3 * statistics.median(times[name]) if times else None,
            "it / bare update": ratio(times, name, LOOP[0]) if times else None,
            "error": errors.get("loop"),
            "seconds": times.get(name),
        }
        for name in LOOP
    ]


def table(rows: Iterable[Row]) -> str:
    """Returns a line for each row, with the main figures."""
    columns = ("ms", "ours / it", "it / bare update", "examples a second", "memory_mib", "matrix_share", "error")
    return "\n".join(
        f"  {row['contender']:17}"
        + "  ".join(f"{name} {show(row[name])}" for name in columns if row.get(name) is not None)
        for row in rows
    )


def clean() -> None:
    """Frees the memory of the last cases, and the programs that torch.compile holds."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.compiler.reset()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


if __name__ == "__main__":
    tyro.cli(main)
