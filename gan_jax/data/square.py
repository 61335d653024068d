"""Converts a Pillow image to pixels of a given size and number of channels."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax.data.found import Unusable

if TYPE_CHECKING:
    from PIL.Image import Image

BITS, INVERTED, SIGNED = 258, 262, 339  # TIFF's tags BitsPerSample, PhotometricInterpretation and SampleFormat
RANGES = ((340, 341), (280, 281))  # the least and the greatest sample


def square(image: "Image", size: int, channels: int) -> np.ndarray:
    """The middle square, resized: [size, size, channels] uint8; see `cropped`."""
    return cropped(image, (size, size), channels)


def cropped(image: "Image", shape: tuple[int, int], channels: int) -> np.ndarray:
    """The largest middle part of a shape, resized with antialiasing (Lanczos): [*shape, channels] uint8, grey or RGB.

    Transparent parts become white, and the camera's orientation (EXIF) is applied.

    Raises:
      Unusable: Its pixels have more than 8 bits, and it doesn't say which values are black and white.
    """
    from PIL import Image, ImageOps

    ends = black_and_white(image)
    set_key(image)
    image = flat(ImageOps.exif_transpose(image), channels, ends)
    height, width = shape
    wide = min(image.width, max(1, image.height * width // height))
    high = min(image.height, max(1, image.width * height // width))
    left, top = (image.width - wide) // 2, (image.height - high) // 2
    box = (left, top, left + wide, top + high)
    image = image.resize((width, height), Image.Resampling.LANCZOS, box=box)
    return np.asarray(image).reshape(height, width, channels)


def black_and_white(image: "Image") -> tuple[float, float] | None:
    """The values of black and white in an image of more than 8 bits, as its file states; None for 8 bits.

    Floating-point numbers range from 0 to 1, unless a TIFF states another range. Pillow itself would clip the values.

    Raises:
      Unusable: The file doesn't state them.
    """
    tags: Any = getattr(image, "tag_v2", {})
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        if image.mode == "L" and tags.get(SIGNED) == (2,):
            raise Unusable("has signed samples of 8 bits: convert it to unsigned ones")
        return None
    ends: tuple[float, float]
    if image.mode.startswith("I;16"):
        ends = (0.0, 2.0 ** tags.get(BITS, (16,))[0] - 1)
    elif image.mode == "I" and image.format == "PPM":  # Pillow scales it by its maximum
        ends = (0.0, 65535.0)
    elif stated := [tags[low] + tags[high] for low, high in RANGES if low in tags and high in tags]:
        ends = (float(stated[0][0]), float(stated[0][-1]))
    elif image.mode == "F":
        ends = (0.0, 1.0)
    else:
        raise Unusable("has integer samples and doesn't state which are black and white: convert it to 8 or 16 bits")
    return ends[::-1] if tags.get(INVERTED) == 0 else ends


def set_key(image: "Image") -> None:
    """Converts a PNG's transparent colour from the file's bits to Pillow's 8.

    Pillow keeps only the upper 8 bits of 16-bit RGB, so all colours that share these become transparent.
    """
    key, raw = image.info.get("transparency"), getattr(image, "tile", None)
    depth = raw[0].args if raw else None
    if key is not None and depth in ("L;2", "L;4"):
        image.info["transparency"] = key * {"L;2": 85, "L;4": 17}[depth]
    elif key is not None and depth == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in key)


def flat(image: "Image", channels: int, ends: tuple[float, float] | None) -> "Image":
    """8-bit grey (1 channel) or RGB (3), without transparency."""
    from PIL import Image

    if ends is not None:
        x, key = np.asarray(image), image.info.get("transparency")
        image = Image.fromarray(np.where(x == key, np.uint8(255), scaled(x, *ends)))
    elif image.mode == "LAB":  # which Pillow can't make grey of
        image = image.convert("RGB")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert({1: "L", 3: "RGB"}[channels])


def scaled(x: np.ndarray, black: float, white: float) -> np.ndarray:
    """Scales to 8 bits without clipping."""
    low, high = x.min(), x.max()
    if not min(black, white) <= low <= high <= max(black, white):  # NaN is in no range
        raise Unusable(f"has samples from {low:g} to {high:g}, where {black:g} is black and {white:g} white")
    return np.round((x.astype(np.float32) - black) * (255 / (white - black))).astype(np.uint8)
