"""Checks of a user's images and labels, whose errors say how to convert them."""

import itertools
import logging

import jax.numpy as jnp
import numpy as np

from gan_jax.errors import UserError

log = logging.getLogger(__name__)
NAMED = 10  # classes, in a warning
CHANNELS = (1, 3)  # grey and RGB, which can be drawn


def check_images(images: np.ndarray) -> None:
    """Raises ValueError unless images are uint8 [N, H, W, C], or clips [N, T, H, W, C], and C is 1 or 3."""
    given = f"images {images.dtype} {list(images.shape)}"
    if not images.size:
        raise UserError(f"{given} are empty: give one or more, as uint8 [N, H, W, C]")
    if images.dtype != np.uint8:
        images = as_numbers(images)
        raise UserError(f"{given}, {extent(images)}, where uint8 from 0 to 255 are wanted: {to_uint8(images)}")
    if images.ndim not in (4, 5):
        raise UserError(f"{given}, where [N, H, W, C] is wanted: {to_four_axes(images)}")
    if images.shape[-1] not in CHANNELS:
        raise UserError(f"{given}, where [N, H, W, C] with 1 channel (grey) or 3 (RGB) is wanted: {to_last(images)}")
    if images.max() == 1:
        log.warning("images from 0 to 1, of 255, are all but black: if 1 is white, use images * np.uint8(255)")


def as_numbers(x: np.ndarray) -> np.ndarray:
    """Converts bfloat16 and the like to float32."""
    return x.astype(np.float32) if jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.kind == "V" else x


def to_four_axes(images: np.ndarray) -> str:
    """How to convert images with another number of axes to [N, H, W, C]."""
    if images.ndim != 3:
        return "reshape them"
    return "if it is one image, use images[None]" if images.shape[-1] in CHANNELS else "use images[..., None]"


def to_last(images: np.ndarray) -> str:
    """How to convert images to a last axis of 1 or 3 channels."""
    moved = {(4, 1): (0, 2, 3, 1), (4, 2): (3, 0, 1, 2), (5, 1): (0, 2, 3, 4, 1), (5, 2): (0, 1, 3, 4, 2)}
    for axis in (1, 2):
        if images.shape[axis] in CHANNELS:
            return f"if axis {axis} is the channels, use images.transpose{moved[images.ndim, axis]}"
    if images.shape[-1] == 2:
        return "if the second is opacity, use images[..., :1]"
    if images.shape[-1] == 4:
        return "if the fourth is opacity, use images[..., :3]"
    return "choose some" + "; if these are grey clips [N, T, H, W], use images[..., None]" * (images.ndim == 4)


def to_uint8(images: np.ndarray) -> str:
    """How to convert numbers of another type to pixels."""
    if images.dtype == bool:
        return "use images.astype(np.uint8) * 255"
    if images.dtype.kind not in "iuf":
        return "convert them to numbers"
    low, high = images.min(), images.max()
    if images.dtype.kind == "f" and 0 <= low <= high <= 1:
        return "use (images * 255).round().astype(np.uint8)"
    if images.dtype.kind == "f" and -1 <= low <= high <= 1:
        return "use ((images + 1) * 127.5).round().astype(np.uint8)"
    if 0 <= low <= high <= 255:
        return "if 255 is white, use images.round().astype(np.uint8)"
    if images.dtype == np.uint16:
        return "if 65,535 is white, use (images / 257).round().astype(np.uint8)"
    return "scale them so that black is 0 and white is 255, then use .round().astype(np.uint8)"


def extent(x: np.ndarray) -> str:
    return f"from {x.min():g} to {x.max():g}" if x.dtype.kind in "iufb" else "no numbers"


def check_labels(labels: np.ndarray, count: int, classes: int | None) -> int:
    """Returns the number of classes, and warns of classes without an example.

    Raises:
      ValueError: The labels aren't integers [N] from 0 to below `classes`.
    """
    given = f"labels {labels.dtype} {list(labels.shape)}"
    wanted = f"where integers [{count}] are wanted, one an example"
    if labels.ndim == 2 and labels.shape == (count, 1):
        raise UserError(f"{given}, {wanted}: use labels[:, 0]")
    if labels.ndim == 2 and len(labels) == count:
        raise UserError(f"{given}, {wanted}: if they are one-hot, use labels.argmax(1)")
    if labels.shape != (count,):
        raise UserError(f"{given}, {wanted}: give as many as there are examples")
    if labels.dtype.kind not in "iu":
        mend = "labels.astype(int)" if labels.dtype.kind in "fb" else "np.unique(labels, return_inverse=True)[1]"
        raise UserError(f"{given}, {wanted}: use {mend}")
    if classes is not None and classes < 1:
        raise UserError(f"{classes} classes of {count} labels: give 1 or more, or leave them out to have them counted")
    low, high = int(labels.min()), int(labels.max())
    classes = high + 1 if classes is None else classes
    if low < 0 or high >= min(classes, 2**31):
        mend = "to number them from 0, use np.unique(labels, return_inverse=True)[1]"
        raise UserError(f"labels from {low} to {high}, where 0 to {min(classes, 2**31) - 1} are wanted: {mend}")
    warn_of_missing(labels, classes)
    return classes


def warn_of_missing(labels: np.ndarray, classes: int) -> None:
    present = set(np.unique(labels).tolist())
    if missing := classes - len(present):
        first = itertools.islice((label for label in range(classes) if label not in present), NAMED)
        named = ", ".join(map(str, first)) + " ..." * (missing > NAMED)
        from_1 = missing == 1 and 0 not in present and classes > 1
        log.warning("%d of %d classes have no example, so nothing teaches them: %s (the first class is 0%s)",
                    missing, classes, named, "; if yours count from 1, use labels - 1" * from_1)  # fmt: skip
