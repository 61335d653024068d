"""A small network of clips, whose features the metrics of video use: it looks at each frame, then through time.

The packaged weights were trained by `python experiments/features/train_moving.py`, on clips of one digit from
`data.moving_digits`, to predict the digit and its steps from frame to frame.
"""

import functools
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.features.packaged import weights
from gan_jax.nets.conv.convolution import Conv
from gan_jax.types import Array, Features, Params, Seen

FRAMES, SIDE = 16, 32
OF_FRAMES = 64  # features
EVEN = 3  # logits divided by this have about the total variance of the steps (26.9 and 28.0)
RESIZE = f"grey, {SIDE}x{SIDE} antialiased linear"


class Prediction(NamedTuple):
    """The network's prediction for clips.

    Attributes:
      logits: [B, 10], of the digit.
      steps: [B, FRAMES - 1, 2], the digit's steps from each frame to the next, in pixels: rows, columns.
    """

    logits: Array
    steps: Array


class Eye(nn.Module):
    """Frames [B, SIDE, SIDE, 1] in [-1, 1] -> features [B, OF_FRAMES], of the digit and its place."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for features in (16, 32, 64):
            x = nn.gelu(Conv(features, (3, 3), strides=2)(x))
        return nn.Dense(OF_FRAMES)(x.reshape(len(x), -1))


class Mover(nn.Module):
    """Clips [B, FRAMES, SIDE, SIDE, 1] in [-1, 1] -> `Prediction`."""

    @nn.compact
    def __call__(self, x: Array) -> Prediction:
        frames = Eye()(x.reshape(-1, SIDE, SIDE, 1))
        y = nn.gelu(frames).reshape(len(x), FRAMES, OF_FRAMES)
        for features in (64, 96):
            y = nn.gelu(Conv(features, (4,), strides=2)(y))
        y = nn.gelu(nn.Dense(128)(y.reshape(len(x), -1)))
        steps = nn.Dense((FRAMES - 1) * 2)(y).reshape(-1, FRAMES - 1, 2)
        return Prediction(nn.Dense(10)(y), steps)


def predict(params: Params, x: Array) -> Prediction:
    """The prediction for clips [B, FRAMES, SIDE, SIDE, 1] in [-1, 1], by the network with these parameters."""
    return Mover().apply({"params": params}, x)  # type: ignore[return-value]


def clips() -> Features:
    """The features of clips [B, 16, H, W, 1 or 3]: the outputs of the last layer, steps and logits, [B, 40].

    Their Fréchet distance from 1,000 clips of training digits is 0.50 for 1,000 clips of other digits, 7.9 for the same
    clips with shuffled frames, and 23.6 for clips that stand still. In the layer before, it would be 2.2, 6.4 and 15.9.
    """
    params, digest = weights("moving_digits")
    return Features("moving digits, clips", digest, RESIZE, functools.partial(see_clips, params))


def frames() -> Features:
    """The features of frames [B, H, W, 1 or 3]: those of each frame before the network looks through time, [B, 64]."""
    params, digest = weights("moving_digits")
    return Features("moving digits, frames", digest, RESIZE, functools.partial(see_frames, params["Eye_0"]))


def see_clips(params: Params, x: Array) -> Seen:
    """The features of clips, with the digit's logits."""
    if x.ndim != 5 or x.shape[1] != FRAMES:
        raise UserError(f"the network takes clips [B, {FRAMES}, H, W, C], these are {list(x.shape)}")
    predicted = predict(params, as_trained_on(x))
    return Seen(jnp.concatenate([predicted.steps.reshape(len(x), -1), predicted.logits / EVEN], 1), predicted.logits)


def see_frames(params: Params, x: Array) -> Seen:
    """The features of frames."""
    return Seen(Eye().apply({"params": params}, as_trained_on(x)))  # type: ignore[arg-type]


def as_trained_on(x: Array) -> Array:
    """Grey images of the size in training: [..., H, W, 1 or 3] -> [..., SIDE, SIDE, 1]."""
    grey = jnp.mean(x, -1, keepdims=True)
    return jax.image.resize(grey, (*x.shape[:-3], SIDE, SIDE, 1), "linear")
