"""Self-attention over the positions of an image. Zhang et al. 2019 (SAGAN), section 3."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv import Conv
from gan_jax.types import Array


class SelfAttention(nn.Module):
    """x + gain · o(softmax(θ(x) φ(x)ᵀ) g(x)), where the gain begins at 0.

    θ, φ, g and o are 1x1 convolutions without a bias: θ and φ to an eighth of the channels, g to half of them, and o
    back. φ and g are pooled, so each position looks at a quarter as many others. The pooling isn't in the paper's
    equations, but in its code and in BigGAN.

    Raises:
      ValueError: The sides of the image are odd.
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        batch, height, width, channels = x.shape
        if height % 2 or width % 2:
            raise UserError(f"self-attention on {height}x{width}: the sides must be even, since keys are pooled by 2")

        def pointwise(x: Array, features: int, name: str) -> Array:
            init = nn.initializers.orthogonal()
            return Conv(max(features, 1), (1, 1), use_bias=False, kernel_init=init, name=name)(x)

        def positions(x: Array) -> Array:
            return x.reshape(batch, -1, x.shape[-1])

        query = positions(pointwise(x, channels // 8, "theta"))
        key = positions(max_pool(pointwise(x, channels // 8, "phi")))
        value = positions(max_pool(pointwise(x, channels // 2, "g")))
        weights = jax.nn.softmax(jnp.einsum("bqc,bkc->bqk", query, key), axis=-1)
        seen = jnp.einsum("bqk,bkc->bqc", weights, value).reshape(batch, height, width, -1)
        gain = self.param("gain", nn.initializers.zeros, ())
        return x + gain.astype(x.dtype) * pointwise(seen, channels, "o")


def max_pool(x: Array) -> Array:
    """The largest of each 2x2: [B, H, W, C] -> [B, H/2, W/2, C], with even sides."""
    # On a CPU, the gradient of XLA's windows takes 20 times as long.
    left, right = (jnp.maximum(x[:, ::2, place::2], x[:, 1::2, place::2]) for place in (0, 1))
    return jnp.maximum(left, right)


def attended(x: Array, heights: Sequence[int]) -> Array:
    """Self-attention if the image has one of these heights."""
    return SelfAttention()(x) if x.shape[1] in heights else x
