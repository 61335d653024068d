"""Truncation of a model: samples that look better and vary less."""

from typing import Any

import jax
import jax.numpy as jnp

from gan_jax import latent, priors
from gan_jax.errors import UserError
from gan_jax.models.directions import has_styles, space_of
from gan_jax.models.model import Model
from gan_jax.trees import as_output
from gan_jax.types import Condition, Mode, Params


def truncated(model: Model, amount: float) -> Model:
    """The model with latents nearer to their mean.

    Args:
      model: The model.
      amount: For a generator with styles, their distance from the mean style relative to before (psi; Karras 2019,
        appendix B). For others, the largest entry of z: those beyond it are drawn again (Brock 2019, section 3.1).

    Raises:
      UserError: The amount is out of range.
    """
    if not has_styles(model):
        return model._replace(prior=priors.truncated(model.prior, amount))
    if not 0 <= amount <= 1:
        raise UserError(f"truncation {amount:g}: for styles it must be from 0 to 1")
    mean = latent.mean_latent(space_of(model), jax.random.key(0), conditions=model.conditions)
    network = model.network

    def apply(params: Params, stats: Params, z: Any, condition: Condition, mode: Mode) -> tuple[Any, Params]:
        output, stats = network.apply(params, stats, z, condition, mode)
        styles = as_output(output).extra
        nearer = latent.toward_mean(styles, jnp.broadcast_to(mean, styles.shape[1:]), amount)
        return network.apply(params, stats, nearer, condition, mode)

    return model._replace(network=network._replace(apply=apply))
