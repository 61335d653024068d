"""A small network of clips, whose features the metrics of video are taken in: frame by frame, then through time.

`python experiments/features/train_moving.py` trained the weights that the package holds, on clips of one digit by
`data.moving_digits`, to tell the digit and its steps from frame to frame.
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
EVEN = 3  # logits divided by this vary as much as the steps do, in all (26.9 and 28.0)
RESIZE = f"grey, {SIDE}x{SIDE} antialiased linear"


class Told(NamedTuple):
    """What the network says of clips: the digit, and its steps from each frame to the next, in rows and columns."""

    logits: Array  # [B, 10]
    steps: Array  # [B, FRAMES - 1, 2], in pixels


class Eye(nn.Module):
    """Frames [B, SIDE, SIDE, 1] in [-1, 1] -> features [B, OF_FRAMES]: what is where."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for features in (16, 32, 64):
            x = nn.gelu(Conv(features, (3, 3), strides=2)(x))
        return nn.Dense(OF_FRAMES)(x.reshape(len(x), -1))


class Mover(nn.Module):
    """Clips [B, FRAMES, SIDE, SIDE, 1] in [-1, 1] -> Told."""

    @nn.compact
    def __call__(self, x: Array) -> Told:
        frames = Eye()(x.reshape(-1, SIDE, SIDE, 1))
        y = nn.gelu(frames).reshape(len(x), FRAMES, OF_FRAMES)
        for features in (64, 96):
            y = nn.gelu(Conv(features, (4,), strides=2)(y))
        y = nn.gelu(nn.Dense(128)(y.reshape(len(x), -1)))
        steps = nn.Dense((FRAMES - 1) * 2)(y).reshape(-1, FRAMES - 1, 2)
        return Told(nn.Dense(10)(y), steps)


def tell(params: Params, x: Array) -> Told:
    """What the network with these parameters says of clips [B, FRAMES, SIDE, SIDE, 1] in [-1, 1]."""
    return Mover().apply({"params": params}, x)  # type: ignore[return-value]


def clips() -> Features:
    """Of clips [B, 16, H, W, 1 or 3]: all that the last layer tells, the steps and the logits, [B, 40].

    From 1,000 clips of training digits, the Fréchet distance of as many of others is 0.50, of their own with frames
    shuffled 7.9, and standing still 23.6. In the layer before, it would be 2.2, 6.4 and 15.9.
    """
    params, digest = weights("moving_digits")
    return Features("moving digits, clips", digest, RESIZE, functools.partial(see_clips, params))


def frames() -> Features:
    """Of frames [B, H, W, 1 or 3]: what the network makes of each before it looks through time."""
    params, digest = weights("moving_digits")
    return Features("moving digits, frames", digest, RESIZE, functools.partial(see_frames, params["Eye_0"]))


def see_clips(params: Params, x: Array) -> Seen:
    if x.ndim != 5 or x.shape[1] != FRAMES:
        raise UserError(f"the network sees clips [B, {FRAMES}, H, W, C], these are {list(x.shape)}")
    told = tell(params, as_trained_on(x))
    return Seen(jnp.concatenate([told.steps.reshape(len(x), -1), told.logits / EVEN], 1), told.logits)


def see_frames(params: Params, x: Array) -> Seen:
    return Seen(Eye().apply({"params": params}, as_trained_on(x)))  # type: ignore[arg-type]


def as_trained_on(x: Array) -> Array:
    """[..., H, W, 1 or 3] -> [..., SIDE, SIDE, 1]."""
    grey = jnp.mean(x, -1, keepdims=True)
    return jax.image.resize(grey, (*x.shape[:-3], SIDE, SIDE, 1), "linear")
