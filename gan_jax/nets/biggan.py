"""BigGAN's networks (Brock et al. 2019, appendix B, figure 15), and SAGAN's (Zhang et al. 2019).

Put both players under `spectral_norm`. StudioGAN's networks for CIFAR-10 are the defaults. In both players, `widths` go
from the stage of the smallest image to that of the largest; the paper's for ImageNet are multiples of 96:

====  =========================  ========  =========  =======
side  multiples, both players    halvings  attention  latents
====  =========================  ========  =========  =======
128   16, 16, 8, 4, 2, 1         5         64         120
256   16, 16, 8, 8, 4, 2, 1      6         64         140
512   16, 16, 8, 8, 4, 2, 1, 1   7         64         160
====  =========================  ========  =========  =======

SAGAN's for 128x128 have the same multiples of 64, attention at 32, latents of 128, and `hierarchical=False`.

They differ from the authors' in two ways. The power iterations of spectral norm advance once per turn of the player,
not with each pass. Samples are drawn with running statistics, which the authors recompute before they sample; as in
StudioGAN, their decay is 0.9, and 1e-4 is added to the variance.
"""

import functools
import math
from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.attention import attended
from gan_jax.nets.conv import Conv
from gan_jax.nets.layers import BatchNorm, Identity, Norm, Projection, check_width, conditional, need_label, with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.nets.resnet import Block, FirstBlock, mean_2x2, repeat_2x2, sum_pool
from gan_jax.nets.stages import base_of
from gan_jax.types import Array, Condition, Mode, Network, Output

ORTHOGONAL = nn.initializers.orthogonal()
Normalised = functools.partial(BatchNorm, momentum=0.9, epsilon=1e-4)
Residual = functools.partial(Block, kernel_init=ORTHOGONAL, shortcut_init=ORTHOGONAL)


def generator(
    *,
    widths: Sequence[int] = (384, 384, 384, 384),
    attention: Sequence[int] = (16,),
    hierarchical: bool = True,
    embedding: int = 128,
    classes: int = 0,
    shape: Sequence[int] = (32, 32, 3),
) -> Network:
    """Latents [B, Z] -> images `[B, *shape]` in (-1, 1): a linear layer, and blocks that double the sides.

    The latent is split into one chunk for each width. The first goes into the linear layer; each further one, joined to
    an embedding of the class that all blocks share, determines the scales and biases of a block's BatchNorm.

    Args:
      widths: Channels of the linear layer's image and of each block.
      attention: Heights of the images that self-attention is applied to.
      hierarchical: False for SAGAN's generator: all of the latent goes into the linear layer, and BatchNorm has a scale
        and a bias for each class.
      embedding: The size of the shared embedding, which isn't under spectral norm, as in the authors' code.
      classes: The number of classes; 0 for none.
      shape: (height, width, channels).

    Raises:
      ValueError: The sides can't be halved once for every block, no block makes an image of a height in `attention`,
        the latent can't be split, or a width is below 1.
    """
    check_width(*widths)
    base = base_of(shape, len(widths))
    check_attention(attention, [shape[0] >> count for count in range(len(widths) - 1)])
    return from_linen(Generator(tuple(widths), tuple(attention), hierarchical, embedding, classes, base, shape[2]))


def critic(
    *,
    widths: Sequence[int] = (192, 192, 192, 192),
    halvings: int = 2,
    attention: Sequence[int] = (16,),
    classes: int = 0,
    heads: Mapping[str, int] | None = None,
) -> Network:
    """Images [B, height, width, channels] -> logits [B]: residual blocks, and the sum of the last one's positions.

    Args:
      widths: Channels of each block, the last one's first.
      halvings: How many of the first blocks halve the sides.
      attention: Heights of the images that self-attention is applied to, after each block that makes one.
      classes: The number of classes; 0 for none. With classes, the logit includes the projection of Miyato & Koyama
        2018.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.

    Raises:
      ValueError: The number of halvings is below 1 or above that of the widths, the sides can't be halved so often, no
        block makes an image of a height in `attention`, or a width is below 1.
    """
    check_width(*widths)
    if not 1 <= halvings <= len(widths):
        raise UserError(f"{halvings} halvings by {len(widths)} blocks: want 1 to {len(widths)}")
    return from_linen(Critic(tuple(widths), halvings, tuple(attention), classes, heads))


