"""Directions of models, and the files that keep them."""

import jax
import numpy as np
import pytest
from tiny_models import MODELS, model

from gan_jax import priors, views
from gan_jax.errors import Missing, UserError
from gan_jax.models.directions import directions_of, load, named_space, save, space_of, walks_along
from gan_jax.types import Network


def linear(scales, conditions=None):
    """Points whose entries are those of z [D], each times its scale, and shifted by the condition."""

    def init(key, z, condition):
        return {"kernel": np.diag(np.float32(scales))}, {}

    def apply(params, stats, z, condition, mode):
        y = z @ params["kernel"]
        return (y if condition is None else y + 100 * condition[:, None].astype(y.dtype)), stats

    return model(Network(init, apply), views.points, prior=priors.normal(len(scales)), conditions=conditions)


@pytest.mark.parametrize("method", ["principal", "first_layer"])
def test_directions_of_a_linear_generator_are_the_axes_in_the_order_of_their_scales(method):
    found = directions_of(linear([1, 5, 2, 8, 3, 0.5]), method, 3)
    np.testing.assert_allclose(np.abs(found.vectors), np.eye(6)[[3, 1, 4]], atol=0.1)
    np.testing.assert_allclose(found.scales, 1, atol=0.06)
    assert found.shares[0] == pytest.approx(64 / (1 + 25 + 4 + 64 + 9 + 0.25), abs=0.06)


def test_scales_are_those_of_latents_that_the_directions_were_not_fitted_to():
    many = linear(np.ones(300))  # all directions are alike
    np.testing.assert_allclose(directions_of(many, "principal", 5).scales, 1, atol=0.12)


def test_directions_are_found_under_one_condition_so_none_leads_between_classes():
    found = directions_of(linear([1, 5, 2, 8, 3, 0.5], np.arange(3, dtype=np.int32)), "principal", 1, number=2)
    np.testing.assert_allclose(np.abs(found.vectors[0]), np.eye(6)[3], atol=0.1)


def test_a_walk_along_a_direction_passes_the_sample_itself_and_moves_by_standard_deviations():
    tiny = linear([1, 5, 2, 8, 3, 0.5])
    found = directions_of(tiny, "first_layer", 2)
    walks = walks_along(tiny, found, seed=4, number=2, frames=3, span=2.0)
    assert walks.shape == (2, 3, 6)
    np.testing.assert_allclose(walks[:, 1], np.broadcast_to(tiny.sample(4, 3)[2], (2, 6)), atol=1e-5)
    np.testing.assert_allclose(walks[0, 2] - walks[0, 1], 2 * found.scales[0] * 8 * np.eye(6)[3], atol=1e-4)


def test_a_walk_keeps_its_samples_class():
    tiny = MODELS["images of classes"]()
    walks = walks_along(tiny, directions_of(tiny, "first_layer", 1), seed=0, number=4, frames=1, span=1.0)
    np.testing.assert_allclose(walks[0, 0], tiny.sample(0, 5)[4], atol=1e-5)


def test_a_generator_with_styles_is_explored_there():
    tiny = MODELS["images of styles"]()
    assert named_space(tiny) == "styles of 5"
    assert directions_of(tiny, "principal", 2).vectors.shape == (2, 5)
    keys = jax.random.split(jax.random.key(0), 2)
    assert space_of(tiny).draw(keys, None).shape == (2, 5)


def test_directions_are_kept_in_a_file_of_their_space_alone(tmp_path):
    tiny = MODELS["points"]()
    found = directions_of(tiny, "first_layer", 2)
    save(found, tiny, tmp_path / "d.npz")
    for saved, given in zip(load(tmp_path / "d.npz", tiny), found):
        np.testing.assert_array_equal(saved, given)
    with pytest.raises(UserError, match="holds directions of z of 6, and these latents are styles of 5"):
        load(tmp_path / "d.npz", MODELS["images of styles"]())
    with pytest.raises(Missing, match="gan-jax directions"):
        load(tmp_path / "none.npz", tiny)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY"])
def test_a_file_that_holds_no_directions_is_named(tmp_path, content):
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"d.npz holds no directions"):
        load(tmp_path / "d.npz", MODELS["points"]())


def test_a_pickle_among_directions_is_not_run(tmp_path):
    np.savez(tmp_path / "d.npz", vectors=np.array([print], object), scales=[1], shares=[1], of="z of 6")
    with pytest.raises(UserError, match="holds no directions"):
        load(tmp_path / "d.npz", MODELS["points"]())


def test_latents_that_are_no_vectors_have_no_directions():
    tree = MODELS["points"]()._replace(prior=lambda key: {"z": jax.random.normal(key)})
    with pytest.raises(UserError, match="directions are for latents that are vectors"):
        directions_of(tree, "principal", 1)
