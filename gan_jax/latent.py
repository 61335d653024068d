"""Tools for a generator's latents: directions, truncation, the length of paths, and the latents of a given example.

They work in a `Space`, that of z or that of a generator's styles::

    space = latent.z_space(generator, variables, prior)
    z = space.draw(keys, condition)
    found = latent.principal_directions(z, look(space.generate(z, keys, condition)), 10)
    moved = z + 2 * found.scales[0] * found.vectors[0]  # by two standard deviations
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from gan_jax.keys import fold_each
from gan_jax.sample import generate, interpolated
from gan_jax.trees import as_output, outline, rows, squared_norms
from gan_jax.types import Array, Condition, Mode, Network, Output, Prior, Seen, Variables

BATCH = 64  # latents that samples are made from at a time
LEAST = 1e-12  # the least length or square to divide by
BLOCK = 4096  # rows or columns of activations that are in float64 at a time
CALLS = {"jit", "closed_call", "core_call", "remat2", "custom_jvp_call", "custom_vjp_call"}
PRODUCTS = {"dot_general", "conv_general_dilated", "gan_conv", "gan_conv_input_gradient"}
SCALES = {"mul", "div"}  # linear in the first argument, and mul in either
SUMS = {"add", "add_any", "sub", "neg", "concatenate", "pad", "reduce_sum"}
MOVES = {"reshape", "squeeze", "expand_dims", "broadcast_in_dim", "transpose", "rev", "slice", "split", "copy"}
CASTS = {"convert_element_type", "reduce_precision", "sharding_constraint"}
PICKS = {"gather", "dynamic_slice", "select_n"}  # indices and predicates are never carried


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


def mean_latent(space: Space, key: Array, num: int = 10_000, conditions: Condition = None) -> Any:
    """The mean of latents, such as the mean style, a tree of [...].

    Args:
      space: Where to draw them.
      key: A PRNG key.
      num: How many to draw.
      conditions: A tree of [N, ...]; latent i is drawn under condition i mod N. None if the game is unconditional.
    """
    check_num(num)
    total = None
    for first in range(0, num, BATCH):
        numbers = np.arange(first, first + BATCH)
        latents = drawn(as_argument(space.draw), fold_each(key, numbers), rows(conditions, numbers))
        sums = jax.tree.map(lambda leaf, left=num - first: leaf[:left].sum(0), latents)
        total = sums if total is None else jax.tree.map(jnp.add, total, sums)
    return jax.tree.map(lambda leaf: leaf / num, total)


@jax.jit
def drawn(draw: Callable[[Array, Condition], Any], keys: Array, condition: Condition) -> Any:
    """`Space.draw`, compiled."""
    return draw(keys, condition)


def as_argument(function: Callable) -> Partial:
    """A function as an argument of compiled functions, where the arrays that a Partial holds are arguments too."""
    return function if isinstance(function, Partial) else Partial(function)


def toward_mean(latents: Any, mean: Any, psi: float | Array) -> Any:
    """Latents drawn towards their mean, for better and less varied samples. Karras 2019 (StyleGAN), appendix B.

    For z, whose mean gives no better samples, see `priors.truncated`. StyleGAN2's generator as a whole is truncated by
    `nets.stylegan2.truncated`.

    Args:
      latents: Styles, a tree of [B, ...].
      mean: The `mean_latent`, a tree of [...].
      psi: The distance from the mean, relative to before: 1 changes nothing, and 0 gives the mean.
    """
    return jax.tree.map(lambda leaf, mean: mean[None] + psi * (leaf - mean[None]), latents, mean)


def perceptual_path_length(
    space: Space,
    look: Callable[[Any], Seen],
    key: Array,
    num: int = 10_000,
    conditions: Condition = None,
    *,
    epsilon: float = 1e-4,
) -> float:
    """The mean squared distance of features along a small step of latents, divided by the step's square.

    A step is `epsilon` of the way between two latents, from a random point of it; its ends have the same noise and
    condition. As in the authors' code, steps below percentile 1 or above percentile 99 don't count. Karras 2019
    (StyleGAN), eq. 2 for z, eq. 3 for styles. Theirs are distances of VGG16's features (LPIPS), so figures compare only
    where features are the same.

    Args:
      space: Where the way lies.
      look: Samples -> features [B, D], as `Features.look`.
      key: A PRNG key.
      num: The number of steps.
      conditions: A tree of [N, ...]; step i has condition i mod N. None if the game is unconditional.
      epsilon: The size of a step.
    """
    check_num(num)
    space, look = Space(*(as_argument(function) for function in space)), as_argument(look)
    parts = []
    for first in range(0, num, BATCH):
        numbers = np.arange(first, first + BATCH)
        parts.append(step_lengths(space, look, fold_each(key, numbers), rows(conditions, numbers), epsilon))
    lengths = np.concatenate(jax.device_get(parts))[:num].astype(np.float64)
    least, most = np.percentile(lengths, 1, method="lower"), np.percentile(lengths, 99, method="higher")
    return float(lengths[(least <= lengths) & (lengths <= most)].mean())


@jax.jit
def step_lengths(space: Space, look: Partial, keys: Array, condition: Condition, epsilon: Array) -> Array:
    """Squared distances of features at both ends of steps, over epsilon², [B]. Keys are [B]."""
    start_keys, end_keys, share_keys, noise = jax.vmap(lambda key: jax.random.split(key, 4), out_axes=1)(keys)
    starts, ends = space.draw(start_keys, condition), space.draw(end_keys, condition)
    shares = jax.vmap(jax.random.uniform)(share_keys)

    def seen(shares: Array) -> Array:
        return look(space.generate(space.between(starts, ends, shares), noise, condition)).features

    with jax.default_matmul_precision("highest"):  # a GPU would round the small difference away
        return squared_norms(seen(shares) - seen(shares + epsilon)) / epsilon**2


def check_num(num: int) -> None:
    """Refuses to average over nothing."""
    if num < 1:
        raise UserError(f"{num} latents: draw 1 or more")


class Inversion(NamedTuple):
    """Where the search for a sample's latents stands.

    Attributes:
      step: The steps done.
      latents: Of each start, a tree of [S, ...].
      losses: Of each start, [S].
      samples: Made from the latents, a tree of [S, ...].
    """

    step: int
    latents: Any
    losses: NDArray
    samples: Any

    @property
    def best(self) -> int:
        """The start with the least loss."""
        return int(np.argmin(self.losses))


def invert(
    generate: Callable[[Any], Any],
    target: Any,
    starts: Any,
    look: Callable[[Any], Seen] | None = None,
    *,
    keep: Callable[[Any], Any] = lambda latents: latents,
    weight: float = 1.0,
    rate: float = 0.1,
    steps: int = 500,
    every: int = 50,
) -> Iterator[Inversion]:
    """Searches for latents whose sample is like the target, by Adam from several starts at once.

    The loss of a start is d(features) + weight · d(sample), where d is the squared distance from the target's, relative
    to the target's square. The learning rate falls to 0 along half a cosine, as in StyleGAN2's projection (Karras 2020,
    appendix D), without its noise.

    Args:
      generate: Latents [S, ...] -> samples, each from its own latents alone. Keep the noise and the condition fixed:
        `Partial(space.generate, keys=keys, condition=condition)`.
      target: One sample, a tree of [...].
      starts: The first latents, a tree of [S, ...]: draws of the prior, or styles. Each search ends in the valley
        that it begins in, so take several, such as those of the least loss in the first yield of a search from many.
      look: Samples -> features [B, D], as `Features.look`; None: the loss has its second term only.
      keep: Applied to latents after each step, such as `within`.
      weight: Of the samples' distance.
      rate: The learning rate at first.
      steps: The number of steps.
      every: After how many steps to yield.

    Yields:
      The start, then the state after every so many steps, and after the last.
    """
    if min(steps, every) < 1:
        raise UserError(f"{steps} steps, every {every}: both must be 1 or more")
    optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps))
    made, seen = as_argument(generate), look and as_argument(look)
    goal = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], target)
    goals = goal, seen and jax.jit(seen)(goal).features

    def losses(latents: Any, made: Partial, seen: Partial | None, goals: Any) -> tuple[Array, Any]:
        samples = made(latents)
        loss = weight * distances(samples, goals[0])
        return loss if seen is None else loss + distances(seen(samples).features, goals[1]), samples

    @jax.jit
    def advance(state: tuple[Any, Any], count: int, *given: Any) -> tuple[tuple[Any, Any], tuple[Array, Any]]:
        def step(_: Array, state: tuple[Any, Any]) -> tuple[Any, Any]:
            latents, moments = state
            slope = jax.grad(lambda latents: losses(latents, *given)[0].sum())(latents)
            updates, moments = optimizer.update(slope, moments)
            return keep(optax.apply_updates(latents, updates)), moments

        state = jax.lax.fori_loop(0, count, step, state)
        return state, losses(state[0], *given)

    latents = jax.tree.map(jnp.asarray, starts)
    state = latents, optimizer.init(latents)
    ends = [0, *range(every, steps, every), steps]
    for begin, end in zip([0, *ends], ends):
        state, results = advance(state, end - begin, made, seen, goals)
        yield Inversion(end, *jax.device_get((state[0], *results)))


def distances(x: Any, goal: Any) -> Array:
    """The squared distance of each example [B, ...] from the goal [1, ...], relative to the goal's square, [B]."""
    apart = jax.tree.map(lambda x, goal: x - jnp.broadcast_to(goal, x.shape), x, goal)
    return squared_norms(apart) / jnp.maximum(squared_norms(goal), LEAST)


