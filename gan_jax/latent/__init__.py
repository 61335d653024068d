"""Tools for a generator's latents: directions, truncation, the length of paths, and the latents of a given example.

They work in a `Space`, that of z or that of a generator's styles::

    space = latent.z_space(generator, variables, prior)
    z = space.draw(keys, condition)
    found = latent.principal_directions(z, look(space.generate(z, keys, condition)), 10)
    moved = z + 2 * found.scales[0] * found.vectors[0]  # by two standard deviations
"""

from typing import TYPE_CHECKING

from gan_jax.lazy import face

if TYPE_CHECKING:
    from gan_jax.latent.directions import (
        Directions as Directions,
        factorised_directions as factorised_directions,
        principal_directions as principal_directions,
    )
    from gan_jax.latent.inversion import Inversion as Inversion, invert as invert, within as within
    from gan_jax.latent.kernels import first_kernels as first_kernels
    from gan_jax.latent.path_length import perceptual_path_length as perceptual_path_length
    from gan_jax.latent.space import (
        Space as Space,
        mean_latent as mean_latent,
        style_space as style_space,
        toward_mean as toward_mean,
        z_space as z_space,
    )

NAMES = {
    "gan_jax.latent.directions": "Directions factorised_directions principal_directions",
    "gan_jax.latent.kernels": "first_kernels",
    "gan_jax.latent.inversion": "Inversion invert within",
    "gan_jax.latent.path_length": "perceptual_path_length",
    "gan_jax.latent.space": "Space mean_latent style_space toward_mean z_space",
}
__all__, __getattr__, __dir__ = face(__name__, NAMES)
