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

import functools
import gc
import sys
from collections.abc import Iterable
from pathlib import Path

import tyro
from calls import Group, Row, due, failures, replace, within
from side_by_side import show
from speed_cases import FULL, NETWORKS, TOY, Case, Loop, Sizes
from speed_measure import ready_cases, ready_loops
from stamp import known, save, stamp

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
