"""Toy distributions in the plane, drawn endlessly on the device.

The settings are those of Gulrajani et al. 2017 (`gan_toy.py`), whose spread is about that of z ~ N(0, 1).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.source import Source, endless
from gan_jax.types import Array

ANGLES = np.arange(8) * np.pi / 4
CENTRES_8 = np.stack([2 * np.cos(ANGLES), 2 * np.sin(ANGLES)], -1) / 1.414  # [8, 2]
SIGMA_8 = 0.02 / 1.414
CENTRES_25 = np.stack(np.meshgrid(*[np.arange(-4, 5, 2)] * 2), -1).reshape(25, 2) / 2.828  # [25, 2]
SIGMA_25 = 0.05 / 2.828


def gaussians8() -> Source:
    """Draw points [2] from eight Gaussians on a circle, with centres CENTRES_8 and standard deviation SIGMA_8."""
    return endless("gaussians8", mixture(CENTRES_8, SIGMA_8))


def gaussians25() -> Source:
    """Draw points [2] from 25 Gaussians on a grid, with centres CENTRES_25 and standard deviation SIGMA_25."""
    return endless("gaussians25", mixture(CENTRES_25, SIGMA_25))


def swiss_roll() -> Source:
    """Draw points [2] from a spiral: t (cos t, sin t) for t in [1.5 π, 4.5 π], with noise of 0.25, divided by 7.5."""

    def draw(key: Array) -> Array:
        along, noise = jax.random.split(key)
        t = jax.random.uniform(along, minval=1.5 * jnp.pi, maxval=4.5 * jnp.pi)
        return (t * jnp.stack([jnp.cos(t), jnp.sin(t)]) + 0.25 * jax.random.normal(noise, (2,))) / 7.5

    return endless("swiss_roll", draw)


def mixture(centres: np.ndarray, sigma: float) -> Callable[[Array], Array]:
    """Returns a function from a key to a point [2] of equally likely Gaussians around `centres` [K, 2]."""

    def draw(key: Array) -> Array:
        which, noise = jax.random.split(key)
        centre = jnp.asarray(centres, jnp.float32)[jax.random.randint(which, (), 0, len(centres))]
        return centre + sigma * jax.random.normal(noise, (2,))

    return draw
