"""StyleGAN's layers: equalised learning rates, demodulation, upsampling without a checkerboard, noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets.equalized import Conv, Dense, Modulated, modulated_conv


@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_layers_keep_the_variance_at_first_and_a_step_of_adam_moves_them_by_its_rate_times_the_multiplier(multiplier):
    x = jax.random.normal(jax.random.key(0), (512, 256))
    params = Dense(64, multiplier=multiplier).init(jax.random.key(1), x)
    assert np.std(params["params"]["kernel"]) == pytest.approx(1 / multiplier, rel=0.02)
    moved = jax.tree.map(lambda leaf: leaf + 0.001, params)
    before, after = (Dense(64, multiplier=multiplier).apply(p, x) for p in (params, moved))
    assert np.std(before) == pytest.approx(1, rel=0.02)
    step = 0.001 * multiplier * (x.sum(-1, keepdims=True) / 16 + 1)
    np.testing.assert_allclose(after - before, jnp.broadcast_to(step, before.shape), atol=2e-5)


@pytest.mark.parametrize(("size", "down"), [(1, False), (3, False), (1, True), (3, True)])
def test_convolutions_keep_the_scale_of_smooth_images_and_halve_them(size, down):
    layer, x = Conv(64, size, down=down), jnp.broadcast_to(jax.random.normal(jax.random.key(0), (512,)), (1, 8, 8, 512))
    y = layer.apply(layer.init(jax.random.key(1), x), x)
    assert y.shape == ((1, 4, 4, 64) if down else (1, 8, 8, 64))
    assert np.std(y[:, 2, 2]) == pytest.approx(1, rel=0.3)


def test_demodulated_outputs_have_the_variance_of_the_inputs_whatever_the_styles():
    x = jax.random.normal(jax.random.key(0), (3, 12, 12, 64))
    w = jax.random.normal(jax.random.key(1), (3, 3, 64, 32))
    styles = jnp.array([0.01, 1.0, 100.0])[:, None] * jax.random.normal(jax.random.key(2), (3, 64))
    inner = modulated_conv(x, w, styles)[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inner.std((1, 2, 3)), 1, rtol=0.1)


def test_upsampling_inside_a_convolution_is_that_of_the_image_zeros_between_then_the_filter():
    """A constant stays constant inside: no checkerboard, which the transposed convolution alone would leave."""
    x, w = jnp.ones((1, 6, 6, 4)), jax.random.normal(jax.random.key(0), (3, 3, 4, 2))
    y = modulated_conv(x, w, jnp.ones((1, 4)), up=True, demodulate=False)
    assert y.shape == (1, 12, 12, 2)
    np.testing.assert_allclose(y[:, 2:-2, 2:-2], jnp.broadcast_to(w.sum((0, 1, 2)), (1, 8, 8, 2)), rtol=1e-4, atol=1e-4)


def test_noise_is_one_number_a_pixel_times_the_strength():
    layer, x, style = Modulated(5, None), jnp.zeros((2, 4, 6, 3)), jnp.ones((2, 2))
    params = layer.init(jax.random.key(0), x, style, None)["params"]
    y = (
        layer.apply(
            {"params": params | {"strength": jnp.float32(-2.0)}}, x, style, jax.random.split(jax.random.key(3), 2)
        )
        / 2**0.5
    )
    noise = jnp.where(y > 0, y, 5 * y) / -2
    np.testing.assert_allclose(noise, jnp.broadcast_to(noise[..., :1], y.shape))
    assert len(np.unique(noise)) == 2 * 4 * 6
    assert np.std(noise) == pytest.approx(1, rel=0.3)


def test_long_sums_of_every_parameters_gradient_are_of_float32_where_it_computes_in_bfloat16():
    """Over 16,384 positions; summed in bfloat16, that of the strength is off by 19 %, those of a style by far more."""
    random = np.random.default_rng(0)
    x, style = (jnp.asarray(random.uniform(0.5, 1, size), jnp.float32) for size in ((4, 64, 64, 2), (4, 3)))
    keys = jax.random.split(jax.random.key(0), 4)
    params = Modulated(4, None).init(jax.random.key(1), x, style, keys)
    params = jax.tree.map(lambda leaf: jnp.asarray(random.uniform(0.5, 1, leaf.shape), leaf.dtype), params)

    def gradient(dtype):
        return jax.jit(jax.grad(lambda params: jnp.sum(Modulated(4, dtype).apply(params, x, style, keys))))(params)

    for one, other in zip(*map(jax.tree.leaves, (gradient(None), gradient(jnp.bfloat16))), strict=True):
        assert np.linalg.norm(other - one) < 0.1 * np.linalg.norm(one)
