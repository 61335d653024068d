"""Upsampling, filtering and downsampling by a separable filter: each axis as products of shifted arrays.

The filter is given by its taps along one axis. The binomial (1, 3, 3, 1) is StyleGAN2's, and R3GAN's [1, 2, 1]
convolved with the [1, 1] of its upsampling.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from gan_jax.errors import UserError
from gan_jax.trees import sum_of
from gan_jax.types import Array

BINOMIAL = (1.0, 3.0, 3.0, 1.0)


def upsample(x: Array, factor: int = 2, taps: Sequence[float] = BINOMIAL) -> Array:
    """Upsamples every spatial axis, keeping the mean.

    Args:
      x: `[B, *space, C]`.
      factor: How many times as large each axis gets.
      taps: The filter along each axis, divided here by its sum.

    Returns:
      `[B, *(space · factor), C]`.
    """
    spare = len(taps) - factor
    return upfirdn(x, scaled(taps, factor), up=factor, padding=((spare + 1) // 2 + factor - 1, spare // 2))


def downsample(x: Array, factor: int = 2, taps: Sequence[float] = BINOMIAL) -> Array:
    """Downsamples every spatial axis, keeping the mean.

    Args:
      x: `[B, *space, C]`.
      factor: How many times as small each axis gets.
      taps: The filter along each axis, divided here by its sum.

    Returns:
      `[B, *(space / factor), C]`.
    """
    spare = len(taps) - factor
    return upfirdn(x, scaled(taps, 1), down=factor, padding=((spare + 1) // 2, spare // 2))


def smooth(x: Array, taps: Sequence[float]) -> Array:
    """Filters every spatial axis, keeping sides and the mean. Values at the edges repeat beyond them.

    Args:
      x: `[B, *space, C]`.
      taps: The filter along each axis, an odd number of them, divided here by its sum.

    Returns:
      An array of x's shape.

    Raises:
      ValueError: An even number of taps, which would shift x.
    """
    if len(taps) % 2 == 0:
        raise UserError(f"taps {list(taps)}: want an odd number of them")
    beyond = len(taps) // 2
    for axis in range(1, x.ndim - 1):
        first, last = (lax.slice_in_dim(x, place, place + 1, axis=axis) for place in (0, x.shape[axis] - 1))
        x = jnp.concatenate([first] * beyond + [x] + [last] * beyond, axis)
    return upfirdn(x, scaled(taps, 1))


def upfirdn(x: Array, taps: Sequence[float], *, up: int = 1, down: int = 1, padding: tuple[int, int] = (0, 0)) -> Array:
    """Upsamples by zeros, pads, filters, and keeps every `down`-th value, along every spatial axis.

    As `upfirdn2d` in the code of StyleGAN2 (Karras 2020).

    Its transpose is `upfirdn` with `up` and `down` exchanged and the taps reversed.

    Args:
      x: `[B, *space, C]`, in one to three spatial dimensions.
      taps: The filter along each axis, which is convolved (so reversed); it isn't normalised.
      up: `up - 1` zeros follow each value.
      down: Every `down`-th value is kept, from the first.
      padding: Zeros before and after the upsampled axis; negative ones crop it.

    Returns:
      `[B, *positions, C]`, with (n · up + low + high - len(taps)) // down + 1 positions along an axis of n.

    Raises:
      ValueError: The filter is longer than a padded axis.
    """
    for axis in range(1, x.ndim - 1):
        x = along(axis, x, tuple(taps)[::-1], up, down, padding)
    return x


def along(axis: int, x: Array, taps: Sequence[float], up: int, down: int, padding: tuple[int, int]) -> Array:
    """One axis: y[p] = Σ z[down · p + t - low] taps[t], where z[up · i] = x[i] and the others are 0."""
    (low, high), size = padding, x.shape[axis]
    positions = size * up + low + high - len(taps) + 1
    if positions < 1:
        raise UserError(f"a filter of {len(taps)} taps is longer than axis {axis} of {x.shape}, {up} times, padded")
    # For each phase of the result, the tap and the place in x of the factors of its first value.
    phases = [
        [(tap, (phase + place - low) // up) for place, tap in enumerate(taps) if (phase + place - low) % up == 0]
        for phase in range(up)
    ]
    rows = -(-positions // up)
    places = [place for phase in phases for _, place in phase]
    first, last = min(places, default=0), max(places, default=0)
    x = lax.pad(
        x, jnp.zeros((), x.dtype), [(-first, last + rows - size, 0) if a == axis else (0, 0, 0) for a in range(x.ndim)]
    )

    def shifted(place: int) -> Array:
        return lax.slice_in_dim(x, place - first, place - first + rows, axis=axis)

    parts = [
        sum_of(shifted(place) * jnp.asarray(tap, x.dtype) for tap, place in phase)
        if phase
        else jnp.zeros_like(shifted(first))
        for phase in phases
    ]
    y = jnp.stack(parts, axis + 1).reshape(*x.shape[:axis], rows * up, *x.shape[axis + 1 :])
    return lax.slice_in_dim(y, 0, positions, down, axis)


def scaled(taps: Sequence[float], total: float) -> list[float]:
    """The taps with this sum."""
    return [total * tap / sum(taps) for tap in taps]
