"""Augmentation: how the critic sees examples, real and fake alike.

Images' transforms stand here; those of other data in `voxels`, `sounds` and `clips`::

    augment.chain(augment.flip(), augment.sometimes(0.5, augment.rotate()))
    augment.adaptive(augment.ada, batch_size=64)
    augment.chain(augment.sounds.gain(), augment.sounds.shift())
"""

from typing import TYPE_CHECKING

from gan_jax.lazy import face

if TYPE_CHECKING:
    from gan_jax.augment import clips as clips, sounds as sounds, voxels as voxels
    from gan_jax.augment.adaptation import adaptive as adaptive
    from gan_jax.augment.algebra import (
        Action as Action,
        Transform as Transform,
        chain as chain,
        sometimes as sometimes,
    )
    from gan_jax.augment.colors import (
        brightness as brightness,
        contrast as contrast,
        hue as hue,
        luma_flip as luma_flip,
        saturation as saturation,
    )
    from gan_jax.augment.corruptions import cutout as cutout, noise as noise
    from gan_jax.augment.geometry import (
        anisotropic as anisotropic,
        flip as flip,
        rotate as rotate,
        rotate90 as rotate90,
        scale as scale,
        translate as translate,
        translate_subpixel as translate_subpixel,
    )
    from gan_jax.augment.pipelines import ada as ada, diff_augment as diff_augment

NAMES = {
    __name__: "clips sounds voxels",
    "gan_jax.augment.adaptation": "adaptive",
    "gan_jax.augment.algebra": "Action Transform chain sometimes",
    "gan_jax.augment.colors": "brightness contrast hue luma_flip saturation",
    "gan_jax.augment.corruptions": "cutout noise",
    "gan_jax.augment.geometry": "anisotropic flip rotate rotate90 scale translate translate_subpixel",
    "gan_jax.augment.pipelines": "ada diff_augment",
}
__all__, __getattr__, __dir__ = face(__name__, NAMES)
