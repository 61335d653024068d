"""Generators of this package with the weights of published PyTorch networks."""

from typing import TYPE_CHECKING

from gan_jax.lazy import face

if TYPE_CHECKING:
    from gan_jax.convert.r3gan_names import r3gan as r3gan
    from gan_jax.convert.state_dict import Converted as Converted
    from gan_jax.convert.stylegan2_names import stylegan2 as stylegan2

NAMES = {
    "gan_jax.convert.r3gan_names": "r3gan",
    "gan_jax.convert.state_dict": "Converted",
    "gan_jax.convert.stylegan2_names": "stylegan2",
}
__all__, __getattr__, __dir__ = face(__name__, NAMES)
