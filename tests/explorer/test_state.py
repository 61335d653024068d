"""From the controls of the explorer's page to latents and samples."""

import dataclasses
import functools
import json

import jax
import numpy as np
import pytest
from tiny_models import MODELS, model

from gan_jax import priors
from gan_jax.errors import UserError
from gan_jax.explorer.state import Choice, as_text, explorer_of, of_text, offset_of
from gan_jax.models.directions import directions_of, walks_along
from gan_jax.types import Network


@functools.cache
def explorer(name):
    return explorer_of(MODELS[name]())


def latent(of, choice):
    return np.asarray(of.points([choice]).latents[0])


@pytest.mark.parametrize(
    "name",
    [
        *("points", "images of classes", "images beside photos", "codes"),
        pytest.param("images of styles", marks=pytest.mark.exhaustive),
    ],
)
def test_sample_i_of_a_seed_is_that_of_gan_jax_sample(name):
    of = explorer(name)
    drawn = of.model.sample(3, 5)
    for number in (0, 4):
        np.testing.assert_allclose(of.samples(of.points([Choice(3, number)]))[0], drawn[number], atol=1e-5)
    np.testing.assert_allclose(of.samples(of.points([Choice(3, number) for number in range(5)])), drawn, atol=1e-5)


def test_more_samples_than_fit_in_one_chunk_are_the_same():
    of = explorer("points")
    np.testing.assert_allclose(
        of.samples(of.points([Choice(number=number) for number in range(30)])), of.model.sample(0, 30), atol=1e-5
    )


def test_a_chosen_condition_takes_the_place_of_that_of_the_number():
    of = explorer("images of classes")
    assert of.points([Choice(number=4), Choice(number=4, condition=2)]).condition.tolist() == [1, 2]


def test_psi_draws_styles_to_their_mean_in_every_layer():
    of = explorer("images of styles")
    whole, half, none = (latent(of, Choice(truncation=psi)) for psi in (None, 0.5, 0.0))
    np.testing.assert_allclose(none, np.broadcast_to(of.mean, whole.shape), atol=1e-6)
    np.testing.assert_allclose(half, (whole + np.asarray(of.mean)) / 2, atol=1e-5)


def test_a_limit_bounds_the_entries_of_z():
    of = explorer("points")
    assert np.abs(latent(of, Choice())).max() > 0.5
    assert np.abs(latent(of, Choice(truncation=0.5))).max() <= 0.5


def test_mixing_ends_at_the_other_sample():
    of = explorer("points")
    np.testing.assert_allclose(latent(of, Choice(other=(5, 2), share=1.0)), latent(of, Choice(5, 2)), atol=1e-5)
    np.testing.assert_array_equal(latent(of, Choice(other=(5, 2))), latent(of, Choice()))


def test_mixing_styles_from_a_layer_on_leaves_the_coarser_ones():
    of = explorer("images of styles")
    found, own, other = latent(of, Choice(share=1.0, layer=2)), latent(of, Choice()), latent(of, Choice(1, 0))
    np.testing.assert_allclose(found[:2], own[:2], atol=1e-6)
    np.testing.assert_allclose(found[2:], other[2:], atol=1e-6)


@pytest.mark.parametrize("name", ["points", "images of styles"])
def test_directions_move_a_sample_as_gan_jax_directions_does(name):
    of = explorer(name)
    found = directions_of(of.model, "principal", 2)
    with jax.numpy_rank_promotion("allow"):
        walks = walks_along(of.model, found, seed=3, number=1, frames=3, span=2.0)
    for row, amounts in ((0, (2.0,)), (1, (0.0, 2.0))):
        moved = of.samples(of.points([Choice(3, 1, offset=offset_of(found, amounts))]))
        np.testing.assert_allclose(moved[0], walks[row, 2], atol=1e-4)


def test_a_walk_is_a_closed_path_through_its_samples_under_their_conditions():
    of = explorer("images beside photos")
    choices = [Choice(number=number) for number in (4, 5, 6)]
    walk = of.walk(choices, 8)
    np.testing.assert_allclose(walk[:, 0], of.samples(of.points(choices)), atol=1e-5)
    near_the_end = of.samples(of.points([dataclasses.replace(choices[2], other=(0, 4), share=7 / 8)]))
    np.testing.assert_allclose(walk[2, 7], near_the_end[0], atol=1e-4)


@pytest.mark.parametrize("name", ["points", "images of classes", "images of styles"])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_copied_latent_gives_the_same_sample(name, layer):
    of = explorer(name)
    choice = Choice(3, 2, share=0.5, layer=layer if of.layers else 0, offset=np.full(of.size, 0.1))
    kept = of_text(of, as_text(of, choice))
    assert kept.latent.ndim == (2 if layer and of.layers else 1)
    loaded = Choice(*kept.noise_of, condition=kept.condition if of.conditions else None, latent=kept.latent)
    np.testing.assert_allclose(latent(of, loaded), latent(of, choice), atol=1e-6)
    assert of.condition(loaded) == of.condition(choice)
    np.testing.assert_allclose(of.samples(of.points([loaded])), of.samples(of.points([choice])), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"latent": [1.0]}, "and this generator's are styles of 5"),
        ({"latent": [[0.0] * 5] * 2}, "styles of 2 layers, and this generator has 4"),
        ({"latent": [[[0.0] * 5]]}, "and this generator's are styles of 5"),
        ({"latent": [0.0] * 4 + [float("nan")]}, "aren't finite"),
        ({"latent": "words"}, "no latent vector"),
        ({"of": "z of 5"}, "a latent vector of z of 5"),
        ({"condition": 7}, "condition 7: this generator has no conditions"),
    ],
)
def test_another_latent_is_refused(change, says):
    of = explorer("images of styles")
    good = json.loads(as_text(of, Choice()))
    with pytest.raises(UserError, match=says):
        of_text(of, json.dumps(good | change))


@pytest.mark.parametrize("text", ["", "[", "[[1], 2]", "3", "{}", "[" * 100_000])
def test_text_that_is_no_latent_is_refused(text):
    with pytest.raises(UserError, match="no latent vector"):
        of_text(explorer("points"), text)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (Choice(seed=-1), "seed -1: it must be 0 or more"),
        (Choice(seed=2**32), "below 2"),
        (Choice(number=-3), "sample -3"),
        (Choice(number=2**31), "below 2"),
        (Choice(other=(-1, 0)), "other seed -1"),
        (Choice(condition=3), "condition 3: there are 3, from 0"),
        (Choice(share=1.5), "share 1.5: it must be from 0 to 1"),
    ],
)
def test_choices_out_of_range_are_refused(choice, says):
    with pytest.raises(UserError, match=says):
        explorer("images of classes").points([choice])


def test_latents_that_are_no_vectors_are_refused():
    network = Network(lambda *_: ({}, {}), lambda params, stats, z, condition, mode: (z[0], stats))
    tree = model(network, MODELS["points"]().view, prior=lambda key: (jax.random.normal(key, (2,)),) * 2)
    with pytest.raises(UserError, match="latents that are vectors"):
        explorer_of(tree)


def test_samples_that_are_not_finite_are_refused():
    network = Network(
        lambda *_: ({}, {}), lambda params, stats, z, condition, mode: (z / jax.numpy.zeros_like(z), stats)
    )
    of = explorer_of(model(network, MODELS["points"]().view, prior=priors.normal(2)))
    with pytest.raises(UserError, match="aren't finite here"):
        of.samples(of.points([Choice()]))
