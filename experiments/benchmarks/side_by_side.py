"""Times contenders side by side: they alternate in one process, so that a machine's moods affect all alike.

A time means nothing on a shared machine. The ratio of two times of one round does, if nothing else runs: PyTorch's
threads suffer far more from other work than XLA's. The reported times and ratios are medians over the rounds.
"""

import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

Times = dict[str, list[float]]  # contender -> seconds, one a round

PACKAGES = ("gan-jax", "jax", "jaxlib", "flax", "torch", "tensorflow-cpu", "tensorflow")
PAUSE = 0.05  # seconds, for the thread pool of the one before to fall asleep


def race(contenders: Mapping[str, Callable[[], Any]], rounds: int, pause: float = PAUSE) -> Times:
    """Times every contender once a round, after a round that isn't counted. A contender returns when it is done."""
    times: Times = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            time.sleep(pause)
            start = time.perf_counter()
            run()
            if number:
                times[name].append(time.perf_counter() - start)
    return times


def ratio(times: Times, one: str, other: str) -> float:
    """Returns the median over the rounds of the ratio of two contenders' times."""
    return statistics.median(a / b for a, b in zip(times[one], times[other]))


def waiting(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    """Makes a contender of a call and the wait until JAX is done with it."""
    return lambda: jax.block_until_ready(function(*arguments))


def advancing(update: Callable[..., tuple[Any, Any]], state: Any, *arguments: Any) -> Callable[[], Any]:
    """Makes a contender that takes one step from the latest state, (state, ...) -> (state, metrics)."""

    def step() -> tuple[Any, Any]:
        nonlocal state
        state, metrics = update(state, *arguments)
        return jax.block_until_ready((state, metrics))

    return step


def matmul_rate(size: int = 2048, dtype: Any = jnp.float32) -> tuple[Callable[[], Any], Callable[[float], float]]:
    """Makes a contender that multiplies random square matrices (a GPU is faster on zeros), and seconds -> flop/s."""
    x = jax.random.normal(jax.random.key(0), (size, size), dtype)
    return waiting(jax.jit(jnp.matmul), x, x), lambda seconds: 2 * size**3 / seconds


def machine() -> dict[str, Any]:
    """Describes the machine of the figures."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "device": jax.devices()[0].device_kind,
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        **versions,
    }


def processor() -> str:
    """Returns the processor's name, on Linux."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.is_file() else []
    return names[0].split(":")[1].strip() if names else platform.processor()


def report(title: str, header: list[str], rows: list[list[Any]], out: Path | None, **extra: Any) -> None:
    """Prints a Markdown table under its machine, and with `out` writes the same as JSON."""
    where = machine()
    print(f"\n{title}\n{', '.join(f'{name} {value}' for name, value in where.items())}\n")
    cells = [header, ["---"] * len(header), *([show(cell) for cell in row] for row in rows)]
    print("\n".join("| " + " | ".join(row) + " |" for row in cells), flush=True)
    if out:
        table = [dict(zip(header, row)) for row in rows]
        out.write_text(json.dumps({"title": title, "machine": where, "table": table, **extra}, indent=2) + "\n")


def show(cell: Any) -> str:
    return "-" if cell is None else f"{cell:.3g}" if isinstance(cell, float) else str(cell)
