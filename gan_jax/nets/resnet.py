"""Residual networks of WGAN-GP (Gulrajani 2017) and SNGAN (Miyato 2018, table 4) for small images.

WGAN-GP, as in its gan_cifar_resnet.py: `generator(width=128)` and `critic(width=128)`. SNGAN, as in its
sngan_projection code: `generator(width=256)` and `critic(width=128, pool=sum_pool, use_bias=False)` under
`spectral_norm`. Both initialise the blocks' 3x3 kernels by Glorot's uniform distribution with gain √2, all others with
gain 1.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv.convolution import Conv
from gan_jax.nets.layers import BatchNorm, Identity, Norm, Projection, conditional, with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.types import Array, Condition, Mode, Network, Output

Resize = Callable[[Array], Array]
Initializer = nn.initializers.Initializer


def mean_pool(x: Array) -> Array:
    """The mean over the image, as in WGAN-GP: [B, H, W, C] -> [B, C]."""
    return jnp.mean(x, axis=(1, 2))


def sum_pool(x: Array) -> Array:
    """The sum over the image, as in SNGAN: [B, H, W, C] -> [B, C]."""
    return jnp.sum(x, axis=(1, 2))


def glorot(scale: float) -> Initializer:
    """Uniform, with variance scale · 2 / (fan in + fan out). Glorot & Bengio 2010, eq. 16, has scale 1."""
    return nn.initializers.variance_scaling(scale, "fan_avg", "uniform")


def generator(
    *, width: int = 128, norm: Norm = BatchNorm, classes: int = 0, shape: Sequence[int] = (32, 32, 3)
) -> Network:
    """Latents [B, Z] -> images `[B, *shape]` in (-1, 1): a linear layer and three blocks that double the sides.

    Args:
      width: Channels of every hidden layer.
      norm: Before each activation.
      classes: The number of classes; 0 for none. With classes, BatchNorm becomes ConditionalBatchNorm.
      shape: (height, width, channels).

    Raises:
      ValueError: The height or width of the image isn't a multiple of 8.
    """
    if len(shape) != 3 or shape[0] % 8 or shape[1] % 8:
        raise UserError(f"shape {tuple(shape)}: want (height, width, channels), sides multiples of 8")
    return from_linen(Generator(width, conditional(norm, classes), tuple(shape)))


def critic(
    *,
    width: int = 128,
    pool: Resize = mean_pool,
    norm: Norm = Identity,
    use_bias: bool = True,
    classes: int = 0,
    heads: Mapping[str, int] | None = None,
) -> Network:
    """Images [B, height, width, channels], whose sides are multiples of 4 -> logits [B].

    Args:
      width: Channels of every hidden layer.
      pool: From the last feature map [B, H, W, C] to features [B, C]: `mean_pool` or `sum_pool`.
      norm: In blocks 2 to 4; neither paper has one in a critic for images of this size.
      use_bias: Whether the last linear layer has a bias; all other layers do.
      classes: The number of classes; 0 for none. With classes, the logit includes the projection of Miyato & Koyama
        2018.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.
    """
    return from_linen(Critic(width, pool, norm, use_bias, classes, heads))


class Generator(nn.Module):
    width: int
    norm: Norm
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        base = (self.shape[0] // 8, self.shape[1] // 8, self.width)
        x = nn.Dense(base[0] * base[1] * base[2], kernel_init=glorot(1.0))(z).reshape(-1, *base)
        for _ in range(3):
            x = Block(self.width, self.norm, before=repeat_2x2)(x, condition, mode)
        x = nn.relu(self.norm()(x, condition, mode))
        return jnp.tanh(Conv(self.shape[-1], (3, 3), kernel_init=glorot(1.0))(x))


class Critic(nn.Module):
    width: int
    pool: Resize
    norm: Norm
    use_bias: bool
    classes: int
    heads: Mapping[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        if x.ndim != 4 or x.shape[1] % 4 or x.shape[2] % 4:
            raise UserError(f"images {x.shape}: want [B, H, W, C], sides multiples of 4")
        x = FirstBlock(self.width)(x)
        x = Block(self.width, self.norm, after=mean_2x2)(x, condition, mode)
        for _ in range(2):
            x = Block(self.width, self.norm)(x, condition, mode)
        x = self.pool(nn.relu(x))
        logits = nn.Dense(1, use_bias=self.use_bias, kernel_init=glorot(1.0))(x)[:, 0]
        if self.classes:
            logits += Projection(self.classes)(x, condition)
        return with_heads(x, logits, self.heads)


class Block(nn.Module):
    """Two 3x3 convolutions, each after norm and ReLU, and a shortcut. He 2016, in the form of Gulrajani 2017.

    Attributes:
      width: Channels of both convolutions.
      norm: Before each ReLU.
      before: Resizes before the first convolution (upsampling).
      after: Resizes after the second convolution (downsampling).
      kernel_init: Initialises the 3x3 kernels.
      shortcut_init: Initialises the 1x1 kernel of the shortcut.
    """

    width: int
    norm: Norm
    before: Resize | None = None
    after: Resize | None = None
    kernel_init: Initializer = glorot(2.0)
    shortcut_init: Initializer = glorot(1.0)

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array:
        before, after = self.before or unchanged, self.after or unchanged
        conv = functools.partial(Conv, self.width, (3, 3), kernel_init=self.kernel_init)
        y = conv()(before(nn.relu(self.norm()(x, condition, mode))))
        y = after(conv()(nn.relu(self.norm()(y, condition, mode))))
        if self.before or self.after or x.shape[-1] != self.width:
            # The papers resize `before` first and `after` last; a 1x1 convolution commutes with both, so
            # it runs at the smaller size, for a quarter of the work.
            x = before(Conv(self.width, (1, 1), kernel_init=self.shortcut_init)(after(x)))
        return x + y


class FirstBlock(nn.Module):
    """The "optimised" block on the image itself, without a ReLU before it. Downsamples.

    Attributes:
      width: Channels of both convolutions.
      kernel_init: Initialises the 3x3 kernels.
      shortcut_init: Initialises the 1x1 kernel of the shortcut.
    """

    width: int
    kernel_init: Initializer = glorot(2.0)
    shortcut_init: Initializer = glorot(1.0)

    @nn.compact
    def __call__(self, x: Array) -> Array:
        conv = functools.partial(Conv, self.width, (3, 3), kernel_init=self.kernel_init)
        y = mean_2x2(conv()(nn.relu(conv()(x))))
        return y + Conv(self.width, (1, 1), kernel_init=self.shortcut_init)(mean_2x2(x))


def repeat_2x2(x: Array) -> Array:
    """Nearest neighbour: [B, H, W, C] -> [B, 2H, 2W, C]."""
    batch, height, width, channels = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None], (batch, height, 2, width, 2, channels))
    return x.reshape(batch, 2 * height, 2 * width, channels)


def mean_2x2(x: Array) -> Array:
    """Mean of 2x2: [B, H, W, C] -> [B, H/2, W/2, C]."""
    batch, height, width, channels = x.shape
    return jnp.mean(x.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))


def unchanged(x: Array) -> Array:
    """No resizing."""
    return x
