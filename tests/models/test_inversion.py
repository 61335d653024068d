"""The latents of an example: found from the best of many draws, and kept as text."""

import json

import jax
import numpy as np
import pytest
from PIL import Image
from tiny_models import MODELS, model

from gan_jax import views
from gan_jax.errors import Missing, UserError
from gan_jax.models.inversion import Kept, as_text, invert, numbers_of, of_text
from gan_jax.models.target import read_target, spectrograms
from gan_jax.nets import stylegan2


def last(model, target, look=None, **settings):
    numbers, states = invert(model, target, look, **{"starts": 3, "steps": 300, "seed": 0} | settings)
    *_, end = states
    return numbers, end


def test_the_latents_of_a_models_own_sample_lead_back_to_it():
    tiny = MODELS["points"]()
    goal = tiny.sample(9, 1)[0]
    _, end = last(tiny, goal)
    assert end.losses.min() < 1e-4
    np.testing.assert_allclose(end.samples[end.best], goal, atol=0.02)


def test_the_search_starts_from_the_best_of_many_draws():
    tiny = MODELS["points"]()
    goal = tiny.sample(9, 1)[0]
    _, states = invert(tiny, goal, None, starts=2, steps=1, seed=0)
    first = next(states).losses
    far = np.sum((tiny.sample(0, 32) - goal) ** 2, 1) / np.sum(goal**2)
    np.testing.assert_allclose(np.sort(first), np.sort(far)[:2], rtol=1e-4)


def test_the_best_class_is_found_where_none_is_given():
    tiny = MODELS["images beside photos"]()
    numbers, end = last(tiny, tiny.conditions["photo"][1], steps=5)
    assert numbers[end.best] == 1
    numbers, _ = last(tiny, tiny.conditions["photo"][1], steps=5, number=2)
    assert set(numbers) == {2}


def test_styles_of_each_class_are_kept_where_that_class_has_them():
    network = stylegan2.generator(widths=(4, 2), size=5, depth=1, classes=2, shape=(8, 8, 3))
    tiny = model(network, views.images, classes=2)
    embedded = tiny.variables.params["embedding"]
    far = tiny.variables.params | {"embedding": jax.tree.map(lambda leaf: leaf * 50, embedded)}
    tiny = tiny._replace(variables=tiny.variables._replace(params=far))
    _, states = invert(tiny, tiny.sample(3, 2)[1], None, starts=3, steps=1, seed=0, number=1)
    first, end = states
    assert np.abs(end.latents - first.latents).max() < 0.3  # Adam's step is 0.1


def test_a_condition_that_is_not_there_is_named():
    with pytest.raises(UserError, match="condition 3: this generator has 3 conditions, from 0"):
        numbers_of(MODELS["images of classes"](), 1, 3)
    with pytest.raises(UserError, match="condition 0: this generator has no conditions"):
        numbers_of(MODELS["points"](), 1, 0)


def test_a_latent_vector_survives_as_text():
    tiny = MODELS["images of classes"]()
    vector = np.float32([0.1, -2, 3e-8, 4, 5, 6])
    found = of_text(tiny, as_text(tiny, Kept(vector, 2, (7, 1))))
    np.testing.assert_array_equal(found.latent, vector)
    assert found[1:] == (2, (7, 1))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "no latent vector"),
        ("[1, 2]", "no latent vector"),
        ("[" * 100_000, "no latent vector"),
        (
            '{"of": "z of 6", "condition": null, "noise_of": [0, 0], "latent": [1]}',
            "a latent vector of z of 6, and this",
        ),
        (
            '{"of": "styles of 6", "condition": null, "noise_of": [0, 0], "latent": [1, 2, 3, 4, 5, 6]}',
            "these|this generator's are z of 6",
        ),
        ('{"of": "z of 6", "condition": null, "noise_of": [0, 0], "latent": [1, 2, 3, 4, 5, NaN]}', "aren't finite"),
        ('{"of": "z of 6", "condition": 7, "noise_of": [0, 0], "latent": [1, 2, 3, 4, 5, 6]}', "has 3 conditions"),
        ('{"of": "z of 6", "condition": "x", "noise_of": [0, 0], "latent": [1, 2, 3, 4, 5, 6]}', "has 3 conditions"),
        ('{"of": "z of 6", "condition": null, "noise_of": [0, 0], "latent": ["a", 2, 3, 4, 5, 6]}', "no latent vector"),
        ('{"of": "z of 6", "condition": null, "noise_of": [0.5, 0], "latent": [1, 2, 3, 4, 5, 6]}', "no latent vector"),
    ],
)
def test_a_text_that_holds_no_fitting_vector_is_refused_in_one_line(text, line):
    with pytest.raises(UserError, match=line) as error:
        of_text(MODELS["images of classes"](), text)
    assert "\n" not in str(error.value)


def test_the_text_is_json_that_says_whose_latent_it_is():
    assert json.loads(as_text(MODELS["points"](), Kept(np.zeros(6), None, (3, 0)))) == {
        "of": "z of 6",
        "condition": None,
        "noise_of": [3, 0],
        "latent": [0.0] * 6,
    }


# The files of targets


def test_an_image_is_cropped_and_resized_to_the_samples_shape(tmp_path):
    Image.new("RGB", (40, 20), (255, 0, 0)).save(tmp_path / "red.png")
    target = read_target(MODELS["images of styles"](), tmp_path / "red.png")
    np.testing.assert_array_equal(target, np.broadcast_to(np.float32([1, -1, -1]), (8, 8, 3)))


def test_a_sound_is_read_at_the_models_rate_from_its_beginning(tmp_path):
    tiny = MODELS["sounds"]()
    sound = np.sin(np.arange(9000) / 10, dtype=np.float32)[:, None] * 0.5
    views.sounds(8000).single[".wav"](sound, tmp_path / "a.wav")
    np.testing.assert_allclose(read_target(tiny, tmp_path / "a.wav"), sound[:4096], atol=1e-4)


def test_a_mesh_becomes_voxels(tmp_path):
    tiny, full = MODELS["shapes"](), np.full((32, 32, 32, 1), -1.0)
    full[4:28, 4:28, 4:28] = 1
    views.shapes.single[".glb"](full, tmp_path / "a.glb")
    target = read_target(tiny, tmp_path / "a.glb")
    assert target.shape == (32, 32, 32, 1)
    assert (target > 0).mean() > 0.9  # scaled to fill the space


@pytest.mark.parametrize("name", ["images", "sounds", "shapes"])
def test_a_broken_target_is_named(tmp_path, name):
    file = tmp_path / {"images": "a.png", "sounds": "a.wav", "shapes": "a.glb"}[name]
    file.write_bytes(b"no such thing")
    with pytest.raises(UserError, match=file.name) as error:
        read_target(MODELS[name](), file)
    assert "\n" not in str(error.value)
    with pytest.raises(Missing, match=r"none.png: no such file"):
        read_target(MODELS[name](), tmp_path / "none.png")


def test_other_kinds_have_no_targets(tmp_path):
    (tmp_path / "a.txt").write_text("a line")
    with pytest.raises(UserError, match="only generators of images, sounds and shapes"):
        read_target(MODELS["text"](), tmp_path / "a.txt")


def test_spectrograms_of_silence_are_zero_and_of_a_loud_tone_about_one():
    tone = np.sin(2 * np.pi * 1000 / 8000 * np.arange(4096))[None, :, None].astype(np.float32)
    look = spectrograms(8000)
    assert float(np.abs(look(0 * tone).features).max()) == 0
    assert 0.9 < float(look(tone).features.max()) < 1.1
