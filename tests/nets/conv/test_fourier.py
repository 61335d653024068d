"""Products of spectra against XLA's convolutions: map by map, where they pay off, and their compiled form."""

import collections
import functools
import itertools
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from lax_convolutions import assert_close, normal, penalty, plain, random_geometries

from gan_jax.nets.conv import direct, fourier
from gan_jax.nets.conv.bilinear import conv_p, input_gradient_p, kernel_gradient_p
from gan_jax.nets.conv.convolution import conv, conv_transpose
from gan_jax.nets.conv.geometry import geometry_of

# space, window, strides, padding
GEOMETRIES = [
    ((8,), (3,), 1, "SAME"),
    ((9,), (4,), 2, "SAME"),
    ((16,), (25,), 4, "SAME"),  # a window larger than the space
    ((7,), (1,), 1, "SAME"),
    ((7,), (1,), 3, "VALID"),  # a stride larger than the window
    ((10,), (3,), 4, "VALID"),
    ((11,), (4,), 3, "VALID"),  # a last entry that no window reaches
    ((5,), (5,), 1, "VALID"),  # one position
    ((5,), (3,), 1, ((-2, 3),)),
    ((8,), (2,), 2, ((-3, -1),)),
    ((3,), (2,), 1, ((7, -1),)),  # windows of padding alone
    ((3,), (2,), 3, ((-4, 9),)),  # nothing but padding
    ((7, 7), (5, 5), 1, "SAME"),
    ((14, 14), (5, 5), 2, "SAME"),
    ((6, 7), (3, 4), 1, "VALID"),
    ((7, 8), (5, 4), (2, 3), "VALID"),
    ((9, 8), (3, 2), (3, 4), "SAME"),
    ((9, 9), (1, 2), 3, "VALID"),
    ((3, 2), (5, 7), 1, "SAME"),
    ((4, 4), (4, 4), 1, "VALID"),
    ((5, 6), (1, 1), 1, "SAME"),
    ((5, 6), (1, 1), 2, "SAME"),
    ((6, 6), (3, 3), 2, ((2, 0), (0, 5))),
    ((6, 6), (3, 3), 1, ((-1, 0), (3, 3))),
    ((6, 5), (2, 4), (1, 3), ((-2, 3), (4, -1))),
    ((3, 4, 5), (3, 2, 4), 1, "SAME"),
    ((4, 5, 4), (3, 3, 2), (1, 2, 2), "SAME"),
    ((4, 3, 5), (2, 5, 3), (2, 1, 3), ((1, 0), (3, -1), (0, 2))),
]
each_geometry = pytest.mark.parametrize("geometry", [geometry_of(*row) for row in GEOMETRIES], ids=map(str, GEOMETRIES))
QUICKLY = {"xla_backend_optimization_level": 0}  # compiles three times faster


# ---- The maps.


@functools.cache
def three_maps(maps, geometry, dtype):
    """x, w, g and the module's results, with 2 examples and 3 -> 5 channels."""
    rng = np.random.default_rng(0)
    shapes = (2, *geometry.space, 3), (*geometry.window, 3, 5), (2, *geometry.positions, 5)
    x, w, g = (rng.normal(size=shape).astype(dtype) for shape in shapes)

    @functools.partial(jax.jit, compiler_options=QUICKLY)
    def results(x, w, g):
        return (
            maps.conv(x, w, geometry=geometry),
            maps.input_gradient(g, w, geometry=geometry),
            maps.kernel_gradient(x, g, geometry=geometry),
        )

    with jax.enable_x64(dtype == "float64"):
        return (x, w, g), jax.tree.map(np.asarray, results(x, w, g))


def assert_maps_are_those_of_direct(geometry, dtype, tolerance):
    """`direct` in 64 bits: in 32, XLA:CPU reads beyond the array where padding is negative (openxla/xla#48713)."""
    (_, found), (_, expected) = three_maps(fourier, geometry, dtype), three_maps(direct, geometry, "float64")
    for ours, theirs in zip(found, expected):
        assert ours.dtype == dtype
        largest = np.abs(theirs).max() or 1  # 0 for padding alone
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * largest)


@pytest.mark.exhaustive
@each_geometry
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_the_three_maps_are_those_of_the_direct_form(geometry, dtype, tolerance):
    assert_maps_are_those_of_direct(geometry, dtype, tolerance)


@given(random_geometries())
def test_the_three_maps_are_those_of_the_direct_form_whatever_the_geometry(geometry):
    assert_maps_are_those_of_direct(geometry, "float64", 1e-12)


