import importlib.util
import shutil

import numpy as np
import pytest
import tensorflow_datasets
from source_properties import (
    check_blank,
    check_epochs,
    check_no_threads_left,
    check_resumes,
    check_shapes,
    number,
    numbered,
    take,
)
from tensorflow_datasets.core.features import Encoding

from gan_jax.data.memory import planning
from gan_jax.data.source import image_example
from gan_jax.data.tfds import images as module
from gan_jax.data.tfds.images import tfds_images
from gan_jax.data.tfds.prepare import png, prepare

LIMITS = pytest.mark.parametrize("limit", [2**30, 0], ids=["on_device", "streamed"])
IMAGES = numbered(23)


class NumberedImages(tensorflow_datasets.core.GeneratorBasedBuilder):
    """23 images, some of them larger, written without TensorFlow: as PNGs, or as bytes."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012
        tensorflow_datasets.core.BuilderConfig(name=name) for name in ("png", "bytes", "varying")
    ]

    def _info(self):
        features = tensorflow_datasets.features
        shape = (None, None, 1) if self.builder_config.name == "varying" else (2, 2, 1)
        image = features.Image(shape=shape)
        if self.builder_config.name == "bytes":
            image = features.Tensor(shape=shape, dtype=np.uint8, encoding=Encoding.BYTES)
        label = features.ClassLabel(num_classes=4)  # of which the last never occurs
        features = features.FeaturesDict({"image": image, "label": label, "note": features.Text()})
        return tensorflow_datasets.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i, image in enumerate(IMAGES):
            if self.builder_config.name == "varying":
                image = np.repeat(image, 1 + i % 3, axis=1)
            encoded = image if self.builder_config.name == "bytes" else png(image)
            yield i, {"image": encoded, "label": i % 3, "note": "a number"}


def test_a_builder_that_can_is_prepared_by_its_own_code(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)  # as if TensorFlow were there
    folder = prepare("numbered_images/png", data_dir=tmp_path)
    assert folder == tmp_path / "numbered_images/png/1.0.0"
    assert tfds_images("numbered_images/png", data_dir=tmp_path).size == 23


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    for config in ("png", "bytes", "varying"):
        builder = NumberedImages(data_dir=folder, config=config)
        builder.download_and_prepare(file_format="array_record")
    return folder


@LIMITS
@pytest.mark.parametrize("config", ["png", "bytes"])
def test_a_prepared_data_set_is_a_source(data_dir, config, limit):
    source = tfds_images(f"numbered_images/{config}", data_dir=data_dir, limit=limit)
    assert (source.size, source.classes) == (23, 4)
    check_shapes(source)
    check_resumes(source)
    check_epochs(source, number)
    check_no_threads_left(source)
    (batch,) = take(source, 1)
    np.testing.assert_array_equal(number(batch.x) % 3, batch.condition)


@pytest.mark.parametrize("config", ["png", "bytes", "varying"])
def test_images_are_resized_if_asked(data_dir, config):
    source = tfds_images(f"numbered_images/{config}", data_dir=data_dir, size=4)
    assert source.example.x.shape == (4, 4, 1)
    check_epochs(source, number)


def test_a_split_may_be_a_slice(data_dir):
    assert tfds_images("numbered_images/png", split="train[:10]", data_dir=data_dir).size == 10


def test_images_of_varying_size_need_a_size(data_dir):
    with pytest.raises(ValueError, match=r"numbered_images/varying vary in size: give one, as size=64"):
        tfds_images("numbered_images/varying", data_dir=data_dir)


def test_another_format_is_refused_with_the_mend(data_dir, tmp_path):
    shutil.copytree(data_dir / "numbered_images", tmp_path / "numbered_images")
    info = tmp_path / "numbered_images/png/1.0.0/dataset_info.json"
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    for function in (tfds_images, prepare):
        with pytest.raises(ValueError, match=r"is in tfrecord format, .*: prepare it again"):
            function("numbered_images/png", data_dir=tmp_path)


def test_an_unknown_split_is_answered_with_those_there_are(data_dir):
    for split in ("test", "train[:0]"):
        with pytest.raises(ValueError, match=r"has no split '.*': it has train \(or"):
            tfds_images("numbered_images/png", split=split, data_dir=data_dir)


def test_an_unknown_name_is_answered_with_close_ones(tmp_path):
    for function in (tfds_images, prepare):
        with pytest.raises(ValueError, match=r"fashon_mnist isn't a data set .*: did you mean fashion_mnist\?"):
            function("fashon_mnist", data_dir=tmp_path)


def test_what_is_not_prepared_is_answered_with_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mnist isn't prepared in .*prepare mnist --data-dir"):
        tfds_images("mnist", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"run `gan-jax prepare mnist`"):
        tfds_images("mnist")


def test_a_plan_needs_what_was_prepared_but_reads_no_example(data_dir, monkeypatch):
    real = tfds_images("numbered_images/png", data_dir=data_dir)
    monkeypatch.setattr(module, "open_split", None)
    with planning():
        check_blank(tfds_images("numbered_images/png", data_dir=data_dir), real)


def test_a_data_set_of_the_catalogue_is_planned_before_it_is_prepared(tmp_path):
    with planning():
        planned = tfds_images("cifar10", data_dir=tmp_path)
        with pytest.raises(ValueError, match="did you mean cifar10"):
            tfds_images("cifar11", data_dir=tmp_path)
    assert (planned.example, planned.classes) == (image_example((32, 32, 3), labelled=True), 10)
    with pytest.raises(FileNotFoundError, match="cifar10 isn't prepared"):
        tfds_images("cifar10", data_dir=tmp_path)
