"""The three bilinear maps against lax.conv_general_dilated, whose derivatives are JAX's own."""

import functools
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec
from lax_convolutions import assert_close, normal, penalty, plain

from gan_jax.nets.conv.convolution import Conv, ConvTranspose, conv, conv_transpose

# x, w, strides, padding
CASES = [
    ((2, 9, 3), (4, 3, 2), 2, "SAME"),
    ((2, 16, 2), (25, 2, 3), 4, "SAME"),
    ((2, 6, 7, 3), (3, 3, 3, 2), 1, "SAME"),
    ((2, 7, 8, 2), (5, 5, 2, 3), 2, "SAME"),
    ((2, 7, 8, 2), (5, 4, 2, 3), (2, 3), "VALID"),
    ((2, 9, 9, 2), (1, 2, 2, 3), 3, "VALID"),  # a window smaller than its stride leaves pixels unused
    ((2, 6, 6, 2), (3, 3, 2, 3), 2, ((2, 0), (0, 5))),
    ((2, 6, 6, 2), (3, 3, 2, 3), 1, ((-1, 0), (3, 3))),
    ((1, 4, 5, 6, 2), (3, 3, 2, 2, 2), (1, 2, 2), "SAME"),
    ((2, 5, 3), (1, 3, 4), 1, "SAME"),  # windows of one position from here on
    ((2, 4, 5, 3), (1, 1, 3, 2), 1, "VALID"),
    ((2, 4, 5, 3), (1, 1, 3, 2), 2, "SAME"),
    ((2, 4, 5, 3), (1, 1, 3, 2), 1, ((1, 0), (-1, 2))),
    ((2, 4, 5, 3), (1, 1, 3, 2), 1, ((1, -1), (0, 0))),
    ((1, 3, 4, 2, 3), (1, 1, 1, 3, 2), 1, "SAME"),
]
each_case = pytest.mark.parametrize(("x_shape", "w_shape", "strides", "padding"), CASES)


@each_case
def test_value_and_derivatives_are_those_of_the_plain_convolution(x_shape, w_shape, strides, padding):
    x, w = normal(0, x_shape), normal(1, w_shape)

    @functools.partial(jax.jit, static_argnums=0)
    def everything(convolution):
        def f(x, w):
            return convolution(x, w, strides, padding)

        return (
            f(x, w),
            jax.grad(lambda x, w: jnp.sum(jnp.sin(f(x, w))), (0, 1))(x, w),
            jax.grad(penalty(f), (0, 1))(x, w),
            jax.jvp(jax.grad(penalty(f), (0, 1)), (x, w), (x, w)),
        )

    assert_close(everything(conv), everything(plain))


def test_third_order_and_forward_mode_agree_with_the_plain_convolution():
    x, w = normal(0, (2, 5, 5, 2)), normal(1, (3, 3, 2, 2)) / 3  # larger values would magnify the rounding

    @functools.partial(jax.jit, static_argnums=0)
    def everything(convolution):
        def f(x, w):
            return jnp.sum(jnp.tanh(convolution(x, w, 2, "SAME")))

        return (
            jax.grad(penalty(jax.grad(f, 1)), (0, 1))(x, w),
            jax.hessian(f, 1)(x, w),
            jax.jacfwd(jax.jacfwd(f, 1), 0)(x, w),
            jax.grad(jax.checkpoint(penalty(f)))(x, w),
            jax.linearize(jax.grad(f), x, w)[1](x, w),
        )

    assert_close(everything(conv), everything(plain))


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (1, 3)])
def test_vmap_agrees_with_the_plain_convolution(axes):
    x, w = normal(0, (3, 3, 7, 6, 2)), normal(1, (3, 3, 2, 3, 2))
    x, w = (a if axis is not None else a[0] if a is x else a[:, :, :, 0] for a, axis in zip((x, w), axes))
    axes = tuple(3 if axis == 0 and a is w else axis for a, axis in zip((x, w), axes))

    @functools.partial(jax.jit, static_argnums=0)
    def everything(convolution):
        f = functools.partial(convolution, strides=2, padding="SAME")
        inner = jax.vmap(jax.grad(penalty(f), (0, 1)), axes)(x, w)
        outer = jax.grad(lambda x, w: jnp.sum(jax.vmap(penalty(f), axes)(x, w)), (0, 1))(x, w)
        return inner, outer

    assert_close(everything(conv), everything(plain))


def test_bfloat16_stays_bfloat16_and_agrees():
    x, w = (normal(i, s).astype(jnp.bfloat16) for i, s in enumerate([(2, 8, 8, 3), (3, 3, 3, 2)]))
    ours, theirs = (
        jax.jit(jax.grad(lambda x, w, f=f: jnp.sum(f(x, w, 2, "SAME") ** 2), (0, 1)))(x, w) for f in (conv, plain)
    )
    assert_close(ours, theirs)
    assert conv(x, w.astype(jnp.float32)).dtype == jnp.float32