@pytest.mark.exhaustive
@each_geometry
def test_the_three_maps_are_adjoint(geometry):
    (x, w, g), (y, by_x, by_w) = three_maps(fourier, geometry, "float64")
    products = [np.vdot(g, y), np.vdot(x, by_x), np.vdot(w, by_w)]
    np.testing.assert_allclose(
        products, products[:1] * 3, rtol=0, atol=1e-12 * math.prod(map(np.linalg.norm, (x, w, g)))
    )


# ---- Their transforms.


@each_geometry
def test_a_real_frequency_takes_one_product_and_a_conjugate_pair_three(geometry):
    periods = [fourier.period(*axis) for axis in fourier.axes_of(geometry)]
    real = math.prod(1 if period % 2 else 2 for period in periods)  # 0, and half of an even period
    rows = real + 3 * (math.prod(periods) - real) // 2
    sizes, taps = ([axis[i] for axis in fourier.axes_of(geometry)] for i in (0, 1))
    matrices = fourier.transforms(geometry)
    assert [matrix.shape for matrix in matrices] == [
        (rows, math.prod(sizes)),
        (rows, math.prod(taps)),
        (math.prod(geometry.positions), rows),
    ]
    assert {matrix.dtype for matrix in matrices} == {np.dtype("float64")}


@pytest.mark.parametrize(
    ("space", "strides", "products"),
    [(7, 1, 1 + 3 * (9 * 9 - 1) // 2), (14, 2, 4 + 3 * (8 * 8 - 4) // 2)],
)
def test_the_articles_windows_take_121_and_94_products(space, strides, products):
    geometry = geometry_of((space, space), (5, 5), strides, "SAME")
    assert geometry.positions == (7, 7)
    assert len(fourier.transforms(geometry).x) == products == {1: 121, 2: 94}[strides]


@given(random_geometries())
def test_the_period_is_the_shortest_that_lets_no_wanted_entry_alias(geometry):
    def apart(axis, period):
        wanted = range(axis.first, axis.first + axis.positions + axis.taps - 1)
        return all(i == entry for i in range(axis.size) for entry in wanted if (i - entry) % period == 0)

    for axis in fourier.axes_of(geometry):
        period = fourier.period(*axis)
        assert apart(axis, period)
        assert period == 1 or not apart(axis, period - 1)


# ---- Where they pay off.

LARGE = [  # of the article's DCGAN, at its batch: (space, window, strides, padding), (B, inputs, outputs)
    (((7, 7), (5, 5), 1, "SAME"), (64, 128, 256)),
    (((14, 14), (5, 5), 2, "SAME"), (64, 64, 128)),
]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64, np.dtype("float32")], ids=str)
@pytest.mark.parametrize(("row", "sizes"), LARGE)
def test_spectra_pay_in_the_articles_large_layers(row, sizes, dtype):
    assert fourier.pays(geometry_of(*row), dtype, *sizes)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.int32, jnp.complex64], ids=lambda d: d.__name__)
@pytest.mark.parametrize(("row", "sizes"), LARGE)
def test_spectra_are_of_32_and_64_bit_floats_alone(row, sizes, dtype):
    assert not fourier.pays(geometry_of(*row), dtype, *sizes)


@pytest.mark.parametrize(
    ("row", "sizes"),
    [
        (((28, 28), (5, 5), 2, "SAME"), (64, 1, 64)),
        (((14, 14), (5, 5), 2, "SAME"), (64, 1, 128)),
        (((7, 7), (5, 5), 1, "SAME"), (64, 128, 1)),
        (((7, 7), (5, 5), 1, "SAME"), (1, 128, 256)),
        (((7, 7), (1, 1), 1, "SAME"), (64, 512, 512)),
        (((14, 14), (1, 1), 2, "SAME"), (64, 512, 512)),
        (((32, 32), (3, 3), 1, "SAME"), (64, 128, 128)),
    ],
)
def test_spectra_do_not_pay_for_one_channel_or_example_or_small_windows(row, sizes):
    assert not fourier.pays(geometry_of(*row), jnp.float32, *sizes)


# ---- The compiled form.


def operations(f, *args):
    """The number of matrix products and convolutions in compiled f(*args): {'dot': 4}."""
    text = jax.jit(f).lower(*args).compile().as_text()
    return collections.Counter(re.findall(r" (dot|convolution)\(", text))


FLIPS = ((8, 8), (9, 9), 2, "SAME"), (27, 4, 15)  # pays off in no other order of (B, inputs, outputs)


