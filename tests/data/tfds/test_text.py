import numpy as np
import pytest
import tensorflow_datasets
from source_properties import check_blank, check_resumes, check_shapes, take

from gan_jax.data.memory import planning
from gan_jax.data.tfds import text as module
from gan_jax.data.tfds.text import tfds_text


class Sayings(tensorflow_datasets.core.GeneratorBasedBuilder):
    """As lm1b has it, a sentence an example; or as tiny_shakespeare, a whole text."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012
        tensorflow_datasets.core.BuilderConfig(name=name) for name in ("sentences", "whole")
    ]

    def _info(self):
        features = tensorflow_datasets.features
        features = features.FeaturesDict({"text": features.Text(), "number": np.int64})
        return tensorflow_datasets.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(300), "test": self._generate_examples(3)}

    def _generate_examples(self, count):
        lines = [f"Número {number} says: many hands make light work" for number in range(count)]
        for number, text in enumerate(lines if self.builder_config.name == "sentences" else ["\n".join(lines)]):
            yield number, {"text": text, "number": number}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    for config in ("sentences", "whole"):
        Sayings(data_dir=folder, config=config).download_and_prepare(file_format="array_record")
    return folder


def test_a_prepared_text_is_a_source_of_lines_whether_in_one_example_or_many(data_dir):
    many, one = (tfds_text(f"sayings/{config}", data_dir=data_dir) for config in ("sentences", "whole"))
    check_shapes(many.source)
    check_resumes(many.source)
    assert (many.alphabet, many.words) == (one.alphabet, one.words)
    both = [np.asarray(take(text.source, 1, batch_size=text.source.size)[0].x).argmax(-1) for text in (many, one)]
    assert sorted(map(bytes, both[0])) == sorted(map(bytes, both[1]))
    assert {"Número", "hands", "299"} <= many.words


def test_text_is_put_in_lower_case_if_asked(data_dir):
    assert "número" in tfds_text("sayings/whole", data_dir=data_dir, lower=True).words


def test_other_splits_have_the_same_alphabet_and_a_slice_is_its_own_training_data(data_dir):
    part = tfds_text("sayings/sentences", split="train[:50%]", data_dir=data_dir)
    assert sum(word.isdigit() for word in part.words) == 150
    assert part.source.split("train").name == part.source.name
    assert part.source.split("test").example == part.source.example
    assert part.source.split("test").size < part.source.size
    with pytest.raises(ValueError, match="has no split 'dev': it has "):
        part.source.split("dev")


def test_what_is_no_text_is_answered_with_the_texts_there_are(data_dir):
    with pytest.raises(ValueError, match="has no text 'number': name one of its texts, of which there are: text"):
        tfds_text("sayings/whole", feature="number", data_dir=data_dir)


def test_a_plan_needs_what_was_prepared_but_reads_no_example(data_dir, monkeypatch):
    real = tfds_text("sayings/whole", data_dir=data_dir, alphabet=30)
    monkeypatch.setattr(module, "open_split", None)
    with planning():
        check_blank(tfds_text("sayings/whole", data_dir=data_dir, alphabet=30).source, real.source)
