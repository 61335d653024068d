"""The networks whose features the metrics use."""

from typing import TYPE_CHECKING

from gan_jax.lazy import face

if TYPE_CHECKING:
    from gan_jax.features.classifier import digits as digits, fashion as fashion
    from gan_jax.features.drum_classifier import drums as drums
    from gan_jax.features.efficientnet import efficientnet_lite0 as efficientnet_lite0
    from gan_jax.features.inception_v3 import inception as inception
    from gan_jax.features.moving_digits import clips as clips, frames as frames
    from gan_jax.features.names import named as named

NAMES = {
    "gan_jax.features.classifier": "digits fashion",
    "gan_jax.features.drum_classifier": "drums",
    "gan_jax.features.efficientnet": "efficientnet_lite0",
    "gan_jax.features.inception_v3": "inception",
    "gan_jax.features.moving_digits": "clips frames",
    "gan_jax.features.names": "named",
}
__all__, __getattr__, __dir__ = face(__name__, NAMES)