@pytest.mark.parametrize("sizes", list(itertools.permutations(FLIPS[1])), ids=str)
def test_what_a_convolution_takes_its_gradients_take(sizes):
    geometry, (batch, inputs, outputs) = geometry_of(*FLIPS[0]), sizes
    pays = fourier.pays(geometry, jnp.float32, *sizes)
    assert pays == (sizes == FLIPS[1])
    x, w = jnp.zeros((batch, *geometry.space, inputs)), jnp.zeros((*geometry.window, inputs, outputs))
    g = jnp.zeros((batch, *geometry.positions, outputs))
    for map_p, args in [(conv_p, (x, w)), (input_gradient_p, (g, w)), (kernel_gradient_p, (x, g))]:
        found = operations(functools.partial(map_p.bind, geometry=geometry), *args)
        assert found == ({"dot": 4} if pays else {"convolution": 1})


# x, w, strides, padding: small ones that pay off
PAYING = [
    ((16, 8, 9), (15, 9, 11), 1, "SAME"),
    ((28, 8, 11), (15, 11, 14), 1, ((9, 4),)),
    ((39, 9, 23), (15, 23, 35), 1, ((12, -1),)),
    ((24, 4, 4, 7), (7, 7, 7, 9), 1, "SAME"),
    ((27, 8, 8, 4), (9, 9, 4, 15), 2, "SAME"),
    ((23, 4, 8, 6), (7, 9, 6, 11), (1, 2), "SAME"),
]
each_that_pays = pytest.mark.parametrize(("x_shape", "w_shape", "strides", "padding"), PAYING, ids=str)


def assert_pays(x, w, strides, padding):
    assert fourier.pays(geometry_of(x.shape[1:-1], w.shape[:-2], strides, padding), x.dtype, len(x), *w.shape[-2:])


def loss(f):
    return lambda x, w: jnp.sum(jnp.tanh(f(x, w)))


@each_that_pays
def test_each_spectrum_is_made_once(x_shape, w_shape, strides, padding):
    """y = conv(x, w), g of y, input_gradient(g, w) and kernel_gradient(x, g), of 10 matrix products:
    4 spectra, of x, of w, of w turned (a transpose, dearer than its own product), and of g; 3 products; 3 ways back.

    A gradient penalty's own gradients are 9 maps: those 3, by which the penalty has the cotangents p (of the input
    gradient) and q (of the kernel's); conv(p, w) and kernel_gradient(p, g); conv(x, q) and input_gradient(g, q); and
    the last two's sum h in the place of g: input_gradient(h, w) and kernel_gradient(x, h). They are of 26 matrix
    products: 8 spectra, of x, w, w turned, g, p, q, q turned, and h; 9 products; 9 ways back.
    """
    x, w = jnp.zeros(x_shape), jnp.zeros(w_shape)
    assert_pays(x, w, strides, padding)

    def f(x, w):
        return conv(x, w, strides, padding)

    assert operations(f, x, w) == {"dot": 2 + 1 + 1}
    assert operations(jax.value_and_grad(loss(f), (0, 1)), x, w) == {"dot": 4 + 3 + 3}
    assert operations(jax.grad(penalty(f), (0, 1)), x, w) == {"dot": 8 + 9 + 9}


def descend(f, x, w):
    """Three steps of w along its gradient, as in a run."""
    return jax.lax.scan(lambda w, _: (w - 0.01 * jax.grad(loss(f), 1)(x, w), None), w, length=3)[0]


def test_each_spectrum_is_made_once_in_a_scan_too():
    """Spectra of x, w and g; 2 products; 2 inverse transforms."""
    x, w = jnp.zeros(PAYING[0][0]), jnp.zeros(PAYING[0][1])
    assert operations(functools.partial(descend, conv), x, w) == {"dot": 3 + 2 + 2}


def test_per_example_gradients_are_of_spectra_too():
    """A single example wouldn't pay off. The gradients by the kernel are those of a convolution of all examples."""
    x, w = jnp.zeros(PAYING[0][0]), jnp.zeros(PAYING[0][1])
    assert not fourier.pays(geometry_of(x.shape[1:-1], w.shape[:-2], 1, "SAME"), x.dtype, 1, *w.shape[-2:])

    def slopes(x, w):
        return jax.vmap(jax.grad(lambda x: jnp.sum(jnp.tanh(conv(x[None], w)))))(x)

    assert operations(slopes, x, w) == {"dot": 3 + 2 + 2 + 1}  # spectra of w, plain and transposed, of x and of g
    found = operations(jax.grad(lambda x, w: jnp.sum(slopes(x, w) ** 2), (0, 1)), x, w)
    assert found.keys() == {"dot"}


