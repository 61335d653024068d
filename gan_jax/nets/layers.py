"""Layers that the families share: normalisations, dropout, and the projection of classes.

A normalisation is passed as a factory, `norm=BatchNorm`, and called as `norm()(x, condition, mode)`. For other
settings, pass `functools.partial(BatchNorm, momentum=0.9)`. A critic under a penalty on its gradient must treat each
example by itself, so give it LayerNorm or Identity.

Your own norm works the same way. If it keeps statistics in any collection, the critic counts as mixing examples, and
penalties on its gradient are refused. If it mixes examples without keeping statistics, say so by
`critic._replace(mixes_examples=lambda stats: True)`.
"""

import functools
import math
import zlib
from collections.abc import Callable, Mapping
from typing import TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.trees import outline
from gan_jax.types import Array, Condition, Mode, Output

Norm: TypeAlias = Callable[[], nn.Module]  # () -> module of (x, condition, mode)


class BatchNorm(nn.Module):
    """Normalises by batch statistics in training, shared along `mode.axis_name`, and by running ones otherwise.

    Ioffe & Szegedy 2015, with Keras' momentum and epsilon.

    Attributes:
      momentum: The decay of the running statistics.
      epsilon: Added to the variance.
      affine: Whether each channel has a scale and a bias.

    Raises:
      ValueError: The statistics would be those of one number, as after a dense layer in a batch of one.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3
    affine: bool = True

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array:
        axis_name = mode.axis_name if mode.train else None
        replicas = 1 if axis_name is None else jax.lax.psum(1, axis_name)
        if mode.train and replicas * math.prod(x.shape[:-1]) == 1:
            raise UserError(
                f"batch normalisation of {list(x.shape)}: a number less its own mean is 0, so nothing would be learnt; "
                "use a batch_size of 2 or more, or another norm"
            )
        return nn.BatchNorm(
            use_running_average=not mode.train,
            momentum=self.momentum,
            epsilon=self.epsilon,
            axis_name=axis_name,
            use_scale=self.affine,
            use_bias=self.affine,
        )(x)


class ConditionalBatchNorm(nn.Module):
    """BatchNorm with a scale and a bias for each class, [classes, C]. Dumoulin 2017.

    Attributes:
      classes: The number of classes.
      momentum: The decay of the running statistics.
      epsilon: Added to the variance.
    """

    classes: int
    momentum: float = 0.99
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array:
        label = need_label(condition, self.classes)
        x = BatchNorm(self.momentum, self.epsilon, affine=False)(x, condition, mode)
        scale = self.param("scale", nn.initializers.ones, (self.classes, x.shape[-1]))
        bias = self.param("bias", nn.initializers.zeros, (self.classes, x.shape[-1]))
        shape = (x.shape[0], *[1] * (x.ndim - 2), x.shape[-1])
        return x * scale[label].reshape(shape).astype(x.dtype) + bias[label].reshape(shape).astype(x.dtype)


class LayerNorm(nn.Module):
    """Normalises each example over all of its axes, with a scale and a bias for each channel. Ba 2016.

    Attributes:
      epsilon: Added to the variance.
    """

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array:
        return nn.LayerNorm(self.epsilon, reduction_axes=tuple(range(1, x.ndim)), feature_axes=-1)(x)


class Identity(nn.Module):
    """No normalisation."""

    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array:
        return x


class Dropout(nn.Module):
    """Zeroes elements in training with probability `rate` and divides the others by 1 - rate. Srivastava 2014.

    An example's mask depends on its own key and the module's place in the network, so it is the same however the batch
    is split over devices. A module that is called twice in one pass uses the same mask twice.

    Attributes:
      rate: The probability, with a resolution of 2^-16.
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array, mode: Mode) -> Array:
        if not mode.train or self.rate == 0:
            return x
        if mode.keys is None:
            raise UserError("dropout in training needs mode.keys, which is None: pass one key an example, [B]")
        place = zlib.crc32("/".join(self.path).encode())
        dropped = min(round(self.rate * 2**16), 2**16 - 1)  # of 2^16 equally likely draws

        def keep(key: Array, x: Array) -> Array:
            draws = sixteen_bits(jax.random.fold_in(key, place), x.size).reshape(x.shape)
            return jnp.where(draws >= dropped, x * (2**16 / (2**16 - dropped)), jnp.zeros_like(x))

        return jax.vmap(keep)(mode.keys, x)


