"""A small classifier of 28x28 images, whose features the metrics of digits and clothes use.

The packaged weights were trained by `python experiments/features/train_classifier.py`.
"""

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.features.packaged import packaged
from gan_jax.nets.conv.convolution import Conv
from gan_jax.types import Array, Features, Params, Seen

FEATURES = 128


class Classifier(nn.Module):
    """Images [B, 28, 28, 1] in [-1, 1] -> `Seen`; the features are the means of the last layer over the image.

    Attributes:
      classes: The number of classes.
    """

    classes: int = 10

    @nn.compact
    def __call__(self, x: Array) -> Seen:
        for features, strides in ((32, 1), (64, 2), (64, 1), (128, 2), (FEATURES, 1)):
            x = nn.gelu(Conv(features, (3, 3), strides=strides)(x))
        x = jnp.mean(x, (1, 2))
        return Seen(x, nn.Dense(self.classes)(x))


def classify(params: Params, x: Array) -> Seen:
    """Features and logits of images [B, 28, 28, 1] in [-1, 1], by the classifier with these parameters."""
    if x.shape[1:] != (28, 28, 1):
        raise UserError(
            f"the classifier takes images [B, 28, 28, 1], these are {list(x.shape)}: take effnet or inception"
        )
    return Classifier(params["Dense_0"]["bias"].shape[0]).apply({"params": params}, x)  # type: ignore[return-value]


def digits() -> Features:
    """The classifier trained on 4,000 of the packaged digits.

    It looks at images [B, 28, 28, 1] in [-1, 1].
    """
    return packaged("digits", classify)


def fashion() -> Features:
    """The classifier trained on the 60,000 training images of Fashion-MNIST.

    It looks at images [B, 28, 28, 1] in [-1, 1].
    """
    return packaged("fashion", classify)
