"""StyleGAN2's networks (Karras et al. 2020), as in StyleGAN2-ADA: a skip generator and a residual critic.

In both players, `widths` go from the stage of the smallest image to that of the largest; see `widths_of`. The authors'
configurations, with latents of 512:

- F, for FFHQ at 1024: `widths_of(1024)`. E has `widths_of(side, base=16384)`, as StyleGAN2-ADA has below 512 pixels.
- StyleGAN2-ADA's, chosen by the size of the images, have `depth=2`.
- CIFAR-10: the generator has `depth=2, mixing=0`, and the critic `residual=False, group=32`.
"""

import math
from collections.abc import Callable, Mapping as MappingOf, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.keys import fold
from gan_jax.nets.conv import upsample
from gan_jax.nets.equalized import Block, Conv, Dense, Mapping, Modulated, ToRGB, activate
from gan_jax.nets.layers import MinibatchStd, need_label, with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.nets.stages import base_of, dtypes_of, sides_of
from gan_jax.types import Array, Condition, Game, Mode, Network, Output, Params

AVERAGES, MEAN = "averages", "style"  # the collection and the name of the mean style
DECAY = 0.995  # of that mean
MIXING, NOISE = range(2)  # uses of an example's key


def generator(
    *,
    widths: Sequence[int] = (512, 512, 512, 512),
    size: int = 512,
    depth: int = 8,
    mixing: float = 0.9,
    classes: int = 0,
    shape: Sequence[int] = (32, 32, 3),
    bfloat16: int = 0,
) -> Network:
    """Latents [B, Z] -> images `[B, *shape]` of any range, and the styles that they were made from.

    `Output.extra` holds the styles, `[B, 2 len(widths), size]`. In the place of latents, the network takes such styles
    too. Its statistics hold the mean style, for `truncated`.

    Noise is added to each pixel from the example's own key, `mode.keys`, in sampling too; without keys, none is.

    Args:
      widths: Channels of each stage, from that of the smallest image to that of the largest.
      size: Size of a style.
      depth: Layers from the latent to the style.
      mixing: Probability of style mixing, in training: from a random layer on, an example's styles come from a second
        latent, drawn from N(0, 1).
      classes: The number of classes; 0 for none. With classes, an embedding of the class is joined to the latent.
      shape: (height, width, channels).
      bfloat16: How many stages compute in bfloat16, counted from the largest image.

    Raises:
      ValueError: The sides can't be halved once for every stage but the first.
    """
    base = base_of(shape, len(widths))
    stages = stages_of(widths, bfloat16)
    return from_linen(Generator(stages, size, depth, mixing, classes, base, shape[2]), mixes_examples=False)


def critic(
    *,
    widths: Sequence[int] = (512, 512, 512, 512),
    residual: bool = True,
    group: int = 4,
    depth: int = 8,
    classes: int = 0,
    heads: MappingOf[str, int] | None = None,
    bfloat16: int = 0,
) -> Network:
    """Images [B, height, width, channels] -> logits [B].

    A logit depends on the other examples of its group, by their standard deviation. Penalties on its slope are taken
    through the groups all the same, as the authors do.

    Args:
      widths: Channels of each stage, from that of the smallest image to that of the largest, as for the generator.
      residual: Whether each block is added to a shortcut.
      group: Examples whose standard deviation is the last layers' further channel; 1 leaves it constant.
      depth: Layers from the class to its embedding.
      classes: The number of classes; 0 for none. With classes, the logit is the product of an embedding of the class
        and a linear map of the features. Miyato & Koyama 2018.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.
      bfloat16: How many stages compute in bfloat16, counted from the largest image.
    """
    module = Critic(stages_of(widths, bfloat16), residual, group, depth, classes, heads)
    return from_linen(module, mixes_examples=False)


def widths_of(side: int, *, base: int = 32768, most: int = 512) -> tuple[int, ...]:
    """The widths of the paper's stages: `base` over the side, which is rounded up to a power of 2, and at most `most`.

    Args:
      side: That of the largest image: a power of 2 times 3, 4, 5 or 7, which is the smallest image's.
      base: Channels times side.
      most: Channels of the widest stages.

    Raises:
      ValueError: The side is another number, or one of the others is below 1.
    """
    if base < 1 or most < 1:
        raise UserError(f"base {base}, most {most}: widths must be 1 or more")
    return tuple(max(min(base >> math.ceil(math.log2(each)), most), 1) for each in sides_of(side))


def from_styles(game: Game) -> tuple[Callable[[Array], Array], Array]:
    """The generator as a function of its styles, and these, for `path_length(at=from_styles)`.

    Both are scaled so that the squared length is the mean over layers of that of a style, as the authors have it.
    """
    scale = game.made.shape[1] ** 0.5
    return lambda styles: game.generator(styles / scale, game.condition).y, game.made * scale


