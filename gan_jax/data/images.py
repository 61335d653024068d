"""One Pillow image -> pixels of the size and channels wanted."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image


def square(image: "Image", size: int, channels: int) -> np.ndarray:
    """The middle square, resized with antialiasing (Lanczos): [size, size, channels] uint8, grey or RGB.

    Transparent parts turn white, and a camera's note of its orientation (EXIF) is obeyed.
    """
    from PIL import Image, ImageOps

    image = flat(ImageOps.exif_transpose(image), channels)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    image = image.resize((size, size), Image.Resampling.LANCZOS, box=box)
    return np.asarray(image).reshape(size, size, channels)


def flat(image: "Image", channels: int) -> "Image":
    """8-bit grey (1 channel) or RGB (3), without transparency."""
    from PIL import Image

    if image.mode.startswith("I;16"):  # Pillow's own conversion clips at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert({1: "L", 3: "RGB"}[channels])
