"""Results of the default device, in each precision, against float64 on a CPU.

On a CPU they check its own forms of convolutions; on a GPU, the kernels of cuDNN and cuBLAS. A precision's tolerance
follows from its epsilon. Networks have kinks: rounding pushes a share of activations, proportional to epsilon, over
one and changes their slope, so the error in the norm of an update grows with the root of epsilon.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import start

from gan_jax import losses, penalties
from gan_jax.constraints import spectral_norm
from gan_jax.nets import dcgan, resnet
from gan_jax.nets.conv.convolution import conv, conv_transpose
from gan_jax.objectives import add, scale
from gan_jax.types import Array, Batch, Game, Mode, Network, Objective, Players, TrainState
from gan_jax.update import Update, make_update


class Precision(NamedTuple):
    """products: jax.default_matmul_precision of float32. dtype: the type of computation. epsilon: of the factors."""

    products: str
    dtype: Any
    epsilon: float


SUMS = 2.0**-15  # error of float32 sums in all precisions, also in the forms of Winograd and Fourier
PRECISIONS = {
    "float32": Precision("highest", jnp.float32, 2.0**-23),
    "tf32": Precision("default", jnp.float32, 2.0**-10),  # a GPU's default for factors of float32
    "bfloat16": Precision("default", jnp.bfloat16, 2.0**-7),
}
if jax.default_backend() == "cpu":  # where the default is the highest
    del PRECISIONS["tf32"]
each_precision = pytest.mark.parametrize(
    "precision",
    [
        pytest.param(precision, id=name, marks=pytest.mark.exhaustive if name == "bfloat16" else ())
        for name, precision in PRECISIONS.items()
    ],
)


def in_float64(f: Any, *args: Any) -> Any:
    """Computes f on a CPU, with the same numbers."""
    with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
        return jax.device_get(jax.jit(f)(*jax.tree.map(widened, args)))


def widened(x: Any) -> Any:
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jax.device_get(jax.random.key_data(x)))
    host = jax.device_get(x)
    return host.astype(np.float64) if jnp.issubdtype(x.dtype, jnp.floating) else host


def assert_within(tolerance: float, found: Any, expected: Any) -> None:
    """The root mean square of each leaf's error, relative to that of the largest expected leaf."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    largest = max(map(rms, jax.tree.leaves(expected)))
    errors = jax.tree.map(lambda a, b: rms(np.float64(a) - b) / largest, jax.device_get(found), expected)
    wrong = {
        jax.tree_util.keystr(path): error for path, error in jax.tree.leaves_with_path(errors) if error > tolerance
    }
    assert not wrong, f"beyond {tolerance:.1e}: {wrong}"


def rms(x: Any) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


# ---- Convolutions. x, w, strides, padding

CONVOLUTIONS = {
    "1 dimension, strided": ((4, 32, 3), (25, 3, 4), 4),
    "2 dimensions": ((16, 7, 7, 16), (5, 5, 16, 32), 1),  # on a CPU, by spectra
    "2 dimensions, strided": ((4, 14, 12, 3), (5, 5, 3, 8), 2),
    "3 dimensions, strided": ((2, 4, 4, 4, 2), (4, 4, 4, 2, 4), 2),
}


def plain(x: Array, w: Array, strides: int) -> Array:
    """XLA's own convolution, differentiated by JAX."""
    space = "DHW"[-(x.ndim - 2) :]
    numbers = (f"N{space}C", f"{space}IO", f"N{space}C")
    return jax.lax.conv_general_dilated(x, w, (strides,) * len(space), "SAME", dimension_numbers=numbers)


def plain_transpose(g: Array, w: Array, strides: int) -> Array:
    space = [strides * positions for positions in g.shape[1:-1]]
    x = jax.ShapeDtypeStruct((len(g), *space, w.shape[-2]), g.dtype)
    return jax.linear_transpose(lambda x: plain(x, w, strides), x)(g)[0]


def derivatives(f: Any, x: Array, w: Array) -> list[Array]:
    """A map's value, both gradients, a gradient penalty, and both gradients of that."""

    def loss(x: Array, w: Array) -> Array:
        return jnp.sum(jnp.sin(f(x, w)))

    def penalty(x: Array, w: Array) -> Array:
        return jnp.sum(jax.grad(loss)(x, w) ** 2)

    value, gradients = jax.value_and_grad(penalty, (0, 1))(x, w)
    return [f(x, w), *jax.grad(loss, (0, 1))(x, w), value, *gradients]


@each_precision
@pytest.mark.parametrize(
    ("ours", "theirs"), [(conv, plain), (conv_transpose, plain_transpose)], ids=["conv", "transpose"]
)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_and_its_derivatives_of_both_orders(name, ours, theirs, precision):
    x_shape, w_shape, strides = CONVOLUTIONS[name]
    if ours is conv_transpose:
        x_shape = jax.eval_shape(lambda: conv(jnp.zeros(x_shape), jnp.zeros(w_shape), strides)).shape
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=x_shape), precision.dtype)
    w = jnp.asarray(random.normal(size=w_shape) / math.prod(w_shape[:-1]) ** 0.5, precision.dtype)
    with jax.default_matmul_precision(precision.products):
        found = jax.jit(lambda x, w: derivatives(lambda x, w: ours(x, w, strides), x, w))(x, w)
    expected = in_float64(lambda x, w: derivatives(lambda x, w: theirs(x, w, strides), x, w), x, w)
    for one, other in zip(found, expected, strict=True):
        assert_within(8 * precision.epsilon + SUMS, one, other)


