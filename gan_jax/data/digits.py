"""5,000 digits of MNIST, kept in the package: real images with nothing to download."""

import importlib.resources

import numpy as np

from gan_jax.data.source import Source, on_device


def digits() -> Source:
    """500 images of each digit, 28x28x1, with labels (LeCun, Cortes and Burges; see digits/README.md)."""
    images, labels = load()
    return on_device(images, labels)


def load() -> tuple[np.ndarray, np.ndarray]:
    """Images [5000, 28, 28, 1] uint8, white on black, and labels [5000] int32, in order of the labels."""
    from PIL import Image

    with (importlib.resources.files("gan_jax.data") / "digits" / "digits.png").open("rb") as file:
        grid = np.asarray(Image.open(file))  # 50 rows of 100 images
    images = grid.reshape(50, 28, 100, 28).swapaxes(1, 2).reshape(5000, 28, 28, 1)
    return images, np.repeat(np.arange(10, dtype=np.int32), 500)
