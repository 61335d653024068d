"""How speed.py measures a case: its programs are compiled, its contenders race, and each has a row of figures."""

import contextlib
import functools
import importlib
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import ahead
import jax.numpy as jnp
from calls import COMPILED, EAGER, LINEN, OURS, Measure, Row
from game import Game
from side_by_side import Times, matmul_rate, race, ratio
from speed_cases import NETWORKS, OBJECTIVES, Case, Loop, Sizes, game_of

Errors = dict[str, str]  # contender -> what stopped it, in a line

IN_JAX = {OURS: "ours", LINEN: "linen"}
LOOP = ("bare update", "loop, quiet", "loop, interval")


class Ready(NamedTuple):
    """A case with its programs compiled."""

    case: Case
    game: Game
    contenders: dict[str, ahead.Contender]
    memory: dict[str, float]  # contender -> bytes
    flops: float | None
    errors: Errors


def ready_cases(sizes: Sizes, cases: Sequence[Case]) -> list[Measure]:
    """Compiles all programs of the cases side by side."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        started = [compiling(pool, case, game_of(case, sizes)) for case in cases]
        return [functools.partial(measure_case, sizes, finish()) for finish in started]


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
