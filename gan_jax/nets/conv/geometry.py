"""The geometry of a convolution, which it shares with its input gradient and its kernel gradient."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
from jax import lax

from gan_jax.errors import UserError

Padding: TypeAlias = str | Sequence[tuple[int, int]]  # "SAME", "VALID", or (low, high) for each spatial dimension


class Geometry(NamedTuple):
    """One entry per spatial dimension. Hashable, so it can be a static argument.

    Attributes:
      space: The sizes of x.
      window: The sizes of the kernel.
      strides: The strides.
      padding: Zeros before and after, (low, high).
      precision: The default precision where the convolution was called, not where it is lowered.
      groups: The number of parts of the channels, each convolved by itself.
    """

    space: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    precision: Any
    groups: int = 1

    @property
    def positions(self) -> tuple[int, ...]:
        """The sizes of the result."""
        return tuple(
            (size + low + high - window) // stride + 1
            for size, window, stride, (low, high) in zip(self.space, self.window, self.strides, self.padding)
        )

    @property
    def reach(self) -> tuple[int, ...]:
        """The extent of the positions in x, dilated by the strides."""
        return tuple((n - 1) * stride + 1 for n, stride in zip(self.positions, self.strides))


def geometry_of(
    space: Sequence[int], window: Sequence[int], strides: int | Sequence[int], padding: Padding, groups: int = 1
) -> Geometry:
    """The geometry of a convolution.

    Raises:
      ValueError: The arguments differ in their number of dimensions, or the window is larger than the padded space.
    """
    strides = each(strides, len(space))
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(space, window, strides, padding)
    pads = tuple((int(low), int(high)) for low, high in padding)
    if not len(space) == len(window) == len(strides) == len(pads):
        raise UserError(f"want one per dimension: space {space}, window {window}, strides {strides}, padding {pads}")
    precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    geometry = Geometry(tuple(space), tuple(window), strides, pads, precision, groups)
    if min(geometry.positions, default=1) < 1:
        raise UserError(f"window {geometry.window} is larger than space {geometry.space} padded by {pads}")
    return geometry


def space_of(
    positions: Sequence[int], window: Sequence[int], strides: int | Sequence[int], padding: Padding
) -> tuple[int, ...]:
    """The default space of a transposed convolution, as in Keras and Linen."""
    strides = each(strides, len(positions))
    if isinstance(padding, str) and padding.upper().startswith("SAME"):
        return tuple(map(math.prod, zip(positions, strides)))
    pads = [(0, 0)] * len(positions) if isinstance(padding, str) else padding
    return tuple(
        (n - 1) * stride + max(size, stride) - low - high
        for n, size, stride, (low, high) in zip(positions, window, strides, pads)
    )


def each(strides: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """One stride per dimension."""
    return (strides,) * ndim if isinstance(strides, int) else tuple(strides)