def check_attention(attention: Sequence[int], heights: Sequence[int]) -> None:
    """Refuses self-attention on images that no block makes."""
    if strange := set(attention) - set(heights):
        raise UserError(f"attention at {sorted(strange)}: the blocks make images of heights {sorted(set(heights))}")


class Generator(nn.Module):
    widths: tuple[int, ...]
    attention: tuple[int, ...]
    hierarchical: bool
    embedding: int
    classes: int
    base: tuple[int, int]
    channels: int

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        z, norm, conditions = self.styles(z, condition) if self.hierarchical else self.labels(z, condition)
        first = (*self.base, self.widths[0])
        x = nn.Dense(math.prod(first), kernel_init=ORTHOGONAL)(z).reshape(-1, *first)
        for width, given in zip(self.widths[1:], conditions, strict=True):
            x = attended(Residual(width, norm, before=repeat_2x2)(x, given, mode), self.attention)
        x = nn.relu(Normalised()(x, None, mode))
        return jnp.tanh(Conv(self.channels, (3, 3), kernel_init=ORTHOGONAL)(x))

    def styles(self, z: Array, condition: Condition) -> tuple[Array, Norm, list[Array]]:
        """The first chunk of the latent, and for each block the shared embedding and a chunk."""
        stages, size = len(self.widths), z.shape[-1]
        if size % stages:
            raise UserError(f"latents of {size}: want a multiple of {stages}, to split them for {stages} widths")
        first, *chunks = jnp.split(z, stages, axis=-1)
        if self.classes:
            label = need_label(condition, self.classes)
            shared = self.param("shared", ORTHOGONAL, (self.classes, self.embedding))[label].astype(z.dtype)
            chunks = [jnp.concatenate([shared, chunk], axis=-1) for chunk in chunks]
        return first, StyledBatchNorm, chunks

    def labels(self, z: Array, condition: Condition) -> tuple[Array, Norm, list[Condition]]:
        """The whole latent, and for each block the label."""
        return z, conditional(Normalised, self.classes), [condition] * (len(self.widths) - 1)


class StyledBatchNorm(nn.Module):
    """BatchNorm whose scale, less 1, and bias are linear maps of a style [B, S], its condition."""

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array:
        x = Normalised(affine=False)(x, None, mode)
        scale, bias = (
            nn.Dense(x.shape[-1], use_bias=False, kernel_init=ORTHOGONAL, name=name)(condition)[:, None, None]
            for name in ("to_scale", "to_bias")
        )
        return x * (1 + scale) + bias


class Critic(nn.Module):
    widths: tuple[int, ...]
    halvings: int
    attention: tuple[int, ...]
    classes: int
    heads: Mapping[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        if x.ndim != 4 or x.shape[1] % 2**self.halvings or x.shape[2] % 2**self.halvings:
            raise UserError(f"images {x.shape}: want [B, H, W, C], sides multiples of {2**self.halvings}")
        check_attention(self.attention, [x.shape[1] >> count + 1 for count in range(self.halvings)])
        first, *others = self.widths[::-1]
        x = attended(FirstBlock(first, ORTHOGONAL, ORTHOGONAL)(x), self.attention)
        for place, width in enumerate(others, 1):
            after = mean_2x2 if place < self.halvings else None
            x = attended(Residual(width, Identity, after=after)(x, condition, mode), self.attention)
        features = sum_pool(nn.relu(x))
        logits = nn.Dense(1, kernel_init=ORTHOGONAL)(features)[:, 0]
        if self.classes:
            logits += Projection(self.classes, ORTHOGONAL)(features, condition)
        return with_heads(features, logits, self.heads)