@pytest.mark.parametrize("strides", [1, 2])
def test_convolutions_where_spectra_do_not_pay_off_are_compiled_in_canonical_order(strides):
    """The order in which XLA:CPU is fast. There are as many as maps: see above."""
    x, w = jnp.zeros((2, 9, 8, 3)), jnp.zeros((5, 4, 3, 4))
    assert not fourier.pays(geometry_of((9, 8), (5, 4), strides, "SAME"), x.dtype, 2, 3, 4)

    def f(x, w):
        return conv(x, w, strides)

    for maps, g in [
        (1, f),
        (3, jax.value_and_grad(loss(f), (0, 1))),
        (9, jax.grad(penalty(f), (0, 1))),
        (2, functools.partial(descend, f)),
        (5, functools.partial(descend, lambda x, w: jax.grad(loss(f))(x, w))),
    ]:
        text = jax.jit(g).lower(x, w).compile().as_text()
        assert " dot(" not in text
        orders = re.findall(r" convolution\(.*dim_labels=(\S+?)[,\s]", text)
        assert orders == maps * ["b01f_01io->b01f"]


# ---- Compiled programs agree with the plain convolution.


@each_that_pays
def test_value_and_derivatives_are_those_of_the_plain_convolution(x_shape, w_shape, strides, padding):
    x, w = normal(0, x_shape), normal(1, w_shape) / math.prod(w_shape[:-1]) ** 0.5
    assert_pays(x, w, strides, padding)

    @functools.partial(jax.jit, static_argnums=0)
    def everything(convolution):
        def f(x, w):
            return convolution(x, w, strides, padding)

        return (
            f(x, w),
            jax.jvp(f, (x, w), (jnp.cos(x), jnp.cos(w))),
            jax.grad(loss(f), (0, 1))(x, w),
            jax.grad(penalty(f), (0, 1))(x, w),
            jax.jvp(jax.grad(loss(f), (0, 1)), (x, w), (jnp.cos(x), jnp.cos(w))),  # forward over reverse
        )

    assert_close(everything(conv), everything(plain))


@each_that_pays
def test_transposed_convolution_and_its_derivatives_are_those_of_the_plain_input_gradient(
    x_shape, w_shape, strides, padding
):
    w, space = normal(0, w_shape) / math.prod(w_shape[:-1]) ** 0.5, x_shape[1:-1]
    g = normal(1, jax.eval_shape(lambda: conv(jnp.zeros(x_shape), w, strides, padding)).shape)

    def ours(g, w):
        return conv_transpose(g, w, strides, padding, space)

    def theirs(g, w):
        return jax.linear_transpose(lambda x: plain(x, w, strides, padding), jnp.zeros(x_shape))(g)[0]

    @functools.partial(jax.jit, static_argnums=0)
    def everything(f):
        return (
            f(g, w),
            jax.jvp(f, (g, w), (jnp.cos(g), jnp.cos(w))),
            jax.grad(loss(f), (0, 1))(g, w),
            jax.grad(penalty(f), (0, 1))(g, w),
        )

    assert operations(ours, g, w) == {"dot": 4}
    assert_close(everything(ours), everything(theirs))


X, W = normal(0, (16, 8, 9)), normal(1, (15, 9, 11)) / 10  # PAYING[0]


@pytest.mark.parametrize("axes", [(0, None), (2, None), (None, 0), (None, 2), (0, 0), (1, 3)])
def test_vmap_over_examples_and_over_kernels_agrees_with_the_plain_convolution(axes):
    x, w = (
        a if axis is None else jnp.stack([a, jnp.cos(a), a**2 / 4], axis) for a, axis in zip((X, W), axes, strict=True)
    )

    @functools.partial(jax.jit, static_argnums=0)
    def everything(convolution):
        f = functools.partial(convolution, strides=1, padding="SAME")
        return (
            jax.vmap(f, axes)(x, w),
            jax.vmap(jax.grad(penalty(f), (0, 1)), axes)(x, w),
            jax.grad(lambda x, w: jnp.sum(jax.vmap(penalty(f), axes)(x, w)), (0, 1))(x, w),
        )

    assert_close(everything(conv), everything(plain))


