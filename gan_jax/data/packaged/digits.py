"""5,000 digits of MNIST, kept in the package: real images with nothing to download."""

import importlib.resources

import numpy as np

from gan_jax.data.memory import blank, remembered
from gan_jax.data.source import Source, image_example, on_device
from gan_jax.errors import UserError

SHAPE = (28, 28, 1)
CLASSES, OF_EACH = 10, 500
LICENCE = "CC BY-SA 3.0 (MNIST: LeCun, Cortes and Burges)"
HELD_OUT = 100  # of the 500 of each digit, the last


@remembered(Source)
def digits(split: str = "train") -> Source:
    """Load handwritten digits, 28x28x1 in [-1, 1], with labels.

    Args:
      split: "train", 400 images of each digit, or "test", the other 100 of each.

    Raises:
      ValueError: There is no such split.

    LeCun, Cortes and Burges; see digits/README.md.
    """
    check_split(split)
    if source := blank(image_example(SHAPE, labelled=True), CLASSES):
        return source
    images, labels = of_split(split)
    return on_device(images, labels, name=f"digits {split}")._replace(split=digits, licence=LICENCE)


def of_split(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images [4000 or 1000, 28, 28, 1] uint8 and labels int32 of "train" or "test"."""
    check_split(split)
    images, labels = load()
    chosen = (np.arange(len(images)) % OF_EACH >= OF_EACH - HELD_OUT) == (split == "test")
    return images[chosen], labels[chosen]


def check_split(split: str) -> None:
    if split not in ("train", "test"):
        raise UserError(f"the digits have no split {split!r}: they have train and test")


def load() -> tuple[np.ndarray, np.ndarray]:
    """Images [5000, 28, 28, 1] uint8, white on black, and labels [5000] int32, in order of the labels."""
    from PIL import Image

    with (importlib.resources.files("gan_jax.data.packaged") / "digits" / "digits.png").open("rb") as file:
        grid = np.asarray(Image.open(file))  # 50 rows of 100 images
    images = grid.reshape(50, 28, 100, 28).swapaxes(1, 2).reshape(-1, *SHAPE)
    return images, np.repeat(np.arange(CLASSES, dtype=np.int32), OF_EACH)
