"""A small classifier of drum hits, whose features the metrics of sounds use.

The packaged weights were trained by `python experiments/features/train_drums.py`.
"""

import flax.linen as nn

from gan_jax.errors import UserError
from gan_jax.features.packaged import packaged
from gan_jax.metrics.mel import BANDS, FRAME, HOP, QUIETEST, log_mel
from gan_jax.nets.conv.convolution import Conv
from gan_jax.types import Array, Features, Params, Seen

LENGTH = 16_384
FEATURES = 64


class SoundClassifier(nn.Module):
    """Sounds [B, 16384, 1] at 16 kHz in [-1, 1] -> `Seen`, by their log-mel spectrograms [B, 64, 64].

    Nothing is averaged over pitch or time: only its pitch tells a kick from a tom.

    Attributes:
      classes: The number of classes.
    """

    classes: int

    @nn.compact
    def __call__(self, x: Array) -> Seen:
        x = (1 - 2 * log_mel(x[..., 0]) / QUIETEST)[..., None]  # in about [-1, 1]
        for features, strides in ((16, 2), (32, 2), (64, 2), (32, (2, 1))):
            x = nn.gelu(Conv(features, (3, 3), strides=strides)(x))
        x = nn.gelu(nn.Dense(FEATURES)(x.reshape(x.shape[0], -1)))
        return Seen(x, nn.Dense(self.classes)(x))


def classify(params: Params, x: Array) -> Seen:
    """Features and logits of sounds [B, 16384, 1] in [-1, 1], by the classifier with these parameters."""
    if x.shape[1:] != (LENGTH, 1):
        raise UserError(f"the classifier takes sounds [B, {LENGTH}, 1], these are {list(x.shape)}")
    return SoundClassifier(params["Dense_1"]["bias"].shape[0]).apply({"params": params}, x)  # type: ignore[return-value]


def drums() -> Features:
    """The classifier trained on the packaged drums' 67 training hits, with augmentation.

    It looks at sounds [B, 16384, 1] at 16 kHz in [-1, 1].
    """
    return packaged("drums", classify, f"log-mel at 16 kHz, {BANDS} bands, frames of {FRAME}, every {HOP}")
