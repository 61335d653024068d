"""Contenders in JAX, in two parts: programs that compile ahead, in threads, and the start of a game that runs them."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax

from gan_jax.tpu_plan.cost import memory_of


class Program(NamedTuple):
    function: Any  # jitted
    arguments: tuple[Any, ...]  # their shapes
    calls: int  # in one iteration


class Contender(NamedTuple):
    programs: list[Program]
    start: Callable[[], Callable[[], Any]]  # -> one iteration, which returns what it has made when it is done


def compile_program(program: Program) -> float:
    """Compiles a program, so that a later call finds it compiled, and returns the bytes of device memory it takes."""
    return memory_of(program.function.lower(*program.arguments).compile())


def flops(programs: Iterable[Program]) -> float:
    """Returns the flops of one iteration, as XLA counts them before it optimises.

    On a GPU a compiled program hides its convolutions in calls of cuDNN, and only a CPU's client counts the operations
    of a program that isn't compiled. So the programs are lowered as for a CPU, which changes nothing for networks of
    Linen's layers.
    """

    def count(program: Program) -> float:
        analysis: Any = program.function.lower(*program.arguments).cost_analysis()
        return program.calls * float(analysis["flops"])

    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        return sum(count(program) for program in programs if program.calls)
