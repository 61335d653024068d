"""Constraints on the critic's weights: clipping, an optax transform, and spectral norm, a wrapper of networks."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax.types import Array, Mode, Network, Params


def clip_weights(limit: float) -> optax.GradientTransformation:
    """Keeps every parameter in [-limit, limit] after each update: last in an `optax.chain`. Arjovsky 2017, alg. 1."""

    def update(updates: Params, params: Params | None) -> Params:
        if params is None:
            raise ValueError("clip_weights needs the parameters: call optimizer.update(grads, state, params)")
        return jax.tree.map(lambda u, p: jnp.clip(p + u, -limit, limit) - p, updates, params)

    return optax.stateless(update)


class Singular(NamedTuple):
    """The first singular vectors of a kernel seen as a matrix [inputs, outputs], as far as they are known."""

    left: Array  # [inputs], of length 1
    right: Array  # [outputs], of length 1


def spectral_norm(network: Network) -> Network:
    """Divides every kernel of the network by its largest singular value σ. Miyato 2018, section 2.1.

    A kernel is any parameter of two or more dimensions, as a matrix [everything else, outputs]. σ = uᵀWv, where u and
    v are constants and W isn't, so the gradient flows through σ. One power iteration is made each time that
    `advance` is called, which is once a turn of the player: real, fake and penalty passes meet the same σ.
    """

    def init(key: Array, x: Array, label: Array | None) -> tuple[Params, Params]:
        network_key, vector_key = jax.random.split(key)
        params, stats = network.init(network_key, x, label)
        vectors = {
            name: Singular(jnp.zeros(matrix.shape[0]), unit(jax.random.normal(key, matrix.shape[1:])))
            for key, (name, matrix) in zip(
                jax.random.split(vector_key, len(matrices(params))), matrices(params).items(), strict=True
            )
        }
        return params, advance(params, {**stats, "spectral": vectors})

    def apply(params: Params, stats: Params, x: Array, label: Array | None, mode: Mode) -> tuple[Array, Params]:
        inner = {name: value for name, value in stats.items() if name != "spectral"}
        y, inner = network.apply(normalise(params, stats["spectral"]), inner, x, label, mode)
        return y, {**inner, "spectral": stats["spectral"]}

    def advance(params: Params, stats: Params) -> Params:
        inner = {name: value for name, value in stats.items() if name != "spectral"}
        vectors = {name: power_iteration(matrix, stats["spectral"][name]) for name, matrix in matrices(params).items()}
        return {**network.advance(params, inner), "spectral": vectors}

    return network._replace(init=init, apply=apply, advance=advance)


def normalise(params: Params, vectors: dict[str, Singular]) -> Params:
    def divide(path: Any, leaf: Array) -> Array:
        if leaf.ndim < 2:
            return leaf
        left, right = vectors[name_of(path)]
        sigma = left @ as_matrix(leaf) @ right
        return leaf / jnp.maximum(sigma, 1e-12)  # a kernel of zeros stays one

    return jax.tree.map_with_path(divide, params)


def power_iteration(matrix: Array, vectors: Singular) -> Singular:
    left = unit(matrix @ vectors.right)
    return Singular(left, unit(left @ matrix))


def matrices(params: Params) -> dict[str, Array]:
    leaves = jax.tree.leaves_with_path(params)
    return {name_of(path): as_matrix(leaf) for path, leaf in leaves if leaf.ndim >= 2}


def as_matrix(kernel: Array) -> Array:
    return kernel.reshape(-1, kernel.shape[-1])


def name_of(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def unit(vector: Array) -> Array:
    return vector / jnp.maximum(jnp.linalg.norm(vector), 1e-12)
