"""Affine warps of images, each by a matrix of its own.

A matrix [3, 3] maps an output pixel (x, y, 1) to the place in the input that it shows. The origin is the image's
centre, x points right, y down, in pixels. What comes from outside the frame is the image's reflection, without its
edge twice, or a colour.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.types import Array

Background = float | Sequence[float] | None  # None reflects the image
WIDEST = 4  # the largest reduction that is low-passed in full
REACH = 3  # of Lanczos' kernel, in zero crossings


def colour_of(background: float | Sequence[float], x: Array) -> Array:
    """A background's colour as an image's channels, [1, 1, 1, C]."""
    values = jnp.asarray(background, x.dtype)
    if values.shape not in ((), (1,), x.shape[-1:]):
        raise UserError(f"background {background}: want one number, or one for each of {x.shape[-1]} channels")
    return jnp.broadcast_to(values, x.shape[-1:]).reshape(1, 1, 1, -1)


def sources(matrices: Array, height: int, width: int) -> tuple[Array, Array]:
    """The row and column of the input that each output pixel shows, [B, height, width] each."""
    x = (jnp.arange(width) - (width - 1) / 2)[None, None, :]
    y = (jnp.arange(height) - (height - 1) / 2)[None, :, None]
    entries = matrices[:, :, :, None, None]  # sums of products, since a GPU's matrix product would round them
    column = entries[:, 0, 0] * x + entries[:, 0, 1] * y + entries[:, 0, 2] + (width - 1) / 2
    row = entries[:, 1, 0] * x + entries[:, 1, 1] * y + entries[:, 1, 2] + (height - 1) / 2
    return row, column


def reflected(place: Array, size: int) -> Array:
    """The place within [0, size - 1] that a place beyond the edges reflects to."""
    period = 2 * max(size - 1, 1)
    place = jnp.mod(jnp.abs(place), period)
    return jnp.minimum(jnp.minimum(place, period - place), size - 1)


def pick(x: Array, rows: Array, columns: Array) -> Array:
    """The pixels at rows and columns [B, height, width], each an integer within the image."""
    flat = x.reshape(len(x), -1, x.shape[-1])
    index = (rows * x.shape[2] + columns).reshape(len(x), -1)
    picked = jax.vmap(lambda pixels, at: pixels.at[at].get(mode="promise_in_bounds"))(flat, index)
    return picked.reshape(*rows.shape, -1)


def move_pixels(matrices: Array, x: Array, background: Background) -> Array:
    """Moves whole pixels: exact for flips, quarter turns and translations by whole pixels.

    Args:
      matrices: [B, 3, 3].
      x: [B, height, width, channels].
      background: The colour from outside the frame; None reflects the image.
    """
    height, width = x.shape[1:3]
    row, column = (jnp.round(place).astype(jnp.int32) for place in sources(matrices, height, width))
    if background is None:
        return pick(x, reflected(row, height), reflected(column, width))
    within = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    moved = pick(x, jnp.clip(row, 0, height - 1), jnp.clip(column, 0, width - 1))
    return jnp.where(within[..., None], moved, colour_of(background, x))


def warp(matrices: Array, x: Array, background: Background) -> Array:
    """Warps images by any affine map.

    Lanczos' kernel doubles the image in size, and each output pixel is read from it bilinearly. Along an axis that the
    map reduces, the kernel is wider, so that it also removes the detail that the output can't hold. StyleGAN2-ADA
    doubles by the sym6 wavelet, and warps onto a doubled grid too, at four times the cost.

    Args:
      matrices: [B, 3, 3].
      x: [B, height, width, channels].
      background: The colour from outside the frame; None reflects the image.
    """
    height, width = x.shape[1:3]
    row, column = sources(matrices, height, width)
    if background is None:
        colour, row, column = jnp.zeros((), x.dtype), reflected(row, height), reflected(column, width)
    else:
        colour = colour_of(background, x)
    reduction = jnp.sqrt(jnp.sum(matrices[:, :2, :2] ** 2, axis=2))  # along x, along y
    tall = doubling(reduction[:, 1], height, background).astype(x.dtype)
    wide = doubling(reduction[:, 0], width, background).astype(x.dtype)
    x = jnp.einsum("bnh,bhwc->bnwc", tall, x - colour, precision=jax.lax.Precision.HIGHEST)
    x = jnp.einsum("bnw,bhwc->bhnc", wide, x, precision=jax.lax.Precision.HIGHEST)
    return colour + bilinear(x, 2 * row + 0.5, 2 * column + 0.5)


def doubling(reduction: Array, size: int, background: Background) -> Array:
    """Matrices [B, 2 size, size] that interpolate at -1/4, 1/4, 3/4, ..., low-passed for a reduction [B]."""
    reduction = jnp.clip(reduction, 1, WIDEST)[:, None, None]
    margin = REACH * WIDEST
    places = (jnp.arange(2 * size) - 0.5) / 2
    pixels = jnp.arange(-margin, size + margin)
    distance = (places[:, None] - pixels[None, :])[None] / reduction
    kernel = jnp.where(jnp.abs(distance) < REACH, jnp.sinc(distance) * jnp.sinc(distance / REACH), 0)
    kernel = kernel / jnp.sum(kernel, axis=2, keepdims=True)
    if background is not None:
        return kernel[:, :, margin : margin + size]
    shown = reflected(pixels, size)[:, None] == jnp.arange(size)[None, :]
    return jnp.matmul(kernel, shown.astype(kernel.dtype), precision=jax.lax.Precision.HIGHEST)


def bilinear(x: Array, row: Array, column: Array) -> Array:
    """Images [B, H, W, C] read at rows and columns [B, height, width], between pixels too. All is 0 outside."""
    height, width = x.shape[1:3]
    x = jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    row, column = jnp.clip(row + 1, 0, height + 1), jnp.clip(column + 1, 0, width + 1)
    top, left = (jnp.clip(jnp.floor(at), 0, last) for at, last in ((row, height), (column, width)))
    down, right = (row - top)[..., None], (column - left)[..., None]
    top, left = top.astype(jnp.int32), left.astype(jnp.int32)
    upper = pick(x, top, left) * (1 - right) + pick(x, top, left + 1) * right
    lower = pick(x, top + 1, left) * (1 - right) + pick(x, top + 1, left + 1) * right
    return upper * (1 - down) + lower * down
