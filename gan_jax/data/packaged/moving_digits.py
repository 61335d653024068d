"""Moving MNIST, generated endlessly on the device from the packaged digits.

After Srivastava et al. 2015, section 4.1: digits cross a dark square in straight lines, each at a constant speed, and
bounce off its sides; where they overlap, the brighter pixel shows. Here they move by fractions of a pixel, too.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.memory import blank, remembered
from gan_jax.data.packaged import digits as packaged
from gan_jax.data.source import Source, endless, image_example
from gan_jax.errors import UserError
from gan_jax.types import Array

SLOWEST, FASTEST = 0.05, 0.15  # of the way from one side to the other, per frame


class Scene(NamedTuple):
    """A clip, and what moves in it.

    Attributes:
      clip: Pixels [frames, size, size, 1] in [-1, 1].
      label: The class of each digit [digits].
      places: The digits' upper left corners [digits, frames, 2], rows and columns, as fractions of the way from one
        side to the other.
    """

    clip: Array
    label: Array
    places: Array


@remembered(Source)
def moving_digits(split: str = "train", *, size: int = 32, frames: int = 16, digits: int = 1) -> Source:
    """Generate clips [frames, size, size, 1] in [-1, 1] of digits that move 0.05 to 0.15 of their way per frame.

    Args:
      split: "train", with the 4,000 digits of that split, or "test", with the other 1,000.
      size: The side of the square in pixels, 8 or more. From 64 on, digits have 28 pixels as in the original; in
        smaller squares they are scaled to 9/16 of the side (18 of 32).
      frames: Frames in a clip.
      digits: Digits in a clip.

    Raises:
      ValueError: There is no such split, or a number is too small.
    """
    packaged.check_split(split)
    check_sizes(size, frames, digits)
    if source := blank(image_example((frames, size, size, 1), labelled=False)):
        return source
    draw = scenes(split, size=size, frames=frames, digits=digits)
    name = f"moving_digits {split}: {digits} in {frames} frames of {size}x{size}, procedural"
    parts = functools.partial(moving_digits, size=size, frames=frames, digits=digits)
    return endless(name, lambda key: draw(key).clip)._replace(split=parts, licence=packaged.LICENCE)


def scenes(split: str, *, size: int = 32, frames: int = 16, digits: int = 1) -> Callable[[Array], Scene]:
    """Returns a function from a key to a Scene. The arguments are those of `moving_digits`."""
    check_sizes(size, frames, digits)
    images, labels = packaged.of_split(split)
    side = min(28, size * 9 // 16)
    images = shrunk(images[..., 0], side)

    def draw(key: Array) -> Scene:
        which, start, angle, speed = jax.random.split(key, 4)
        chosen = jax.random.randint(which, (digits,), 0, len(images))
        turn = jax.random.uniform(angle, (digits, 1), maxval=2 * jnp.pi)
        pace = jax.random.uniform(speed, (digits, 1), minval=SLOWEST, maxval=FASTEST)
        velocity = pace * jnp.concatenate([jnp.sin(turn), jnp.cos(turn)], 1)  # [digits, 2]
        straight = jax.random.uniform(start, (digits, 1, 2)) + jnp.arange(frames)[None, :, None] * velocity[:, None]
        places = bounced(straight)
        draw = jax.vmap(jax.vmap(place, (None, 0, None)), (0, 0, None))
        lit = draw(jnp.asarray(images)[chosen] / 255.0, places * (size - side), size)  # [digits, frames, size, size]
        return Scene(2 * lit.max(0)[..., None] - 1, jnp.asarray(labels)[chosen], places)

    return draw


def check_sizes(size: int, frames: int, digits: int) -> None:
    if size < 8 or min(frames, digits) < 1:
        raise UserError(f"{digits} digits in {frames} frames of {size}x{size}: want 1 or more, and sides of 8 or more")


def bounced(place: Array) -> Array:
    """Reflects a place on the line between mirrors at 0 and 1."""
    return 1 - jnp.abs(1 - place % 2)


def place(image: Array, corner: Array, size: int) -> Array:
    """Puts an image [side, side] with its upper left corner at (row, column) in a dark square [size, size].

    It interpolates linearly between pixels, by one matrix for rows and one for columns.
    """
    apart = jnp.arange(size)[:, None] - jnp.arange(image.shape[0])[None]
    rows, columns = (jnp.maximum(0, 1 - jnp.abs(apart - at)) for at in corner)  # each [size, side]
    return rows @ image @ columns.T


def shrunk(images: np.ndarray, side: int) -> np.ndarray:
    """Scales images [N, H, W] uint8 to sides of `side`; each new pixel is the mean of the area that it covers."""
    from PIL import Image

    if side == images.shape[1]:
        return images
    box = Image.Resampling.BOX
    return np.stack([np.asarray(Image.fromarray(image).resize((side, side), box)) for image in images])