def within(draws: Any) -> Callable[[Any], Any]:
    """Keeps latents plausible: within the lengths and the ranges of entries that draws have. For `invert`.

    A prior of many normal entries draws from a thin shell, in which Menon 2020 (PULSE) searches; a uniform one from a
    box, to which Lipton & Tripathi 2017 clip.

    Args:
      draws: Latents of the prior, or styles, a tree of [N, ..., D]; their length is that of their last axis.

    Returns:
      Latents, a tree of [S, ..., D] -> the same, of lengths and then with entries in the draws' ranges. Several styles
      for each example, [S, layers, D], are kept where draws of one style are.
    """

    def bounds(draws: Array) -> tuple[Array, ...]:
        lengths = jnp.linalg.norm(draws, axis=-1)
        return lengths.min(), lengths.max(), draws.min(0), draws.max(0)

    def kept(latents: Array, bounds: tuple[Array, ...]) -> Array:
        shortest, longest, low, high = bounds
        length = jnp.linalg.norm(latents, axis=-1, keepdims=True)
        scaled = latents * (jnp.clip(length, shortest, longest) / jnp.maximum(length, LEAST))
        return jnp.clip(scaled, *(jnp.broadcast_to(bound, latents.shape) for bound in (low, high)))

    of_draws = jax.tree.map(bounds, draws)
    return lambda latents: jax.tree.map(kept, latents, of_draws)


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
    Härkönen 2020 (GANSpace), section 2.2.

    The cost is that of a matrix of size min(N, F), so activations may have many entries.

    Args:
      latents: [N, D].
      activations: [N, ...], which each row of latents led to, all under one condition.
      count: The number of directions.

    Raises:
      ValueError: The shapes don't match, or the activations have fewer components.
    """
    z, seen = matrix(latents, "latents"), np.asarray(activations)
    if len(z) != len(seen) or len(z) < 2:
        raise UserError(f"{len(z)} latents and {len(seen)} activations: give 2 or more, and equally many of both")
    coordinates, shares = components(seen.reshape(len(seen), -1), count)
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
      ValueError: The rank is below `count`, so there are no such directions, or an entry is NaN or infinite.
    """
    if not np.isfinite(symmetric).all():
        raise UserError(
            "no directions can be found in NaN or infinity: look at the samples, or at an earlier checkpoint"
        )
    values, vectors = np.linalg.eigh(symmetric)
    rank = int((values > 1e-10 * values[-1]).sum())
    if not 1 <= count <= rank:
        raise UserError(f"{count} directions: want 1 to {rank}, the number of independent ones")
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

    Shen & Zhou 2021 (SeFa), section 2.2. The authors' code first scales each column to length 1; do so to the kernel.

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
    if not any(carried):
        return results
    return [Carried(result) if jnp.issubdtype(result.dtype, jnp.floating) else BEYOND for result in results]


def keeps(name: str, carried: list[bool]) -> bool:
    """Whether a primitive is linear in its carried arguments, and moves, scales or adds them."""
    if name in SCALES:
        return carried == [True, False] or (name == "mul" and carried == [False, True])
    return name in SUMS | MOVES | CASTS | PICKS