def test_gradients_of_a_scanned_convolution_equal_the_unscanned_ones():
    x, w = normal(0, (3, 2, 8, 8, 2)), normal(1, (5, 5, 2, 3))
    gradient = jax.jit(jax.grad(penalty(lambda x, w: conv(x, w, 2)), (0, 1)))
    scanned = jax.lax.scan(lambda _, x: (None, gradient(x, w)), None, x)[1]
    assert_close(scanned, jax.tree.map(lambda *a: jnp.stack(a), *[gradient(one, w) for one in x]))

    @jax.jit
    @jax.grad
    def through_the_scan(w):
        return jax.lax.scan(lambda total, x: (total + jnp.sum(conv(x, w, 2) ** 2), None), 0.0, x)[0]

    expected = jax.jit(jax.grad(lambda w: sum(jnp.sum(conv(one, w, 2) ** 2) for one in x)))(w)
    assert_close(through_the_scan(w), expected)


@pytest.mark.parametrize("check_vma", [True, False])
def test_shard_map_agrees_with_the_plain_convolution(check_vma):
    mesh = jax.make_mesh((jax.device_count(),), ("batch",), axis_types=(AxisType.Auto,))
    x, w = normal(0, (jax.device_count() * 2, 6, 6, 2)), normal(1, (3, 3, 2, 2))

    def sharded(f):
        def gradient(x, w):
            gradient = jax.grad(lambda w: penalty(lambda x, w: f(x, w, 2, "SAME"))(x, w))(w)
            return gradient if check_vma else jax.lax.psum(gradient, "batch")  # check_vma sums it

        specs = (PartitionSpec("batch"), PartitionSpec())
        return jax.jit(
            jax.shard_map(gradient, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(), check_vma=check_vma)
        )(x, w)

    assert_close(sharded(conv), sharded(plain))


def test_pmap_agrees_with_the_plain_convolution():
    x, w = normal(0, (jax.device_count(), 2, 6, 6, 2)), normal(1, (3, 3, 2, 2))
    ours, theirs = (
        jax.pmap(jax.grad(penalty(functools.partial(f, strides=2, padding="SAME")), (0, 1)), in_axes=(0, None))(x, w)
        for f in (conv, plain)
    )
    assert_close(ours, theirs)


def test_as_many_convolutions_are_compiled_as_for_the_plain_one():
    x, w = jnp.zeros((2, 8, 8, 3)), jnp.zeros((5, 5, 3, 4))

    def count(f):
        text = jax.jit(jax.grad(penalty(lambda x, w: f(x, w, 2, "SAME")), (0, 1))).lower(x, w).as_text()
        return len(re.findall(r"stablehlo\.convolution", text)), text

    (ours, text), (theirs, _) = count(conv), count(plain)
    assert 0 < ours <= theirs
    canonical = "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"
    assert text.count(canonical) == ours  # the fast path on XLA:CPU


@pytest.mark.parametrize(("strides", "convolutions"), [(1, 0), (2, 9)])
def test_a_window_of_one_position_is_a_matrix_product_on_a_cpu(strides, convolutions):
    x, w = jnp.zeros((2, 8, 8, 3)), jnp.zeros((1, 1, 3, 4))
    text = jax.jit(jax.grad(penalty(functools.partial(conv, strides=strides)), (0, 1))).lower(x, w).as_text()
    assert len(re.findall(r"stablehlo\.convolution", text)) == convolutions


def test_per_example_gradients_stay_in_canonical_order():
    x, w = jnp.zeros((2, 8, 8, 3)), jnp.zeros((5, 5, 3, 4))

    def slopes(w):
        gradient = jax.vmap(jax.grad(lambda x: jnp.sum(jnp.tanh(conv(x[None], w, 2)))))(x)
        return jnp.sum(gradient**2)

    text = jax.jit(jax.grad(slopes)).lower(w).as_text()
    assert text.count("[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]") == text.count("stablehlo.convolution")


def test_precision_is_that_of_the_place_where_the_convolution_was_written():
    def f(x, w):
        with jax.default_matmul_precision("highest"):
            return jnp.sum(conv(x, w))

    text = jax.jit(jax.grad(f, 1)).lower(jnp.zeros((1, 4, 4, 1)), jnp.zeros((3, 3, 1, 1))).as_text()
    assert "HIGHEST" in text
    assert "DEFAULT" not in text


