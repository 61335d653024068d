import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, strategies as st
from toys import init_perceptron, perceptron

from gan_jax.constraints import Singular, clip_weights, spectral_norm
from gan_jax.types import Array, Mode, Network, Params

# Plain, image-shaped and with one row: every kernel is a matrix [everything else, outputs].
KERNELS = [(5, 3), (3, 5), (3, 3, 2, 4), (1, 4), (4, 1)]
every_kernel = pytest.mark.parametrize("shape", KERNELS, ids=str)


def affine(kernel: Array) -> Network:
    """The layer x W + 3; its bias is never normalised."""

    def init(key: Array, x: Array, condition: Array | None) -> tuple[Params, Params]:
        return {"kernel": kernel, "bias": jnp.full(kernel.shape[-1], 3.0)}, {"passes": jnp.zeros(())}

    def apply(params: Params, stats: Params, x: Array, condition: Array | None, mode: Mode):
        matrix = params["kernel"].reshape(-1, kernel.shape[-1])
        return x @ matrix + params["bias"][None], {"passes": stats["passes"] + 1}

    def advance(params: Params, stats: Params) -> Params:
        return {"passes": stats["passes"] + 100}

    return Network(init, apply, advance)


def normal(shape: tuple[int, ...], seed: int = 0) -> Array:
    return jax.random.normal(jax.random.key(seed), shape)


def started(kernel: Array, advances: int = 0) -> tuple[Network, Params, Params, Array]:
    """The normalised layer, its parameters, its stats after some advances, and inputs."""
    x = normal((6, kernel.size // kernel.shape[-1]), seed=1)
    return spectral_norm(affine(kernel)), *settled(kernel, x, advances), x


@jax.jit
def settled(kernel: Array, x: Array, advances: int) -> tuple[Params, Params]:
    network = spectral_norm(affine(kernel))
    params, stats = network.init(jax.random.key(2), x, None)
    return params, jax.lax.fori_loop(0, advances, lambda _, stats: network.advance(params, stats), stats)


def largest_singular_value(kernel: Array) -> float:
    return np.linalg.svd(np.float64(kernel).reshape(-1, kernel.shape[-1]), compute_uv=False)[0]


def bounded(limit: float, rate: float) -> optax.GradientTransformation:
    return optax.chain(optax.sgd(rate), clip_weights(limit))


@given(
    params=st.lists(st.floats(-0.125, 0.125, width=32), min_size=3, max_size=3),
    gradient=st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=3),
)
def test_clipped_weights_stay_within_the_limit(params, gradient):
    params = jnp.array(params, jnp.float32)
    optimizer = bounded(0.125, 1.0)
    updates, _ = optimizer.update(jnp.array(gradient, jnp.float32), optimizer.init(params), params)
    new = optax.apply_updates(params, updates)
    np.testing.assert_array_less(np.abs(new), 0.125 * (1 + 1e-6))
    np.testing.assert_allclose(new, np.clip(params - np.float32(gradient), -0.125, 0.125), atol=1e-7)


def test_weights_that_start_beyond_the_limit_are_brought_back_in_every_leaf():
    params = {"kernel": jnp.array([[5.0, -7.0]]), "bias": jnp.array([0.001])}
    optimizer = bounded(0.01, 0.1)
    updates, _ = optimizer.update(jax.tree.map(jnp.zeros_like, params), optimizer.init(params), params)
    new = optax.apply_updates(params, updates)
    np.testing.assert_allclose(new["kernel"], [[0.01, -0.01]], atol=1e-6)
    np.testing.assert_allclose(new["bias"], [0.001], rtol=1e-6)


def test_clip_weights_without_parameters_asks_for_them():
    optimizer = clip_weights(0.01)
    with pytest.raises(ValueError, match=r"call optimizer.update\(grads, state, params\)"):
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))


