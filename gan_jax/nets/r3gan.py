"""R3GAN's networks (Huang et al. 2024): inverted bottlenecks with grouped convolutions, and no normalisation.

CIFAR-10's are the defaults. FFHQ's have the widths of `widths_of(side, 768)`; ImageNet's have 1536 channels in every
stage and groups of 32. In both players, `widths` go from the stage of the smallest image to that of the largest.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv import Conv, downsample, upsample
from gan_jax.nets.layers import check_width, need_label, with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.nets.stages import base_of, dtypes_of, sides_of
from gan_jax.types import Array, Condition, Mode, Network, Output

SLOPE = 0.2  # of the leaky ReLUs below 0
LEAKY = (2 / (1 + SLOPE**2)) ** 0.5  # the gain that makes up for them


def generator(
    *,
    widths: Sequence[int] = (768, 768, 768, 768),
    blocks: int = 2,
    expansion: int = 2,
    group_size: int = 16,
    classes: int = 0,
    shape: Sequence[int] = (32, 32, 3),
    bfloat16: int = 0,
) -> Network:
    """Latents [B, Z] -> images `[B, *shape]` of any range: a learned basis, and stages that double the sides.

    Args:
      widths: Channels of each stage, from that of the smallest image to that of the largest.
      blocks: Residual blocks in each stage.
      expansion: Channels inside a block, as a multiple of its width.
      group_size: Channels of each group of the 3x3 convolutions; a block of fewer channels is one group. The paper's
        cardinality is the number of groups.
      classes: The number of classes; 0 for none. With classes, an embedding of the class is joined to the latent.
      shape: (height, width, channels).
      bfloat16: How many stages compute in bfloat16, counted from the largest image.

    Raises:
      ValueError: The sides can't be halved once for every stage but the first, a width can't be divided into groups, or
        a number is out of range.
    """
    base = base_of(shape, len(widths))
    return from_linen(Generator(stages_of(widths, blocks, expansion, group_size, bfloat16), classes, base, shape[2]))


def critic(
    *,
    widths: Sequence[int] = (768, 768, 768, 768),
    blocks: int = 2,
    expansion: int = 2,
    group_size: int = 16,
    classes: int = 0,
    embedding: int | None = None,
    heads: Mapping[str, int] | None = None,
    bfloat16: int = 0,
) -> Network:
    """Images [B, height, width, channels] -> logits [B]: the generator's stages in reverse, down to one position.

    Args:
      widths: Channels of each stage, from that of the smallest image to that of the largest, as for the generator.
      blocks: Residual blocks in each stage.
      expansion: Channels inside a block, as a multiple of its width.
      group_size: Channels of each group of the 3x3 convolutions.
      classes: The number of classes; 0 for none. With classes, the logit is the product of an embedding of the class
        and a linear map of the features. Miyato & Koyama 2018.
      embedding: The size of that embedding; by default the widest stage's width, as in the paper.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.
      bfloat16: How many stages compute in bfloat16, counted from the largest image.

    Raises:
      ValueError: A width can't be divided into groups, or a number is out of range.
    """
    stages = stages_of(widths, blocks, expansion, group_size, bfloat16)
    size = max(widths) if embedding is None else embedding
    return from_linen(Critic(stages, classes, size, heads))


def widths_of(side: int, width: int, widest: int = 32) -> tuple[int, ...]:
    """The widths of the stages: `width` up to a side of `widest`, and half as many for each doubling from there.

    Args:
      side: That of the largest image: a power of 2 times 3, 4, 5 or 7, which is the smallest image's.
      width: Channels of the widest stages.
      widest: The side of the largest of these, 32 in the paper.

    Raises:
      ValueError: The side is another number, or the width is below 1.
    """
    check_width(width)
    return tuple(max(width >> max(0, math.ceil(math.log2(each / widest))), 1) for each in sides_of(side))


class Stage(NamedTuple):
    """The residual blocks at one resolution.

    Attributes:
      width: Channels.
      blocks: Their number.
      inside: Channels inside a block.
      groups: Groups of its 3x3 convolution.
      gain: Of its first two convolutions.
      dtype: In which it computes; None for that of its parameters.
    """

    width: int
    blocks: int
    inside: int
    groups: int
    gain: float
    dtype: Any


def stages_of(widths: Sequence[int], blocks: int, expansion: int, group_size: int, bfloat16: int) -> tuple[Stage, ...]:
    """The stages, that of the smallest image first."""
    if min(blocks, expansion, group_size, *widths) < 1:
        numbers = f"widths {list(widths)}, blocks {blocks}, expansion {expansion}, group_size {group_size}"
        raise UserError(f"{numbers}: each must be 1 or more")
    # Zhang 2019 (Fixup): L^(-1/(2m-2)), m = 3 layers in a branch, so that a step changes the output alike at any depth
    gain = LEAKY * (len(widths) * blocks) ** -0.25

    def stage(width: int, dtype: Any) -> Stage:
        inside = width * expansion
        if inside > group_size and inside % group_size:
            times = f", times expansion {expansion}," if expansion > 1 else ""
            raise UserError(
                f"widths {list(widths)}: {width}{times} must be a multiple of group_size {group_size}, or less than it"
            )
        return Stage(width, blocks, inside, max(inside // group_size, 1), gain, dtype)

    return tuple(map(stage, widths, dtypes_of(len(widths), bfloat16)))


class Generator(nn.Module):
    stages: tuple[Stage, ...]
    classes: int
    base: tuple[int, int]
    channels: int

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        if self.classes:
            embedded = embedding(condition, self.classes, z.shape[-1], 1.0)
            z = jnp.concatenate([z, embedded.astype(z.dtype)], -1)
        first, *others = self.stages
        basis = self.param("basis", nn.initializers.normal(1.0), (*self.base, first.width))
        x = residual(basis[None].astype(z.dtype) * linear(first.width)(z)[:, None, None], first)
        for stage in others:
            x = residual(upsample(with_width(in_type_of(x, stage), stage.width)), stage)
        return pointwise(self.channels)(x.astype(z.dtype))


class Critic(nn.Module):
    stages: tuple[Stage, ...]
    classes: int
    embedding: int
    heads: Mapping[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        given = x.dtype
        first, *others = self.stages[::-1]
        x = residual(pointwise(first.width)(x), first)
        for stage in others:
            x = residual(with_width(downsample(x), stage.width).astype(given), stage)
        x, width = x.astype(given), x.shape[-1]
        x = Conv(width, x.shape[1:3], padding="VALID", groups=width, use_bias=False, kernel_init=normal(1.0))(x)
        features = x.reshape(len(x), width)
        if not self.classes:
            return with_heads(features, linear(1)(features)[:, 0], self.heads)
        embedded = embedding(condition, self.classes, self.embedding, self.embedding**-0.5)
        logits = jnp.sum(linear(self.embedding)(features) * embedded.astype(given), axis=-1)
        return with_heads(features, logits, self.heads)


class Block(nn.Module):
    """x [B, H, W, width] plus a bottleneck that is wide inside: 1x1, 3x3 in groups, and 1x1, which begins at 0."""

    stage: Stage

    @nn.compact
    def __call__(self, x: Array) -> Array:
        width, _, inside, groups, gain, dtype = self.stage
        y = Conv(inside, (1, 1), kernel_init=normal(gain), dtype=dtype)(x)
        y = Conv(inside, (3, 3), groups=groups, kernel_init=normal(gain), dtype=dtype)(nn.leaky_relu(y, SLOPE))
        return x + pointwise(width, 0.0, dtype)(nn.leaky_relu(y, SLOPE))


def residual(x: Array, stage: Stage) -> Array:
    """The blocks of a stage: [B, H, W, width] -> the same."""
    x = in_type_of(x, stage)
    for _ in range(stage.blocks):
        x = Block(stage)(x)
    return x


def in_type_of(x: Array, stage: Stage) -> Array:
    """x in the type in which a stage computes."""
    return x if stage.dtype is None else x.astype(stage.dtype)


def with_width(x: Array, width: int) -> Array:
    """[B, H, W, C] -> [B, H, W, width], in x's type."""
    return x if x.shape[-1] == width else pointwise(width, dtype=x.dtype)(x)


def pointwise(width: int, gain: float = 1.0, dtype: Any = None) -> nn.Module:
    """A 1x1 convolution without a bias."""
    return Conv(width, (1, 1), use_bias=False, kernel_init=normal(gain), dtype=dtype)


def linear(width: int) -> nn.Module:
    """A linear layer without a bias."""
    return nn.Dense(width, use_bias=False, kernel_init=normal(1.0))


def embedding(condition: Condition, classes: int, size: int, gain: float) -> Array:
    """A linear map of the one-hot label, [B, size]."""
    init = nn.initializers.normal(gain * classes**-0.5)
    return nn.Embed(classes, size, embedding_init=init)(need_label(condition, classes))


def normal(gain: float) -> nn.initializers.Initializer:
    """Normal, with the standard deviation gain / √(fan in)."""
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal") if gain else nn.initializers.zeros
