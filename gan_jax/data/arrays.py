"""Whether arrays of the user's are images and labels, and if they aren't, how they become some."""

import itertools
import logging

import numpy as np

log = logging.getLogger(__name__)
NAMED = 10  # classes, in a warning


def check_images(images: np.ndarray) -> None:
    """Raises ValueError unless they are uint8 [N, H, W, C], or clips [N, T, H, W, C]."""
    given = f"images {images.dtype} {list(images.shape)}"
    if not images.size:
        raise ValueError(f"{given} are empty: give one or more, as uint8 [N, H, W, C]")
    if images.dtype != np.uint8:
        raise ValueError(f"{given}, {extent(images)}, where uint8 from 0 to 255 are wanted: {to_uint8(images)}")
    if images.ndim < 4:
        mend = "use images[..., None]" if images.ndim == 3 else "reshape them"
        raise ValueError(f"{given}, where [N, H, W, C] is wanted: {mend}")
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] > 4:
        raise ValueError(
            f"{given} have their channels first, where [N, H, W, C] is wanted: use images.transpose(0, 2, 3, 1)"
        )
    if images.max() == 1:
        log.warning("images from 0 to 1, of 255, are all but black: if 1 is white, use images * np.uint8(255)")


def to_uint8(images: np.ndarray) -> str:
    """How numbers of another type become pixels."""
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
    """Returns how many classes there are. A warning names those without an example.

    Raises ValueError unless they are integers [N], from 0 to below `classes`.
    """
    given = f"labels {labels.dtype} {list(labels.shape)}"
    wanted = f"where integers [{count}] are wanted, one an example"
    if labels.ndim == 2 and labels.shape == (count, 1):
        raise ValueError(f"{given}, {wanted}: use labels[:, 0]")
    if labels.ndim == 2 and len(labels) == count:
        raise ValueError(f"{given}, {wanted}: if they are one-hot, use labels.argmax(1)")
    if labels.shape != (count,):
        raise ValueError(f"{given}, {wanted}: give as many as there are examples")
    if labels.dtype.kind not in "iu":
        mend = "labels.astype(int)" if labels.dtype.kind in "fb" else "np.unique(labels, return_inverse=True)[1]"
        raise ValueError(f"{given}, {wanted}: use {mend}")
    low, high = int(labels.min()), int(labels.max())
    classes = high + 1 if classes is None else classes
    if low < 0 or high >= min(classes, 2**31):
        mend = "to number them from 0, use np.unique(labels, return_inverse=True)[1]"
        raise ValueError(f"labels from {low} to {high}, where 0 to {min(classes, 2**31) - 1} are wanted: {mend}")
    warn_of_missing(labels, classes)
    return classes


def warn_of_missing(labels: np.ndarray, classes: int) -> None:
    present = set(np.unique(labels).tolist())
    if missing := classes - len(present):
        first = itertools.islice((label for label in range(classes) if label not in present), NAMED)
        named = ", ".join(map(str, first)) + " ..." * (missing > NAMED)
        log.warning("%d of %d classes have no example, so nothing teaches them: %s (the first class is 0)",
                    missing, classes, named)  # fmt: skip
