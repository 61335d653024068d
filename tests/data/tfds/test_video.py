"""Videos prepared by TFDS are read without TensorFlow: here a small set of our own, not those of its catalogue."""

import json
import shutil

import numpy as np
import pytest
import tensorflow_datasets
from source_properties import check_blank, check_epochs, check_no_threads_left, check_resumes, check_shapes, take

from gan_jax.data.memory import planning
from gan_jax.data.tfds import video as module
from gan_jax.data.tfds.prepare import png
from gan_jax.data.tfds.video import tfds_video

COUNT = 7
AS_VIDEO = {  # what TFDS writes of features.Video(shape=(None, 4, 6, 1)), which only TensorFlow can write
    "pythonClassName": "tensorflow_datasets.core.features.video_feature.Video",
    "video": {"shape": {"dimensions": ["-1", "4", "6", "1"]}, "dtype": "uint8", "encodingFormat": "png"},
}


def video(number):
    """[3 + number % 2, 4, 6, 1]: frame i is of shade 10 number + i."""
    shades = 10 * number + np.arange(3 + number % 2)
    return np.broadcast_to(shades[:, None, None, None], (len(shades), 4, 6, 1)).astype(np.uint8)


class NumberedVideos(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Seven videos of three or four frames, written without TensorFlow as PNGs."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")

    def _info(self):
        features = tensorflow_datasets.features
        video = features.Sequence(features.Image(shape=(4, 6, 1)))
        told = features.FeaturesDict({"video": video, "label": features.ClassLabel(num_classes=4)})
        return tensorflow_datasets.core.DatasetInfo(builder=self, features=told)

    def _split_generators(self, dl_manager):
        return {"test": self._generate_examples()}

    def _generate_examples(self):
        for i in range(COUNT):
            yield i, {"video": [png(frame) for frame in video(i)], "label": i % 3}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds_video")
    builder = NumberedVideos(data_dir=folder)
    builder.download_and_prepare(file_format="array_record")
    file = builder.data_path / "features.json"
    told = json.loads(file.read_text())
    told["featuresDict"]["features"]["video"] = AS_VIDEO
    file.write_text(json.dumps(told))
    return folder


def number(x):
    return np.round((np.asarray(x)[:, 0, 0, 0, 0] + 1) * 127.5 / 10).astype(int)


@pytest.mark.parametrize("limit", [2**30, 0], ids=["on_device", "streamed"])
def test_a_prepared_data_set_is_a_source(data_dir, limit):
    source = tfds_video("numbered_videos", split="test", data_dir=data_dir, size=2, frames=3, limit=limit)
    assert (source.size, source.classes) == (COUNT, 4)
    assert source.example.x.shape == (3, 2, 2, 1)
    assert source.name == "numbered_videos/1.0.0 test, the first 3 frames at 2x2"
    check_shapes(source)
    check_resumes(source)
    check_epochs(source, number)
    check_no_threads_left(source)
    (batch,) = take(source, 1)
    np.testing.assert_array_equal(number(batch.x) % 3, batch.condition)
    steps = np.diff(np.asarray(batch.x), axis=1) * 127.5
    np.testing.assert_allclose(steps, 1, atol=1e-3)  # frames are in order


def test_what_has_no_video_is_refused(data_dir, tmp_path):
    shutil.copytree(data_dir / "numbered_videos", tmp_path / "numbered_videos")
    file = tmp_path / "numbered_videos/1.0.0/features.json"
    told = json.loads(file.read_text())
    told["featuresDict"]["features"]["film"] = told["featuresDict"]["features"].pop("video")
    file.write_text(json.dumps(told))
    with pytest.raises(ValueError, match="numbered_videos has no 'video': it has film, label"):
        tfds_video("numbered_videos", split="test", data_dir=tmp_path, size=2)


def test_a_video_of_too_few_frames_is_named(data_dir):
    with pytest.raises(ValueError, match="a video of numbered_videos has 3 frames, and 4 are wanted"):
        tfds_video("numbered_videos", split="test", data_dir=data_dir, size=2, frames=4)


def test_other_splits_and_other_data_are_refused(data_dir):
    with pytest.raises(ValueError, match="has no split 'train': it has test"):
        tfds_video("numbered_videos", data_dir=data_dir, size=2, frames=3)
    with pytest.raises(FileNotFoundError, match="run `gan-jax prepare mnist"):
        tfds_video("mnist", data_dir=data_dir, size=32)


def test_a_plan_needs_what_was_prepared_but_reads_no_example(data_dir, monkeypatch):
    real = tfds_video("numbered_videos", split="test", data_dir=data_dir, size=2, frames=3)
    monkeypatch.setattr(module, "open_split", None)
    with planning():
        check_blank(tfds_video("numbered_videos", split="test", data_dir=data_dir, size=2, frames=3), real)
