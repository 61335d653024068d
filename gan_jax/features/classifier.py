"""A small classifier of 28x28 images, whose features the metrics of digits and clothes are taken in.

`python experiments/features/train_classifier.py` trained the weights that the package holds.
"""

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.features.packaged import packaged
from gan_jax.nets.conv.convolution import Conv
from gan_jax.types import Array, Features, Params, Seen

FEATURES = 128


class Classifier(nn.Module):
    """Images [B, 28, 28, 1] in [-1, 1] -> Seen; its features are the means of the last layer over the image."""

    classes: int = 10

    @nn.compact
    def __call__(self, x: Array) -> Seen:
        for features, strides in ((32, 1), (64, 2), (64, 1), (128, 2), (FEATURES, 1)):
            x = nn.gelu(Conv(features, (3, 3), strides=strides)(x))
        x = jnp.mean(x, (1, 2))
        return Seen(x, nn.Dense(self.classes)(x))


def classify(params: Params, x: Array) -> Seen:
    """What the classifier with these parameters sees in images [B, 28, 28, 1] in [-1, 1]."""
    if x.shape[1:] != (28, 28, 1):
        raise UserError(f"the classifier sees images [B, 28, 28, 1], these are {list(x.shape)}")
    return Classifier(params["Dense_0"]["bias"].shape[0]).apply({"params": params}, x)  # type: ignore[return-value]


def digits() -> Features:
    """Trained on 4,000 of the packaged digits."""
    return packaged("digits", classify)


def fashion() -> Features:
    """Trained on the 60,000 training images of Fashion-MNIST."""
    return packaged("fashion", classify)
