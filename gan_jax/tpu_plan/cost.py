"""The cost of a compiled program, as its compiler counts it."""

import math
import re
from typing import Any, NamedTuple

import jax


class Traffic(NamedTuple):
    """Collectives of one kind.

    Attributes:
      number: How many there are.
      bytes: The size of their results on one chip.
    """

    number: int
    bytes: int


class Cost(NamedTuple):
    """The cost of a program on each chip.

    Attributes:
      flops: Arithmetic.
      bytes: Traffic of the memory.
      seconds: The compiler's estimate.
      collectives: Traffic between chips by kind, such as "all-reduce".
    """

    flops: float
    bytes: float
    seconds: float
    collectives: dict[str, Traffic]


def cost_of(program: jax.stages.Compiled) -> Cost:
    """Returns the cost of a program, in which the body of a loop counts once."""
    analysis: Any = program.cost_analysis()
    flops, bytes_, seconds = (analysis.get(name, math.nan) for name in ("flops", "bytes accessed", "optimal_seconds"))
    return Cost(flops, bytes_, seconds, collectives(program.as_text() or ""))


def memory_of(program: jax.stages.Compiled) -> float:
    """Returns bytes on a chip: of arguments, results that aren't written over them, intermediate values, and code."""
    sizes: Any = program.memory_analysis()
    given, returned = sizes.argument_size_in_bytes, sizes.output_size_in_bytes - sizes.alias_size_in_bytes
    return given + returned + sizes.temp_size_in_bytes + sizes.generated_code_size_in_bytes


def added(a: Cost, times_a: int, b: Cost, times_b: int) -> Cost:
    """Returns a linear combination of two costs."""
    kinds = {
        kind: Traffic(*(times_a * x + times_b * y for x, y in zip(of_kind(a, kind), of_kind(b, kind))))
        for kind in (*a.collectives, *b.collectives)
    }
    flops, bytes_, seconds = (times_a * x + times_b * y for x, y in zip(a[:3], b[:3]))
    return Cost(flops, bytes_, seconds, kinds)


def of_kind(cost: Cost, kind: str) -> Traffic:
    return cost.collectives.get(kind, Traffic(0, 0))


COLLECTIVE = re.compile(
    r"= (?P<shape>.*?) (?P<kind>all-reduce|all-gather|all-to-all|reduce-scatter|collective-[a-z]+)(-done)?\("
)
ARRAY = re.compile(r"\b(pred|[a-z]+(\d+)[a-z0-9]*)\[([\d,]*)\]")


def collectives(text: str) -> dict[str, Traffic]:
    """Returns the collectives in a compiled program's text by kind. An asynchronous one counts where it is done."""
    found: dict[str, Traffic] = {}
    for line in text.splitlines():
        if match := COLLECTIVE.search(line):
            number, total = found.get(match["kind"], Traffic(0, 0))
            found[match["kind"]] = Traffic(number + 1, total + size_of(match["shape"]))
    return found


def size_of(shape: str) -> int:
    """Returns the bytes of arrays without padding: 97 for "(f32[8,3]{1,0:T(8,128)}, pred[])"."""
    return sum(
        math.prod(int(length) for length in axes.split(",") if length) * int(bits or 8) // 8
        for _, bits, axes in ARRAY.findall(shape)
    )
