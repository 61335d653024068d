import numpy as np
import pytest
import tensorflow_datasets
from source_properties import check_blank, check_epochs, check_no_threads_left, check_resumes, check_shapes, take
from tensorflow_datasets.proto import tf_example_pb2

from gan_jax.data.folders.sounds import to_int16
from gan_jax.data.memory import planning
from gan_jax.data.resample import resampled
from gan_jax.data.tfds import sounds as module
from gan_jax.data.tfds.sounds import audio_without_tensorflow, make_decode, tfds_sounds

LIMITS = pytest.mark.parametrize("limit", [2**30, 0], ids=["on_device", "streamed"])
RATE, LENGTH = 8000, 100


class NumberedSounds(tensorflow_datasets.core.GeneratorBasedBuilder):
    """23 sounds of levels that differ, some longer and some shorter than 100 samples, written without TensorFlow."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012
        tensorflow_datasets.core.BuilderConfig(name=name) for name in ("int64", "int16", "float32", "unsaid")
    ]

    def _info(self):
        features = tensorflow_datasets.features
        dtype = np.dtype("int64" if self.builder_config.name == "unsaid" else self.builder_config.name)
        rate = None if self.builder_config.name == "unsaid" else RATE
        audio = features.Audio(file_format="wav", sample_rate=rate, dtype=dtype)
        features = features.FeaturesDict({"audio": audio, "label": features.ClassLabel(num_classes=4)})
        return tensorflow_datasets.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        dtype = self.info.features["audio"].np_dtype
        for i in range(23):
            yield i, {"audio": np.full(80 + 20 * (i % 3), (i + 1) * 1024, dtype), "label": i % 3}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    with audio_without_tensorflow(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            tensorflow_datasets.features.Audio, "dtype", property(lambda self: self.np_dtype)
        )  # to be written
        for config in ("int64", "int16", "float32", "unsaid"):
            builder = NumberedSounds(data_dir=folder, config=config)
            builder.download_and_prepare(file_format="array_record")
    return folder


def number(x) -> np.ndarray:
    return np.asarray(np.round(32 * np.asarray(x[:, 40, 0])), int) - 1


@LIMITS
@pytest.mark.parametrize("config", ["int64", "int16"])  # as spoken_digit is kept, and speech_commands
def test_a_prepared_data_set_is_a_source(data_dir, config, limit):
    source = tfds_sounds(f"numbered_sounds/{config}", data_dir=data_dir, rate=RATE, length=LENGTH, limit=limit)
    assert (source.size, source.classes) == (23, 4)
    assert source.name == f"numbered_sounds/{config}/1.0.0 train, 100 samples at 8000 Hz"
    check_shapes(source)
    check_resumes(source)
    check_epochs(source, number)
    check_no_threads_left(source)
    (batch,) = take(source, 1)
    np.testing.assert_array_equal(number(batch.x) % 3, batch.condition)


def test_sounds_are_cut_or_followed_by_zeros(data_dir):
    (batch,) = take(tfds_sounds("numbered_sounds/int64", data_dir=data_dir, rate=RATE, length=LENGTH), 1, batch_size=23)
    lengths = (np.asarray(batch.x[..., 0]) != 0).sum(1)
    np.testing.assert_array_equal(lengths, np.minimum(80 + 20 * (number(batch.x) % 3), LENGTH))


def test_sounds_are_resampled(data_dir):
    source = tfds_sounds("numbered_sounds/int64", data_dir=data_dir, rate=2 * RATE, length=2 * LENGTH)
    assert source.example.x.shape == (200, 1)
    (batch,) = take(source, 1)
    steady = np.asarray(batch.x[:, 60:100, 0])
    np.testing.assert_allclose(steady, np.broadcast_to(steady[:, :1], steady.shape), rtol=0.02)


def record_of(x):
    record = tf_example_pb2.Example()
    record.features.feature["audio"].int64_list.value.extend(x.tolist())
    return record.SerializeToString()


def test_a_beginning_is_that_of_the_whole_sound_at_another_rate():
    x = np.random.default_rng(0).integers(-8000, 8000, 500)
    whole = resampled(x.astype(np.float32) / 32_768, RATE, 6000)
    found = make_decode(RATE, 6000, LENGTH, labelled=False)(record_of(x)).x
    np.testing.assert_array_equal(found[:, 0], to_int16(whole[:LENGTH]))


def test_sounds_of_more_than_16_bits_are_scaled_by_their_peak():
    x = (2**30 * np.sin(np.arange(LENGTH) / 7)).astype(int)
    found = make_decode(RATE, RATE, LENGTH, labelled=False)(record_of(x)).x
    np.testing.assert_allclose(found[:, 0] / 32_768, x / np.abs(x).max(), atol=1e-4)


def test_a_split_may_be_a_slice(data_dir):
    source = tfds_sounds("numbered_sounds/int16", data_dir=data_dir, length=LENGTH)
    assert source.split("train[:10]").size == 10


@pytest.mark.parametrize(("config", "why"), [("float32", "no decoded 'audio'"), ("unsaid", "how many samples")])
def test_sounds_of_another_form_are_refused(data_dir, config, why):
    with pytest.raises(ValueError, match=f"{config} .*{why}"):
        tfds_sounds(f"numbered_sounds/{config}", data_dir=data_dir)


def test_a_plan_needs_what_was_prepared_but_reads_no_example(data_dir, monkeypatch):
    real = tfds_sounds("numbered_sounds/int64", data_dir=data_dir, length=LENGTH)
    monkeypatch.setattr(module, "open_split", None)
    with planning():
        check_blank(tfds_sounds("numbered_sounds/int64", data_dir=data_dir, length=LENGTH), real)
