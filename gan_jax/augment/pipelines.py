"""Published pipelines of image transforms."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from gan_jax.augment.algebra import Action, Probability, Shape, Transform, chain, per_example, sometimes
from gan_jax.augment.colors import (
    COLORS,
    added,
    brightness,
    contrast,
    hue,
    identity,
    luma_flip,
    saturated,
    saturation,
)
from gan_jax.augment.corruptions import cutout, noise
from gan_jax.augment.geometry import (
    IMAGES,
    anisotropic,
    flip,
    hashable,
    moved,
    pixels,
    rotate,
    rotate90,
    scale,
    translate,
    translate_subpixel,
)
from gan_jax.augment.warp import Background
from gan_jax.errors import UserError
from gan_jax.types import Array, Augment


def ada(p: Probability = 1.0, *, color: float = 1.0, corrupt: float = 0.0, background: Background = None) -> Augment:
    """The pipeline of StyleGAN2-ADA: moves of whole pixels, geometry and colour, each with probability p.

    Whole pixels are moved first, exactly; the paper resamples once for both.

    Args:
      p: A number, a schedule of the step, or a traced array, as from `adaptive`.
      color: Probability of the colour transforms relative to p; 0.5 in R3GAN.
      corrupt: Probability of noise and cutout relative to p. The paper's choice is 0 ("bgc").
      background: The colour from outside the frame, one number or one for each channel. By default the image is
        reflected at its edges, as in the paper.

    Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", appendix B.

    Raises:
      ValueError: A share outside [0, 1].
    """
    for name, value in {"color": color, "corrupt": corrupt}.items():
        if not 0 <= value <= 1:
            raise UserError(f"{name} {value}: it must be from 0 to 1")

    def share(factor: float) -> Callable[[Array], Any]:
        return lambda step: factor * (p(step) if callable(p) else p)

    def of_two(step: Array) -> Array:  # one of two rotations or both happen with probability p
        return 1 - jnp.sqrt(1 - jnp.clip(share(1)(step), 0, 1))

    whole = [flip(background), rotate90(background), translate(background=background)]
    turn = sometimes(of_two, rotate(background=background))
    geometry = [
        sometimes(p, scale(background=background)),
        turn,
        sometimes(p, anisotropic(background=background)),
        turn,
        sometimes(p, translate_subpixel(background=background)),
    ]
    colors = [brightness(), contrast(), luma_flip(), hue(), saturation()]
    return chain(
        *[sometimes(p, transform) for transform in whole],
        *geometry,
        *[sometimes(share(color), transform) for transform in colors if color],
        *[sometimes(share(corrupt), transform) for transform in (noise(), cutout()) if corrupt],
    )


def diff_augment(background: Background = 0.0) -> Augment:
    """The three policies of DiffAugment, always on: colour, translation by up to 1/8, and cutout of 1/2.

    Args:
      background: The colour from outside the frame. The paper's is 0, grey.

    Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", section 4.
    """

    def brighter(numbers: Array, shape: Shape, step: Array) -> Array:
        identity(shape)
        return added(numbers[0] - 0.5)

    def more_saturated(numbers: Array, shape: Shape, step: Array) -> Array:
        return identity(shape) if shape[-1] == 1 else saturated(2 * numbers[0])

    def more_contrast(numbers: Array, shape: Shape, step: Array) -> Array:
        return 0.5 + numbers[0]

    return chain(
        Transform("brightness", COLORS, 1, brighter),
        Transform("saturation", COLORS, 1, more_saturated),
        Transform("contrast", ABOUT_MEAN, 1, more_contrast),
        Transform("translate", pixels(hashable(background)), 2, up_to_an_eighth),
        cutout(),
    )


def up_to_an_eighth(numbers: Array, shape: Shape, step: Array) -> Array:
    """A translation by whole pixels, each up to an eighth of the side equally likely."""
    most = jnp.array([int(side / 8 + 0.5) for side in (shape[1], shape[0])])
    return moved(jnp.floor((2 * most + 1) * numbers) - most)


def stretch_about_mean(factor: Array, x: Array) -> Array:
    """Multiplies each image's distance from its own mean."""
    mean = jnp.mean(x, axis=(1, 2, 3), keepdims=True)
    return mean + per_example(factor, x).astype(x.dtype) * (x - mean)


ABOUT_MEAN = Action(IMAGES, 4, lambda shape: jnp.ones(()), jnp.multiply, stretch_about_mean)