# ---- Games of the papers' networks, at a small width. Only latents are drawn, in float32.

Z = 8


def latent(key: Array) -> Array:
    return jax.random.normal(key, (Z,), jnp.float32)  # float64 would draw other numbers


def between(game: Game) -> Array:
    return 0.25 * game.real + 0.75 * game.fake


class Played(NamedTuple):
    nets: Players[Network]
    objective: Objective
    shape: tuple[int, ...]  # of an image


GAMES = {
    "WGAN-GP, the article's DCGAN": Played(
        Players(dcgan.critic(width=4, dropout=0.0), dcgan.generator(width=4, shape=(8, 8, 1))),
        add(
            adversarial=losses.wasserstein(),
            gradient_penalty=scale(penalties.gradient_penalty(at=between), 10.0),
        ),
        (8, 8, 1),
    ),
    "hinge and R1, SNGAN's ResNet": Played(
        Players(
            spectral_norm(resnet.critic(width=4, pool=resnet.sum_pool, use_bias=False)),
            resnet.generator(width=4, shape=(8, 8, 3)),
        ),
        add(adversarial=losses.hinge(), r1=scale(penalties.r1(), 100.0)),
        (8, 8, 3),
    ),
}
B, UPDATES, CRITIC_STEPS = 8, 2, 2
SGD = Players(optax.sgd(0.02), optax.sgd(0.02))  # Adam would divide by gradients that are only rounding
KEY = jax.random.key(1)


def batches_of(game: Played) -> Players[Batch]:
    x = np.random.default_rng(0).uniform(-1, 1, (CRITIC_STEPS + 1, B, *game.shape)).astype(np.float32)
    return Players(Batch(jnp.asarray(x[:CRITIC_STEPS])), Batch(jnp.asarray(x[CRITIC_STEPS:])))


def update_of(game: Played, **settings: Any) -> Update:
    return make_update(game.nets, game.objective, SGD, latent, critic_steps=CRITIC_STEPS, ema_decay=0.5, **settings)


def updates(update: Update, state: TrainState, batches: Players[Batch], key: Array) -> tuple[Any, ...]:
    """The changes of parameters, statistics and moving average after some updates, and the metrics."""
    last, metrics = jax.lax.scan(lambda state, _: update(state, batches, key), state, length=UPDATES)
    change = jax.tree.map(lambda before, after: after - before, state, last)
    return (*change.params, change.stats, change.ema, metrics)


ROWS = [(name, precision) for name in GAMES for precision in PRECISIONS]
if jax.default_backend() == "cpu":  # slow to compile there; test_precision.py tests bfloat16 too
    ROWS.remove(("hinge and R1, SNGAN's ResNet", "bfloat16"))


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "precision"), ROWS)
def test_updates_change_parameters_statistics_and_the_mean_as_in_float64(name, precision):
    game, (products, dtype, epsilon) = GAMES[name], PRECISIONS[precision]
    batches = batches_of(game)
    state = start(game.nets, game.objective, SGD, latent, batches)
    with jax.default_matmul_precision(products):
        found = jax.jit(functools.partial(updates, update_of(game, dtype=dtype)))(state, batches, KEY)
    for part, expected in zip(found, reference(name), strict=True):
        assert_within(2 * epsilon**0.5, part, expected)


@functools.cache
def reference(name: str) -> Any:
    game = GAMES[name]
    batches = batches_of(game)
    return in_float64(
        functools.partial(updates, update_of(game)),
        start(game.nets, game.objective, SGD, latent, batches),
        batches,
        KEY,
    )


# ---- Where TF32 would show.


@pytest.mark.parametrize("shape", [(48, 32), (3, 3, 16, 24)], ids=str)
def test_spectral_norm_divides_by_the_largest_singular_value_whatever_the_products_default(shape):
    kernel = jax.random.normal(jax.random.key(0), shape)
    network = spectral_norm(Network(lambda *_: ({"w": kernel}, {}), lambda params, stats, *_: (params["w"], stats)))
    with jax.default_matmul_precision("default"):
        params, stats = network.init(jax.random.key(1), kernel, None)
        stats = jax.lax.fori_loop(0, 300, lambda _, stats: network.advance(params, stats), stats)
        normalised, _ = network.apply(params, stats, kernel, None, Mode())
    largest = np.linalg.svd(np.float64(kernel).reshape(-1, shape[-1]), compute_uv=False)[0]
    np.testing.assert_allclose(normalised, np.float64(kernel) / largest, rtol=1e-5)