@every_kernel
def test_sigma_approaches_the_largest_singular_value(shape):
    network, params, stats, x = started(normal(shape), advances=300)
    y, _ = network.apply(params, stats, x, None, Mode())
    expected = x @ normal(shape).reshape(-1, shape[-1]) / largest_singular_value(normal(shape)) + 3
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


@given(seed=st.integers(0, 99))
def test_linear_layer_becomes_1_lipschitz_and_no_less(seed):
    network, params, stats, _ = started(normal((4, 4), seed), advances=500)
    images = network.apply(params, stats, jnp.eye(4), None, Mode())[0] - 3  # of the basis
    np.testing.assert_allclose(largest_singular_value(images), 1, rtol=2e-3)


def test_singular_vectors_have_length_1_and_the_first_ones_are_a_power_iteration_from_a_random_vector():
    _, params, stats, _ = started(normal((5, 3)))
    left, right = stats["spectral"]["kernel"]
    np.testing.assert_allclose([jnp.linalg.norm(left), jnp.linalg.norm(right)], [1, 1], rtol=1e-6)
    image = left @ params["kernel"]
    np.testing.assert_allclose(right, image / jnp.linalg.norm(image), rtol=1e-5)
    assert list(stats["spectral"]) == ["kernel"]


def test_applying_does_not_advance():
    network, params, stats, x = started(normal((5, 3)))
    first, after = network.apply(params, stats, x, None, Mode(train=True))
    second, _ = network.apply(params, after, x, None, Mode(train=True))
    np.testing.assert_array_equal(first, second)
    jax.tree.map(np.testing.assert_array_equal, after["spectral"], stats["spectral"])


def test_one_advance_is_one_power_iteration():
    network, params, stats, _ = started(normal((5, 3)))
    advanced = network.advance(params, stats)["spectral"]["kernel"]
    w, v = np.float64(params["kernel"]), np.float64(stats["spectral"]["kernel"].right)
    u = w @ v / np.linalg.norm(w @ v)
    v = w.T @ u / np.linalg.norm(w.T @ u)
    np.testing.assert_allclose(advanced.left, u, rtol=1e-5)
    np.testing.assert_allclose(advanced.right, v, rtol=1e-5)


def test_statistics_of_the_wrapped_network_pass_through():
    network, params, stats, x = started(normal((5, 3)))
    assert stats["passes"] == 100  # init advances once
    assert network.apply(params, stats, x, None, Mode())[1]["passes"] == 101
    assert network.advance(params, stats)["passes"] == 200


def test_gradient_flows_through_sigma_and_not_through_its_vectors():
    network, params, stats, x = started(normal((5, 3)), advances=3)
    u, v = (np.float64(vector) for vector in stats["spectral"]["kernel"])
    kernel, inputs = np.float64(params["kernel"]), np.float64(x)

    def loss(kernel: Array) -> Array:
        y, _ = network.apply({**params, "kernel": kernel}, stats, x, None, Mode())
        return jnp.sum((y - 3) ** 2)

    def by_hand(kernel: np.ndarray) -> float:
        return np.sum((inputs @ kernel / (u @ kernel @ v)) ** 2)

    h = 1e-5
    directions = np.eye(15).reshape(15, 5, 3)
    expected = [(by_hand(kernel + h * d) - by_hand(kernel - h * d)) / (2 * h) for d in directions]
    np.testing.assert_allclose(jax.grad(loss)(params["kernel"]).ravel(), expected, rtol=1e-3, atol=1e-4)
    # the gradient of σ itself: without it the gradient along the kernel itself would be 2 · loss
    np.testing.assert_allclose(jnp.vdot(jax.grad(loss)(params["kernel"]), params["kernel"]), 0, atol=1e-4)


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_output_does_not_depend_on_the_size_of_the_kernel(factor):
    network, params, stats, x = started(normal((5, 3)))
    scaled = {**params, "kernel": factor * params["kernel"]}
    np.testing.assert_allclose(
        network.apply(scaled, network.advance(scaled, stats), x, None, Mode())[0],
        network.apply(params, network.advance(params, stats), x, None, Mode())[0],
        rtol=1e-5,
    )