def truncated(network: Network, psi: float, *, layers: int | None = None) -> Network:
    """The generator with styles drawn towards their mean, for better and less varied samples. Karras 2019, appendix B.

    Args:
      network: A generator of this family.
      psi: The distance of a style from the mean style, relative to before: 1 changes nothing, and 0 gives the mean.
      layers: How many layers it applies to, counted from the smallest image; by default all.
    """

    def apply(params: Params, stats: Params, z: Array, condition: Condition, mode: Mode) -> tuple[Output, Params]:
        (_, styles), stats = network.apply(params, stats, z, condition, mode)
        mean = stats[AVERAGES][MEAN][None, None].astype(styles.dtype)
        nearer = mean + psi * (styles - mean)
        drawn = jnp.concatenate([nearer[:, :layers], styles[:, styles.shape[1] if layers is None else layers :]], 1)
        return network.apply(params, stats, drawn, condition, mode)

    return network._replace(apply=apply)


class Stage(NamedTuple):
    """The layers at one resolution.

    Attributes:
      width: Channels.
      dtype: In which they compute; None for that of their parameters.
    """

    width: int
    dtype: Any


def stages_of(widths: Sequence[int], bfloat16: int) -> tuple[Stage, ...]:
    """The stages, that of the smallest image first."""
    return tuple(map(Stage, widths, dtypes_of(len(widths), bfloat16)))


class Generator(nn.Module):
    stages: tuple[Stage, ...]
    size: int
    depth: int
    mixing: float
    classes: int
    base: tuple[int, int]
    channels: int

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Output:
        mean = self.variable(AVERAGES, MEAN, jnp.zeros, (self.size,))
        synthesis = Synthesis(self.stages, self.base, self.channels)
        if z.ndim == 3:
            return Output(synthesis(z, mode), z)
        embedded = [embedding(condition, self.classes, self.size, z.dtype)] if self.classes else []
        mapping = Mapping(self.size, self.depth)
        style = mapping(z, *embedded)
        if mode.train:
            newest = jnp.mean(style.astype(mean.value.dtype), 0)
            newest = newest if mode.axis_name is None else jax.lax.pmean(newest, mode.axis_name)
            mean.value = mean.value + (1 - DECAY) * (newest - mean.value)
        styles = jnp.repeat(style[:, None], 2 * len(self.stages), axis=1)
        if mode.train and mode.keys is not None and self.mixing:
            kept, others = mixed(fold(mode.keys, MIXING), self.mixing, styles.shape[1], z)
            styles = jnp.where(kept[..., None], styles, mapping(others, *embedded)[:, None])
        return Output(synthesis(styles, mode), styles)


class Synthesis(nn.Module):
    """Styles [B, layers, size] -> images, each the sum of those that the stages draw from their own features."""

    stages: tuple[Stage, ...]
    base: tuple[int, int]
    channels: int

    @nn.compact
    def __call__(self, styles: Array, mode: Mode) -> Array:
        def layer(number: int, stage: Stage, x: Array, *, up: bool = False) -> Array:
            keys = None if mode.keys is None else fold(fold(mode.keys, NOISE), number)
            return Modulated(*stage, up=up)(x, styles[:, number], keys)

        first, *others = self.stages
        constant = self.param("constant", nn.initializers.normal(1.0), (*self.base, first.width))
        x = layer(0, first, jnp.broadcast_to(constant.astype(styles.dtype), (styles.shape[0], *constant.shape)))
        image = ToRGB(self.channels)(x, styles[:, 1])
        for place, stage in enumerate(others, 1):
            x = layer(2 * place, stage, layer(2 * place - 1, stage, x, up=True))
            image = upsample(image) + ToRGB(self.channels)(x, styles[:, 2 * place + 1])
        return image


class Critic(nn.Module):
    stages: tuple[Stage, ...]
    residual: bool
    group: int
    depth: int
    classes: int
    heads: MappingOf[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        given = x.dtype
        first, *others = self.stages[::-1]
        x = activate(Conv(first.width, 1, dtype=first.dtype)(x))
        for stage, smaller in zip([first, *others], others):
            x = Block(smaller.width, self.residual, stage.dtype)(x)
        width = x.shape[-1]
        x = activate(Conv(width)(MinibatchStd(self.group)(x.astype(given))))
        features = activate(Dense(width)(x.reshape(len(x), -1)))
        if not self.classes:
            return with_heads(features, Dense(1)(features)[:, 0], self.heads)
        embedded = Mapping(width, self.depth)(embedding(condition, self.classes, width, given))
        logits = jnp.sum(Dense(width)(features) * embedded, axis=-1) * width**-0.5
        return with_heads(features, logits, self.heads)


def embedding(condition: Condition, classes: int, size: int, dtype: Any) -> Array:
    """A linear map of the one-hot label, [B, size]."""
    return Dense(size, name="embedding")(jax.nn.one_hot(need_label(condition, classes), classes, dtype=dtype))


def mixed(keys: Array, probability: float, layers: int, z: Array) -> tuple[Array, Array]:
    """The layers that keep their style, [B, layers], and other latents for those from a random place on."""

    def draw(key: Array) -> tuple[Array, Array]:
        chance, place, latent = jax.random.split(key, 3)
        cut = jax.random.randint(place, (), 1, layers)
        cut = jnp.where(jax.random.uniform(chance) < probability, cut, layers)
        return jnp.arange(layers) < cut, jax.random.normal(latent, z.shape[1:]).astype(z.dtype)  # the same in any type

    return jax.vmap(draw)(keys)
