"""Critics that reconstruct examples, as in EBGAN (Zhao 2017) and BEGAN (Berthelot 2017)."""

from typing import Any

import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.types import Array, Condition, Mode, Network, Output, Params


def autoencoder(encoder: Network, decoder: Network, head: str = "code") -> Network:
    """Examples -> their reconstructions: the decoder of the encoder's code.

    Args:
      encoder: A critic that gives the code [B, C] in `Output.extra`, such as `dcgan.critic(heads={"code": 64})`.
      decoder: A generator from latents [B, C] to examples.
      head: The name of the code.
    """

    def encode(params: Params, stats: Params, x: Any, condition: Condition, mode: Mode) -> tuple[Array, Params]:
        output, stats = encoder.apply(params, stats, x, condition, mode)
        if not isinstance(output, Output) or head not in output.extra:
            raise UserError(f"the encoder gives no {head!r}: build it with heads={{{head!r}: size}}")
        return output.extra[head], stats

    def init(key: Array, x: Any, condition: Condition) -> tuple[Params, Params]:
        encoder_key, decoder_key = jax.random.split(key)
        of_encoder = encoder.init(encoder_key, x, condition)
        code = jax.eval_shape(lambda: encode(*of_encoder, x, condition, Mode())[0])
        of_decoder = decoder.init(decoder_key, jnp.zeros(code.shape, code.dtype), condition)
        params, stats = ({"encoder": a, "decoder": b} for a, b in zip(of_encoder, of_decoder))
        return params, stats if any(stats.values()) else {}

    def apply(params: Params, stats: Params, x: Any, condition: Condition, mode: Mode) -> tuple[Any, Params]:
        code, of_encoder = encode(params["encoder"], stats.get("encoder", {}), x, condition, mode)
        y, of_decoder = decoder.apply(params["decoder"], stats.get("decoder", {}), code, condition, mode)
        return y, {"encoder": of_encoder, "decoder": of_decoder} if stats else {}

    def advance(params: Params, stats: Params) -> Params:
        parts = {"encoder": encoder, "decoder": decoder}
        return {name: part.advance(params[name], stats[name]) for name, part in parts.items()} if stats else {}

    def mixes_examples(stats: Params) -> bool:
        return encoder.mixes_examples(stats.get("encoder", {})) or decoder.mixes_examples(stats.get("decoder", {}))

    return Network(init, apply, advance, mixes_examples)


def reconstructing(network: Network) -> Network:
    """A critic whose logits [B] are minus the mean absolute error of the network's reconstruction of each example.

    Args:
      network: Examples -> examples, such as an `autoencoder`.
    """

    def apply(params: Params, stats: Params, x: Any, condition: Condition, mode: Mode) -> tuple[Array, Params]:
        y, stats = network.apply(params, stats, x, condition, mode)
        if jnp.shape(y) != jnp.shape(x):
            raise UserError(f"a reconstruction has the shape of the examples: {jnp.shape(y)} isn't {jnp.shape(x)}")
        return -jnp.mean(jnp.abs(y - x), range(1, x.ndim)), stats

    return network._replace(apply=apply)