def test_a_kernel_of_zeros_and_its_gradient_are_not_divided():
    network, params, stats, x = started(jnp.zeros((5, 3)), advances=2)
    y, pull = jax.vjp(lambda params: network.apply(params, stats, x, None, Mode())[0], params)
    np.testing.assert_array_equal(y, np.full((6, 3), 3.0))
    np.testing.assert_allclose(pull(y)[0]["kernel"], x.T @ y, rtol=1e-5)


@every_kernel
def test_sigma_is_found_after_a_start_at_zero_and_after_passing_through_it(shape):
    network, params, stats, x = started(jnp.zeros(shape), advances=2)
    advance = jax.jit(network.advance)
    for seed in (3, 4):
        params |= {"kernel": 1e-3 * normal(shape, seed)}
        for _ in range(200):
            stats = advance(params, stats)
        y, _ = network.apply(params, stats, x, None, Mode())
        expected = x @ params["kernel"].reshape(-1, shape[-1]) / largest_singular_value(params["kernel"]) + 3
        np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-4)
        for _ in range(3):
            stats = advance(params | {"kernel": jnp.zeros(shape)}, stats)
            lengths = [jnp.linalg.norm(vector) for vector in stats["spectral"]["kernel"]]
            np.testing.assert_allclose(lengths, [1, 1], rtol=1e-5)


@given(seed=st.integers(0, 99), rank=st.integers(1, 4))
def test_vectors_that_are_not_the_kernels_never_blow_it_up(seed, rank):
    network, params, stats, _ = started(jnp.zeros((6, 4)))
    params |= {"kernel": 1e-3 * normal((6, rank), seed) @ normal((rank, 4), seed + 100)}  # no turn of its player since
    scaled = network.apply(params, stats, jnp.eye(6), None, Mode())[0] - 3
    assert largest_singular_value(scaled) < np.sqrt(4) * (1 + 1e-4)
    assert np.vdot(scaled, params["kernel"]) > 0


def test_every_parameter_of_two_dimensions_is_a_kernel_unless_it_is_called_scale_bias_or_shared():
    tables = {name: jnp.full((3, 2), 2.0) for name in ("bias", "scale", "shared")} | {
        "own": {"w": jnp.ones((3, 2)), "b": jnp.ones(2)}
    }
    network = spectral_norm(
        Network(lambda *_: (tables | {"embedding": jnp.ones((3, 2))}, {}), lambda *given: given[:2])
    )
    params, stats = network.init(jax.random.key(0), normal((1, 2)), None)
    assert list(stats["spectral"]) == ["embedding", "own/w"]
    scaled, _ = network.apply(params, stats, normal((1, 2)), None, Mode())
    for name in ("scale", "bias", "shared"):
        np.testing.assert_array_equal(scaled[name], params[name])
    for kernel in (scaled["embedding"], scaled["own"]["w"]):
        np.testing.assert_allclose(kernel, np.ones((3, 2)) / np.sqrt(6), rtol=1e-5)


def test_every_kernel_of_a_network_has_its_own_vectors():
    inner = Network(
        init=lambda key, x, condition: ({"deep": init_perceptron(key, 6, 2)}, {}),
        apply=lambda params, stats, x, condition, mode: (perceptron(params["deep"], x), stats),
    )
    network = spectral_norm(inner)
    x = normal((4, 2, 3))
    params, stats = network.init(jax.random.key(0), x, None)
    assert {name: jax.tree.map(jnp.shape, vectors) for name, vectors in stats["spectral"].items()} == {
        "deep/first": Singular((6,), (8,)),
        "deep/second": Singular((8,), (2,)),
    }
    np.testing.assert_array_equal(jax.tree.structure(network.advance(params, stats)), jax.tree.structure(stats))
