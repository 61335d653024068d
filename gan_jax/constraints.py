"""Constraints on the critic: weight clipping, an optax transform; spectral norm and packing, wrappers of networks."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax.errors import UserError
from gan_jax.trees import name_of
from gan_jax.types import Array, Condition, Mode, Network, Params


def clip_weights(limit: float) -> optax.GradientTransformation:
    """Keeps every parameter in [-limit, limit] after each update. Put it last in an `optax.chain`.

    Arjovsky 2017, algorithm 1.

    Args:
      limit: The largest absolute value of a parameter.
    """

    def update(updates: Params, params: Params | None) -> Params:
        if params is None:
            raise UserError("clip_weights needs the parameters: call optimizer.update(grads, state, params)")
        return jax.tree.map(lambda u, p: jnp.clip(p + u, -limit, limit) - p, updates, params)

    return optax.stateless(update)


NONE = 1e-12  # a length no larger than this counts as 0; its square is still a normal float32


class Singular(NamedTuple):
    """Estimates of the first singular vectors of a kernel, seen as a matrix [inputs, outputs].

    Attributes:
      left: [inputs], of length 1.
      right: [outputs], of length 1.
    """

    left: Array
    right: Array


def spectral_norm(network: Network) -> Network:
    """Divides every kernel of the network by its largest singular value σ. Miyato 2018, section 2.1.

    A kernel is any parameter of two or more dimensions whose name isn't `scale`, `bias` or `shared`. (A conditional
    norm has tables of the first two, [classes, C]; the last is BigGAN's class embedding.) That covers the kernels of
    convolutions and linear layers, the embedding of a projection (which Miyato & Koyama 2018's code normalises too),
    and the weights of your own networks under any name.

    A kernel is seen as a matrix [everything else, outputs]. σ = uᵀWv, where u and v are constants and W isn't, so the
    gradient flows through σ. Each call of `advance`, one per turn of the player, makes one power iteration, so the
    real, fake and penalty passes of a turn use the same σ. A kernel of zeros has no σ: it isn't divided until it moves.

    Args:
      network: Any network. The wrapper adds the singular vectors to its statistics, under "spectral".
    """

    def init(key: Array, x: Array, condition: Condition) -> tuple[Params, Params]:
        network_key, vector_key = jax.random.split(key)
        params, stats = network.init(network_key, x, condition)
        found = matrices(params)
        keys = jax.random.split(vector_key, len(found))
        vectors = {name: random_vectors(key, matrix) for key, (name, matrix) in zip(keys, found.items(), strict=True)}
        return params, advance(params, {**stats, "spectral": vectors})

    def apply(params: Params, stats: Params, x: Array, condition: Condition, mode: Mode) -> tuple[Array, Params]:
        y, inner = network.apply(normalise(params, stats["spectral"]), inner_stats(stats), x, condition, mode)
        return y, {**inner, "spectral": stats["spectral"]}

    def advance(params: Params, stats: Params) -> Params:
        vectors = {name: power_iteration(matrix, stats["spectral"][name]) for name, matrix in matrices(params).items()}
        return {**network.advance(params, inner_stats(stats)), "spectral": vectors}

    def mixes_examples(stats: Params) -> bool:
        return network.mixes_examples(inner_stats(stats))

    return Network(init, apply, advance, mixes_examples)


def inner_stats(stats: Params) -> Params:
    """The statistics of the network under `spectral_norm`."""
    return {name: value for name, value in stats.items() if name != "spectral"}


def normalise(params: Params, vectors: dict[str, Singular]) -> Params:
    """Divides each kernel by its σ."""

    def divide(path: Any, leaf: Array) -> Array:
        return leaf / sigma(as_matrix(leaf), vectors[name_of(path)]) if is_kernel(path, leaf) else leaf

    return jax.tree.map_with_path(divide, params)


def sigma(matrix: Array, vectors: Singular) -> Array:
    """uᵀWv, but at least ‖W‖_F / √rank, a lower bound of the largest singular value; 1 for a kernel of zeros.

    The bound matters while the vectors don't fit the kernel yet: a kernel that has just left 0 in a turn of its player
    has its old vectors in the other player's turn, where uᵀWv may be anything down to -σ.
    """
    square = jnp.sum(matrix**2) / min(matrix.shape)
    some = square > NONE**2
    least = jnp.sqrt(jnp.where(some, square, 1))  # the root of 0 has no gradient
    known = product(product(vectors.left, matrix), vectors.right)
    return jnp.where(some, jnp.maximum(known, least), 1)


def random_vectors(key: Array, matrix: Array) -> Singular:
    """Random vectors of length 1, where power iteration starts."""
    left, right = (jax.random.normal(key, (size,)) for key, size in zip(jax.random.split(key), matrix.shape))
    return Singular(left / jnp.linalg.norm(left), right / jnp.linalg.norm(right))


def power_iteration(matrix: Array, vectors: Singular) -> Singular:
    """One step toward the first singular vectors. Where the kernel maps a vector to 0, the old one stays."""
    left = unit(product(matrix, vectors.right), vectors.left)
    return Singular(left, unit(product(left, matrix), vectors.right))


def product(a: Array, b: Array) -> Array:
    """A product in full float32: a GPU would round the factors to 10 bits, and σ divides every output."""
    return jnp.matmul(a, b, precision="highest")


def matrices(params: Params) -> dict[str, Array]:
    """Every kernel by its name."""
    leaves = jax.tree.leaves_with_path(params)
    return {name_of(path): as_matrix(leaf) for path, leaf in leaves if is_kernel(path, leaf)}


def is_kernel(path: Any, leaf: Array) -> bool:
    """Whether a parameter is a kernel; see `spectral_norm`."""
    return leaf.ndim >= 2 and name_of(path[-1:]) not in {"scale", "bias", "shared"}


def as_matrix(kernel: Array) -> Array:
    """The kernel as a matrix [everything else, outputs]."""
    return kernel.reshape(-1, kernel.shape[-1])


def unit(vector: Array, otherwise: Array) -> Array:
    """The vector scaled to length 1; `otherwise` if its length is 0."""
    length = jnp.linalg.norm(vector)
    return jnp.where(length > NONE, vector / jnp.maximum(length, NONE), otherwise)


def packed(critic: Network, size: int) -> Network:
    """Makes a critic that judges packs of `size` examples: each example gets the logit of its pack.

    A pack holds neighbours in the batch [B, ...], joined along their last axis, so `size` must divide the part of the
    batch on each device. The critic sees B / size packs [..., size * C], and the mean of a loss over B logits is its
    mean over packs. A logit depends on all examples of its pack, so penalties on the slope are refused, as they are
    with batch normalisation. PacGAN, Lin et al. 2018.

    Args:
      critic: A critic of examples with `size` times as many channels.
      size: Examples in a pack.

    Raises:
      ValueError: Packs of less than one example, a batch that doesn't divide into packs, or a condition.
    """
    if size < 1:
        raise UserError(f"packs of {size}: they have 1 example or more")

    def pack(x: Array, condition: Condition) -> Array:
        if condition is not None:
            raise UserError("a packed critic has no condition: leave the labels out of the data")
        if x.shape[0] % size:
            raise UserError(f"{x.shape[0]} examples on a device don't make packs of {size}: use another batch size")
        packs = x.reshape(x.shape[0] // size, size, *x.shape[1:])
        return jnp.concatenate([packs[:, place] for place in range(size)], -1)

    def init(key: Array, x: Array, condition: Condition) -> tuple[Params, Params]:
        return critic.init(key, pack(jnp.repeat(x, size, 0), condition), None)

    def apply(params: Params, stats: Params, x: Array, condition: Condition, mode: Mode) -> tuple[Array, Params]:
        keys = None if mode.keys is None else mode.keys[::size]
        packs_mode = dataclasses.replace(mode, keys=keys)
        y, stats = critic.apply(params, stats, pack(x, condition), None, packs_mode)
        return jax.tree.map(lambda leaf: jnp.repeat(leaf, size, 0), y), stats

    def mixes_examples(stats: Params) -> bool:
        return size > 1 or critic.mixes_examples(stats)

    return critic._replace(init=init, apply=apply, mixes_examples=mixes_examples)
