"""Directions in latent space: principal ones (GANSpace), and those of the first layer (SeFa)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from gan_jax.trees import outline

BLOCK = 4096  # rows or columns of activations that are in float64 at a time


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
    if count > z.shape[1]:
        raise UserError(f"{count} directions: want 1 to {z.shape[1]}, the entries of a latent")
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