def sixteen_bits(key: Array, size: int) -> Array:
    """Draws uint16 [size], two from each draw of 32 bits: on a CPU, drawing is most of the cost of dropout."""
    return jax.lax.bitcast_convert_type(jax.random.bits(key, (-(-size // 2),)), jnp.uint16).reshape(-1)[:size]


class MinibatchStd(nn.Module):
    """Adds a channel with the standard deviation within a group of examples, so that a critic sees a lack of variety.

    The deviation of each entry over the group is averaged over all entries: one number for the group, the same for all
    of its examples and positions. Karras 2018, section 3.

    Groups are neighbours in the batch, so results are the same on any number of devices that no group straddles. A
    critic with this layer mixes examples: pass `mixes_examples=True` to `from_linen`, unless you take a penalty's
    slope through the groups on purpose, as StyleGAN2 does.

    Attributes:
      group: Examples in a group.

    Raises:
      ValueError: The examples on a device don't divide into groups.
    """

    group: int = 4

    @nn.compact
    def __call__(self, x: Array) -> Array:
        size = 1 if self.is_initializing() else self.group  # parameters are made from one example
        if self.group < 1 or x.shape[0] % size:
            raise UserError(
                f"minibatch standard deviation: {x.shape[0]} examples on a device don't make groups of {self.group}; "
                "use another batch size or group"
            )
        groups = x.reshape(-1, size, *x.shape[1:])
        spread = jnp.sqrt(jnp.var(groups, axis=1) + 1e-8)
        numbers = jnp.repeat(jnp.mean(spread, range(1, spread.ndim)), size)
        channel = jnp.broadcast_to(numbers.reshape(-1, *[1] * (x.ndim - 1)), (*x.shape[:-1], 1))
        return jnp.concatenate([x, channel.astype(x.dtype)], -1)


class Projection(nn.Module):
    """<embedding of the label, features>: features [B, F] -> [B]. Miyato & Koyama 2018.

    Attributes:
      classes: The number of classes.
      embedding_init: Initialises the embeddings, [classes, F].
    """

    classes: int
    embedding_init: nn.initializers.Initializer = nn.initializers.variance_scaling(1.0, "fan_in", "normal", out_axis=0)

    @nn.compact
    def __call__(self, features: Array, condition: Condition) -> Array:
        embed = nn.Embed(self.classes, features.shape[-1], embedding_init=self.embedding_init)
        embedded = embed(need_label(condition, self.classes))
        return jnp.sum(embedded.astype(features.dtype) * features, axis=-1)


def with_heads(features: Array, logits: Array, heads: Mapping[str, int] | None) -> Array | Output:
    """A critic's result: logits alone, or logits, features and further linear outputs of the features.

    Args:
      features: [B, F].
      logits: [B].
      heads: The number of outputs of each head by its name; None for logits alone.
    """
    if heads is None:
        return logits
    outputs = {name: nn.Dense(size, name=name)(features) for name, size in heads.items()}
    return Output(logits, {"features": features, **outputs})


def conditional(norm: Norm, classes: int) -> Norm:
    """Adapts a norm to a generator with classes: BatchNorm becomes ConditionalBatchNorm; your own norm gets the label.

    Args:
      norm: The norm.
      classes: The number of classes; 0 if there are none.

    Raises:
      ValueError: There are classes, and the norm ignores labels.
    """
    if not classes:
        return norm
    module = norm.func if isinstance(norm, functools.partial) else norm
    if module is BatchNorm:
        settings = norm.keywords if isinstance(norm, functools.partial) else {}
        return functools.partial(ConditionalBatchNorm, classes, **settings)
    if module in (LayerNorm, Identity):
        raise UserError(f"{module.__name__} ignores the label of {classes} classes: use norm=BatchNorm, or classes=0")
    return norm


def check_width(*widths: int) -> None:
    """Raises UserError for a width below 1."""
    if min(widths) < 1:
        raise UserError(f"width {min(widths)}: it must be 1 or more")


def need_label(condition: Condition, classes: int) -> Array:
    """The condition as class numbers [B].

    Raises:
      ValueError: It is anything else.
    """
    if getattr(condition, "ndim", None) == 1 and jnp.issubdtype(condition.dtype, jnp.integer):
        return condition
    given = "no condition" if condition is None else f"the condition {outline(condition)}"
    raise UserError(f"this network has {classes} classes and got {given}: pass one class number per example, int [B]")
