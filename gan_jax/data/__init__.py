"""Data sets: packaged ones, files of your own, and TensorFlow Datasets. `Source` defines what a data set is."""

from typing import TYPE_CHECKING

from gan_jax.lazy import face

if TYPE_CHECKING:
    from gan_jax.data.conditions import conditioned as conditioned, paired as paired
    from gan_jax.data.folders.clips import clips as clips
    from gan_jax.data.folders.images import images as images, train_and_test_images as train_and_test_images
    from gan_jax.data.folders.meshes import meshes as meshes
    from gan_jax.data.folders.sounds import sounds as sounds
    from gan_jax.data.folders.text import text as text
    from gan_jax.data.lines import Text as Text
    from gan_jax.data.packaged.bible import new_testament as new_testament
    from gan_jax.data.packaged.digits import digits as digits
    from gan_jax.data.packaged.drums import drums as drums
    from gan_jax.data.packaged.furniture import furniture as furniture
    from gan_jax.data.packaged.moving_digits import moving_digits as moving_digits
    from gan_jax.data.packaged.points2d import (
        gaussians8 as gaussians8,
        gaussians25 as gaussians25,
        swiss_roll as swiss_roll,
    )
    from gan_jax.data.packaged.stacked import stacked_digits as stacked_digits
    from gan_jax.data.source import Source as Source, endless as endless, on_device as on_device
    from gan_jax.data.tfds.images import tfds_images as tfds_images
    from gan_jax.data.tfds.prepare import prepare as prepare
    from gan_jax.data.tfds.sounds import tfds_sounds as tfds_sounds
    from gan_jax.data.tfds.text import tfds_text as tfds_text
    from gan_jax.data.tfds.video import tfds_video as tfds_video
    from gan_jax.data.transforms import dequantize as dequantize, mirror as mirror

NAMES = {
    "gan_jax.data.conditions": "conditioned paired",
    "gan_jax.data.folders.clips": "clips",
    "gan_jax.data.folders.images": "images train_and_test_images",
    "gan_jax.data.folders.meshes": "meshes",
    "gan_jax.data.folders.sounds": "sounds",
    "gan_jax.data.folders.text": "text",
    "gan_jax.data.lines": "Text",
    "gan_jax.data.packaged.bible": "new_testament",
    "gan_jax.data.packaged.digits": "digits",
    "gan_jax.data.packaged.drums": "drums",
    "gan_jax.data.packaged.furniture": "furniture",
    "gan_jax.data.packaged.moving_digits": "moving_digits",
    "gan_jax.data.packaged.points2d": "gaussians25 gaussians8 swiss_roll",
    "gan_jax.data.packaged.stacked": "stacked_digits",
    "gan_jax.data.source": "Source endless on_device",
    "gan_jax.data.tfds.images": "tfds_images",
    "gan_jax.data.tfds.prepare": "prepare",
    "gan_jax.data.tfds.sounds": "tfds_sounds",
    "gan_jax.data.tfds.text": "tfds_text",
    "gan_jax.data.tfds.video": "tfds_video",
    "gan_jax.data.transforms": "dequantize mirror",
}
__all__, __getattr__, __dir__ = face(__name__, NAMES)
