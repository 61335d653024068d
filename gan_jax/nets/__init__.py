"""Networks: one file per family. `from_linen`, `from_nnx` and `from_equinox` turn any module into a `Network`."""

from typing import TYPE_CHECKING

from gan_jax.lazy import face

if TYPE_CHECKING:
    from gan_jax.nets import (
        attention as attention,
        biggan as biggan,
        conv as conv,
        convlstm as convlstm,
        dcgan as dcgan,
        gan3d as gan3d,
        language as language,
        layers as layers,
        mlp as mlp,
        r3gan as r3gan,
        radford as radford,
        resnet as resnet,
        stylegan2 as stylegan2,
        vgan as vgan,
        wavegan as wavegan,
    )
    from gan_jax.nets.equinox import from_equinox as from_equinox
    from gan_jax.nets.linen import from_linen as from_linen
    from gan_jax.nets.nnx import from_nnx as from_nnx
    from gan_jax.nets.reconstruct import autoencoder as autoencoder, reconstructing as reconstructing

NAMES = {
    __name__: "attention biggan conv convlstm dcgan gan3d language layers mlp r3gan radford resnet stylegan2 vgan "
    "wavegan",
    "gan_jax.nets.reconstruct": "autoencoder reconstructing",
    "gan_jax.nets.linen": "from_linen",
    "gan_jax.nets.nnx": "from_nnx",
    "gan_jax.nets.equinox": "from_equinox",
}
__all__, __getattr__, __dir__ = face(__name__, NAMES)
