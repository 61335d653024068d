"""Tools for a generator's latents: directions, truncation, the length of paths, and the latents of a given example.

They work in a `Space`, that of z or that of a generator's styles::

    space = latent.z_space(generator, variables, prior)
    z = space.draw(keys, condition)
    found = latent.principal_directions(z, look(space.generate(z, keys, condition)), 10)
    moved = z + 2 * found.scales[0] * found.vectors[0]  # by two standard deviations
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from gan_jax.sample import generate, interpolated
from gan_jax.trees import as_output, outline
from gan_jax.types import Array, Condition, Mode, Network, Output, Prior, Variables

BLOCK = 4096  # rows or columns of activations that are in float64 at a time
CALLS = {"jit", "closed_call", "core_call", "remat2", "custom_jvp_call", "custom_vjp_call"}
PRODUCTS = {"dot_general", "conv_general_dilated", "gan_conv", "gan_conv_input_gradient"}
SCALES = {"mul", "div"}  # linear in the first argument, and mul in either
SUMS = {"add", "add_any", "sub", "neg", "concatenate", "pad", "reduce_sum"}
MOVES = {"reshape", "squeeze", "expand_dims", "broadcast_in_dim", "transpose", "rev", "slice", "split", "copy"}
CASTS = {"convert_element_type", "reduce_precision", "sharding_constraint"}
PICKS = {"gather", "dynamic_slice"}  # linear in the first argument


class Space(NamedTuple):
    """Where latents lie: trees of [B, ...]. Keys are [B], the condition is a tree of [B, ...] or None.

    The functions of `z_space` and `style_space` are pytrees (`Partial`), so such a space may be an argument under jit.

    Attributes:
      draw: (keys, condition) -> latents.
      between: (starts, ends, shares [B]) -> latents on the way from the starts to the ends.
      generate: (latents, keys of the noise or None, condition) -> samples, a tree of [B, ...].
    """

    draw: Callable[[Array, Condition], Any]
    between: Callable[[Any, Any, Array], Any]
    generate: Callable[[Any, Array | None, Condition], Any]


def z_space(generator: Network, variables: Variables, prior: Prior) -> Space:
    """The space of the generator's input. Ways follow great circles, as in `make_walker`.

    Args:
      generator: The network.
      variables: Its variables.
      prior: Draws its latent examples.
    """

    def draw(keys: Array, condition: Condition) -> Any:
        del condition
        return jax.vmap(prior)(keys)

    return Space(Partial(draw), Partial(interpolated), Partial(functools.partial(generate, generator), variables))


def style_space(generator: Network, variables: Variables, prior: Prior) -> Space:
    """The space of the generator's styles [B, size], which all layers share. Ways are straight lines.

    `generate` also takes a style for each layer, [B, layers, size].

    Args:
      generator: A network such as StyleGAN2's: `Output.extra` holds styles [B, layers, size], and it takes such styles
        in the place of z.
      variables: Its variables.
      prior: Draws its latent examples.

    Raises:
      ValueError: The generator has no styles, which shows when the space is used.
    """

    def made(variables: Variables, z: Any, condition: Condition) -> Output:
        output = as_output(generator.apply(*variables, z, condition, Mode())[0])
        if getattr(output.extra, "ndim", 0) != 3:
            raise UserError(
                f"this generator's Output.extra is {outline(output.extra)}, not styles [B, layers, size]: use its z"
            )
        return output

    def draw(variables: Variables, keys: Array, condition: Condition) -> Array:
        return made(variables, jax.vmap(prior)(keys), condition).extra[:, 0]

    def make(variables: Variables, styles: Array, keys: Array | None, condition: Condition) -> Any:
        if styles.ndim == 2:
            z = jax.vmap(prior)(jax.random.split(jax.random.key(0), len(styles)))
            layers = jax.eval_shape(made, variables, z, condition).extra.shape[1]
            styles = jnp.repeat(styles[:, None], layers, axis=1)
        return generate(generator, variables, styles, keys, condition)

    return Space(Partial(draw, variables), Partial(straight), Partial(make, variables))


def straight(starts: Array, ends: Array, shares: Array) -> Array:
    """Points on straight lines between rows [B, ...], each at its own share [B] of the way."""
    shares = shares.reshape(-1, *[1] * (starts.ndim - 1))
    return (1 - shares) * starts + shares * ends


class Directions(NamedTuple):
    """Directions in latent space, the strongest first. Of each pair v and -v, the one whose largest entry is above 0.

    Attributes:
      vectors: [count, D], of length 1.
      scales: [count], the standard deviation of latents along each: the unit of a slider.
      shares: [count], how much each explains: its share of the variance of activations, or of the kernels' squares.
    """

    vectors: NDArray
    scales: NDArray
    shares: NDArray


def principal_directions(latents: ArrayLike, activations: ArrayLike, count: int) -> Directions:
    """The directions in which latents move along the principal components of activations.

    With styles as their own activations, these are the styles' principal components. For z, activations are those of an
    early layer, or features of the samples; each component is turned into a direction of z by linear regression.
    Härkönen 2020 (GANSpace), sections 2.1 and 2.2.

    The cost is that of a matrix of size min(N, F), so activations may have many entries.

    Args:
      latents: [N, D].
      activations: [N, ...], which each row of latents led to.
      count: The number of directions.

    Raises:
      ValueError: The shapes don't match, or the activations have fewer components.
    """
    z, seen = matrix(latents, "latents"), np.asarray(activations).reshape(len(np.asarray(activations)), -1)
    if len(z) != len(seen) or len(z) < 2:
        raise UserError(f"{len(z)} latents and {len(seen)} activations: give 2 or more, and equally many of both")
    coordinates, shares = components(seen, count)
    return directions(coordinates.T @ (z - z.mean(0)), z, shares)  # regression, up to a factor


def components(x: NDArray, count: int) -> tuple[NDArray, NDArray]:
    """The principal components of rows [N, F]: their coordinates [N, count], and shares of the variance [count]."""
    center = x.mean(0, dtype=np.float64)
    if x.shape[0] < x.shape[1]:  # XXᵀ = U S² Uᵀ, and the coordinates are U S
        blocks = (x[:, at : at + BLOCK] - center[at : at + BLOCK] for at in range(0, x.shape[1], BLOCK))
        values, vectors = largest(np.asarray(sum(block @ block.T for block in blocks)), count)
        coordinates = vectors * np.sqrt(np.maximum(values[:count], 0))
    else:  # XᵀX = V S² Vᵀ, and the coordinates are X V
        blocks = (x[at : at + BLOCK] - center for at in range(0, x.shape[0], BLOCK))
        values, vectors = largest(np.asarray(sum(block.T @ block for block in blocks)), count)
        coordinates = np.concatenate([(x[at : at + BLOCK] - center) @ vectors for at in range(0, x.shape[0], BLOCK)])
    return coordinates, values[:count] / values.sum()


def largest(symmetric: NDArray, count: int) -> tuple[NDArray, NDArray]:
    """All eigenvalues [n], the largest first, and the first `count` eigenvectors, columns of [n, count].

    Raises:
      ValueError: The rank is below `count`, so there are no such directions.
    """
    values, vectors = np.linalg.eigh(symmetric)
    rank = int((values > 1e-10 * values[-1]).sum())
    if not 1 <= count <= rank:
        raise UserError(f"{count} directions: there are from 1 to {rank} here")
    return values[::-1], vectors[:, ::-1][:, :count]


def directions(vectors: NDArray, latents: NDArray, shares: NDArray) -> Directions:
    """Directions of length 1 and a fixed sign, with the spread of latents [N, D] along each."""
    largest_entries = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], 1)
    vectors = vectors * np.sign(largest_entries) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return Directions(vectors, (latents @ vectors.T).std(0), shares)


def matrix(x: ArrayLike, what: str) -> NDArray:
    """Rows [N, D] in float64.

    Raises:
      ValueError: It has another shape, or isn't one array.
    """
    if not hasattr(x, "ndim") or x.ndim != 2:
        raise UserError(f"{what} {outline(x)}: directions need one array [N, D]")
    return np.asarray(x, np.float64)


def factorised_directions(latents: ArrayLike, kernel: ArrayLike, count: int) -> Directions:
    """The directions that move the outputs of the first layer most: eigenvectors of its kernel's A Aᵀ, here [D, D].

    Shen & Zhou 2021 (SeFa), eq. 5 and 6. The authors' code first scales each column to length 1; do so to the kernel.

    Args:
      latents: [N, D], for the scales.
      kernel: [D, outputs], or several side by side: `np.concatenate(first_kernels(...), 1)`.
      count: The number of directions.

    Raises:
      ValueError: The shapes don't match, or the kernel's rank is below the count.
    """
    z, a = matrix(latents, "latents"), matrix(kernel, "the kernel")
    if z.shape[1] != a.shape[0]:
        raise UserError(f"latents of {z.shape[1]} and a kernel of {a.shape[0]} inputs: they must be equal")
    values, vectors = largest(a @ a.T, count)
    return directions(vectors.T, z, values[:count] / values.sum())


def first_kernels(of: Callable[[Array], Any], size: int) -> list[Array]:
    """The linear maps of the layers that latents enter first, in the order in which the generator uses them.

    They are found in the traced program, for any network: each product of something constant, such as a parameter, with
    latents that were at most reshaped, cut, scaled and joined to constants. The kernels include those scales.

    Args:
      of: Latents [1, size] -> anything, such as `lambda z: space.generate(z, None, condition)`.
      size: The entries of a latent example.

    Returns:
      A kernel [size, outputs] for each product.

    Raises:
      ValueError: Something nonlinear comes before the first product.
    """

    def products(z: Array) -> list[Array]:
        program = jax.make_jaxpr(of)(z[None])
        found: list[Array] = []
        follow(program.jaxpr, program.consts, [Carried(z[None])], found)
        return [jnp.ravel(product) for product in found]

    kernels = jax.jit(jax.jacfwd(products))(jnp.zeros(size))
    if not kernels:
        raise UserError(
            "no layer takes these latents as they are: a nonlinear function, such as StyleGAN2's normalisation, comes "
            "first; use its styles"
        )
    return [kernel.T for kernel in kernels]


class Carried(NamedTuple):
    """A value that is an affine function of the latents, before any product with a kernel."""

    value: Array


BEYOND = object()  # stands for values after a product or a nonlinear function, which aren't computed


def follow(program: Any, constants: Sequence[Any], inputs: Sequence[Any], found: list[Array]) -> list[Any]:
    """Evaluates a jaxpr as far as latents are carried, and collects their products with constants in `found`.

    Inputs and results are constants, `Carried` or BEYOND.
    """
    known: dict[Any, Any] = dict(zip([*program.constvars, *program.invars], [*constants, *inputs], strict=True))

    def read(variable: Any) -> Any:
        return variable.val if hasattr(variable, "val") else known[variable]  # a literal has its value

    for step in program.eqns:
        known.update(zip(step.outvars, outcome(step, [read(variable) for variable in step.invars], found)))
    return [read(variable) for variable in program.outvars]


def outcome(step: Any, args: list[Any], found: list[Array]) -> list[Any]:
    """The results of one step of a jaxpr."""
    carried = [isinstance(arg, Carried) for arg in args]
    beyond = any(arg is BEYOND for arg in args)
    if (any(carried) or beyond) and step.primitive.name in CALLS:
        inner = step.params["call_jaxpr" if "call_jaxpr" in step.params else "jaxpr"]
        return follow(getattr(inner, "jaxpr", inner), getattr(inner, "consts", []), args, found)
    product = sum(carried) == 1 and step.primitive.name in PRODUCTS
    if beyond or (any(carried) and not product and not keeps(step.primitive.name, carried)):
        return [BEYOND] * len(step.outvars)
    bound = step.primitive.get_bind_params(step.params)
    functions, params = bound if isinstance(bound, tuple) else ((), bound)  # of JAX below 0.12, and from it on
    values = [arg.value if isinstance(arg, Carried) else arg for arg in args]
    results = step.primitive.bind(*functions, *values, **params)
    results = results if step.primitive.multiple_results else [results]
    if product:
        found.extend(results)
        return [BEYOND]
    return [Carried(result) for result in results] if any(carried) else results


def keeps(name: str, carried: list[bool]) -> bool:
    """Whether a primitive is linear in its carried arguments, and moves, scales or adds them."""
    if name in SCALES:
        return carried == [True, False] or (name == "mul" and carried == [False, True])
    if name == "select_n" or name in PICKS:
        return carried[0] == (name in PICKS) and (name == "select_n" or not any(carried[1:]))
    return name in SUMS | MOVES | CASTS
