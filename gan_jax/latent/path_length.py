"""The perceptual path length: how much a small step of latents changes samples. Karras et al. 2019 (StyleGAN)."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.tree_util import Partial

from gan_jax.keys import fold_each
from gan_jax.latent.space import BATCH, Space, as_argument, check_num
from gan_jax.trees import rows, squared_norms
from gan_jax.types import Array, Condition, Seen


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