@each_case
def test_transposed_convolution_is_the_input_gradient(x_shape, w_shape, strides, padding):
    x, w = normal(0, x_shape), normal(1, w_shape)
    g = normal(2, jax.eval_shape(lambda: plain(x, w, strides, padding)).shape)
    theirs = jax.jit(lambda g: jax.vjp(lambda x: plain(x, w, strides, padding), x)[1](g)[0])(g)
    assert_close(conv_transpose(g, w, strides, padding, x.shape[1:-1]), theirs)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("window", "strides"), [((5, 5), (2, 2)), ((4, 3), (2, 1)), ((3, 2), (3, 4))])
def test_transposed_convolution_is_linens_with_the_window_reversed(padding, window, strides):
    x = normal(0, (2, 4, 5, 3))
    ours, theirs = (module(2, window, strides, padding) for module in (ConvTranspose, nn.ConvTranspose))
    kernel, bias = normal(1, (*window, 3, 2)), normal(2, (2,))
    y = ours.apply({"params": {"kernel": kernel, "bias": bias}}, x)
    assert_close(y, theirs.apply({"params": {"kernel": kernel[::-1, ::-1], "bias": bias}}, x))


def test_conv_has_linens_parameters_and_values():
    x = normal(0, (2, 7, 6, 3))
    ours, theirs = (module(2, (3, 3), 2, bias_init=nn.initializers.normal()) for module in (Conv, nn.Conv))
    variables = ours.init(jax.random.key(1), x)
    assert_close(variables, theirs.init(jax.random.key(1), x))
    assert_close(ours.apply(variables, x), theirs.apply(variables, x))


def test_shapes_that_do_not_fit_are_named():
    x, w = jnp.zeros((1, 4, 4, 2)), jnp.zeros((3, 3, 3, 1))
    with pytest.raises(ValueError, match="want"):
        conv(x, w)
    with pytest.raises(ValueError, match="larger"):
        conv(jnp.zeros((1, 2, 2, 3)), w, padding="VALID")
    with pytest.raises(ValueError, match=r"want g to be \[B, 5, 5, 1\]"):
        conv_transpose(jnp.zeros((1, 4, 4, 1)), w, 2, "SAME", (9, 9))


def taps(x: np.ndarray, w: np.ndarray, padding: list[tuple[int, int]], strides: int) -> np.ndarray:
    """A correlation of [B, H, W, I] with [h, w, I, O], tap by tap; negative padding crops."""
    x = np.pad(x, [(0, 0), *((max(low, 0), max(high, 0)) for low, high in padding), (0, 0)])
    x = x[:, *(slice(max(-low, 0), size - max(-high, 0)) for size, (low, high) in zip(x.shape[1:], padding))]
    height, width = ((size - tap) // strides + 1 for size, tap in zip(x.shape[1:3], w.shape))
    reach = (slice(None), slice(0, (height - 1) * strides + 1, strides), slice(0, (width - 1) * strides + 1, strides))
    y = 0
    for i, j in np.ndindex(*w.shape[:2]):
        y = y + x[:, i:, j:][reach] @ w[i, j]
    return y


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", [[(3, 1), (3, 1)], [(-1, 1), (2, -1)], [(1, 4), (-2, -1)]])
def test_padding_of_any_sign_gives_the_sum_over_taps_and_its_gradients(padding, strides):
    """XLA:CPU reads outside its buffers where low padding is negative and high isn't (openxla/xla#48713)."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 8, 8, 2)), rng.normal(size=(3, 3, 2, 3))
    y = taps(x, w, padding, strides)
    g = rng.normal(size=y.shape)
    found, pull = jax.vjp(lambda x, w: conv(x, w, strides, padding), *(jnp.asarray(a, jnp.float32) for a in (x, w)))
    np.testing.assert_allclose(found, y, atol=1e-4)
    # The map is bilinear, so its values on a basis of x and w determine the gradients.
    by_x = [np.vdot(g, taps(one.reshape(x.shape), w, padding, strides)) for one in np.eye(x.size)]
    by_w = [np.vdot(g, taps(x, one.reshape(w.shape), padding, strides)) for one in np.eye(w.size)]
    for gradient, expected in zip(pull(jnp.asarray(g, jnp.float32)), (by_x, by_w)):
        np.testing.assert_allclose(gradient.ravel(), expected, atol=1e-4)


def test_a_transposed_convolution_takes_every_name_of_padding_that_a_convolution_takes():
    g, w = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 5, 2))
    assert conv_transpose(g, w, 2, "same").shape == (1, 8, 8, 5)
    assert conv_transpose(g, w, 2, "SAME_LOWER").shape == (1, 8, 8, 5)
    assert conv_transpose(g, w, 2, "valid").shape == (1, 9, 9, 5)
