"""Packing, against mode collapse: a critic that judges several examples together sees that they are all alike.

Lin et al. 2018 (PacGAN), section 2. A wrapper of networks, as `spectral_norm` is.
"""

import dataclasses

import jax.numpy as jnp

from gan_jax.types import Array, Mode, Network, Params


def packed(critic: Network, size: int) -> Network:
    """The critic of packs of `size` examples, joined along their last axis; it gives each the logit of its pack.

    Packs are neighbours in the batch [B, ...], so `size` must divide the part of the batch on each device. The critic
    sees B / size packs [..., size * C]: the mean of a loss over B logits is its mean over packs. Logits depend on
    other examples than one's own, so penalties of the slope are refused, as they are with batch normalisation.

    Raises:
      ValueError: packs of fewer than one, a batch that doesn't divide, or labels.
    """
    if size < 1:
        raise ValueError(f"packs of {size}: they have 1 example or more")

    def pack(x: Array, label: Array | None) -> Array:
        if label is not None:
            raise ValueError("a packed critic has no labels: leave them out of the data")
        if x.shape[0] % size:
            raise ValueError(f"{x.shape[0]} examples on a device don't make packs of {size}: use another batch size")
        packs = x.reshape(x.shape[0] // size, size, *x.shape[1:])
        return jnp.concatenate([packs[:, place] for place in range(size)], -1)

    def init(key: Array, x: Array, label: Array | None) -> tuple[Params, Params]:
        return critic.init(key, pack(jnp.repeat(x, size, 0), label), None)

    def apply(params: Params, stats: Params, x: Array, label: Array | None, mode: Mode) -> tuple[Array, Params]:
        keys = None if mode.keys is None else mode.keys[::size]
        packs_mode = dataclasses.replace(mode, keys=keys)
        logits, stats = critic.apply(params, stats, pack(x, label), None, packs_mode)
        return jnp.repeat(logits, size, 0), stats

    return critic._replace(init=init, apply=apply, mixes_examples=size > 1)