def test_per_example_gradients_agree_with_the_plain_convolution():
    @functools.partial(jax.jit, static_argnums=0)
    def everything(convolution):
        def slopes(x, w):
            return jax.vmap(jax.grad(lambda x: jnp.sum(jnp.tanh(convolution(x[None], w, 1, "SAME")))))(x)

        return slopes(X, W), jax.grad(lambda x, w: jnp.sum(slopes(x, w) ** 2), (0, 1))(X, W)

    assert_close(everything(conv), everything(plain))


def test_scanned_steps_agree_with_the_plain_convolution():
    @functools.partial(jax.jit, static_argnums=0)
    def everything(convolution):
        f = functools.partial(convolution, strides=1, padding="SAME")
        return descend(f, X, W), jax.grad(lambda w: jnp.sum(descend(f, X, w) ** 2))(W)

    assert_close(everything(conv), everything(plain))


def mesh_of_all():
    return jax.make_mesh((jax.device_count(),), ("batch",), axis_types=(AxisType.Auto,))


def examples_for_all_devices():
    return normal(2, (jax.device_count() * len(X), *X.shape[1:]))


@pytest.mark.parametrize("check_vma", [True, False])
def test_shard_map_agrees_with_the_plain_convolution(check_vma):
    x = examples_for_all_devices()

    def sharded(convolution):
        def gradient(x, w):
            f = functools.partial(convolution, strides=1, padding="SAME")
            value, (by_x, by_w) = jax.value_and_grad(penalty(f), (0, 1))(x, w)
            by_w = by_w if check_vma else jax.lax.psum(by_w, "batch")  # check_vma sums it
            return jax.lax.psum(value, "batch"), by_x, by_w

        whole, split = PartitionSpec(), PartitionSpec("batch")
        return jax.shard_map(
            gradient,
            mesh=mesh_of_all(),
            in_specs=(split, whole),
            out_specs=(whole, split, whole),
            check_vma=check_vma,
        )

    assert operations(sharded(conv), x, W).keys() == {"dot"}
    ours, theirs = (jax.jit(sharded(f))(x, W) for f in (conv, plain))
    assert_close(ours, theirs)


def test_jit_of_a_split_batch_agrees_with_the_plain_convolution():
    x = jax.device_put(examples_for_all_devices(), NamedSharding(mesh_of_all(), PartitionSpec("batch")))
    w = jax.device_put(W, NamedSharding(mesh_of_all(), PartitionSpec()))
    ours, theirs = (
        jax.jit(jax.value_and_grad(penalty(functools.partial(f, strides=1, padding="SAME")), (0, 1)))(x, w)
        for f in (conv, plain)
    )
    assert_close(ours, theirs)


def test_precision_is_that_of_the_place_where_the_convolution_was_written():
    def f(x, w):
        with jax.default_matmul_precision("highest"):
            return loss(conv)(x, w)

    text = jax.jit(jax.grad(f, (0, 1))).lower(X, W).as_text()
    assert text.count("stablehlo.dot_general") == text.count("precision = [HIGHEST, HIGHEST]") > 0


# ---- On other platforms.


def exported(f, *platforms):
    """The number of convolutions in canonical order, of convolutions, and of matrix products in f's program."""
    text = jax.export.export(jax.jit(f), platforms=platforms)(X, W).mlir_module()
    return [
        text.count(operation)
        for operation in ("[b, 0, f]x[0, i, o]->[b, 0, f]", "stablehlo.convolution", "stablehlo.dot")
    ]


@pytest.mark.parametrize("platform", ["tpu", "cuda"])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_on_other_platforms_there_are_as_many_convolutions_as_in_the_plain_one(platform, order):
    assert_pays(X, W, 1, "SAME")

    def count(convolution):
        f = functools.partial(convolution, strides=1, padding="SAME")
        return exported([f, jax.grad(loss(f), (0, 1)), jax.grad(penalty(f), (0, 1))][order], platform)

    (canonical, ours, products), (_, theirs, _) = count(conv), count(plain)
    assert ours == theirs == [1, 3, 9][order]
    assert canonical == ours
    assert products == 0


def test_program_for_a_cpu_and_another_platform_holds_both_forms():
    assert exported(conv, "cpu") == [0, 0, 4]
    assert exported(conv, "cpu", "tpu") == [1, 1, 4]


def test_program_for_any_number_of_examples_is_exported():
    x = jax.ShapeDtypeStruct(jax.export.symbolic_shape("b, 8, 9"), jnp.float32)
    program = jax.export.export(jax.jit(lambda x: conv(x, W)), platforms=["cpu"])(x)
    for size in (1, 16):
        assert_close(program.call(X[:size]), conv(X[:size], W))
