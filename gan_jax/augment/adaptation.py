"""Augmentation whose probability follows the critic's overfitting (ADA, Karras 2020)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.errors import UserError
from gan_jax.types import Array, Augment, Game, State


def adaptive(
    pipeline: Callable[[Array], Augment], batch_size: int, *, target: float = 0.6, horizon: int = 500_000
) -> Augment:
    """Adapt an augmentation's probability p to the mean sign of the critic's logits of real examples.

    After each turn of the critic, p rises by `batch_size / horizon` if that mean is above the target, a sign of
    overfitting, and falls by as much if it is below. It starts at 0 and stays in [0, 1]. The paper moves p every fourth
    turn, by four times as much.

    Args:
      pipeline: p [] -> the augmentation, which must be stateless, such as `ada` itself or
        `lambda p: chain(flip(), sometimes(p, rotate()))`.
      batch_size: Real examples in one turn of the critic, on all devices together.
      target: The mean sign of the real logits that p keeps to.
      horizon: The real examples in which p can go from 0 to 1. Give less in a run that sees fewer.

    Returns:
      An augmentation whose state is `{"p": []}`.

    Raises:
      ValueError: A batch size or horizon below 1, a target outside (-1, 1), or another pipeline.

    Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", section 3.
    """
    if batch_size < 1 or horizon < 1:
        raise UserError(f"batch_size {batch_size} and horizon {horizon}: each must be 1 or more")
    if not -1 < target < 1:
        raise UserError(f"target {target}: the mean sign of logits lies between -1 and 1")
    check_pipeline(pipeline)

    def apply(state: State, keys: Array, x: Any, step: Array) -> Any:
        augment = pipeline(state["p"])
        return augment.apply(augment.init(), keys, x, step)

    def advance(state: State, game: Game) -> State:
        signs = [game.mean(jnp.sign(logits)) for logits in jax.tree.leaves(game.logits.real)]
        direction = jnp.sign(jnp.mean(jnp.stack(signs)) - target)
        return {"p": jnp.clip(state["p"] + batch_size / horizon * direction, 0, 1).astype(jnp.float32)}

    return Augment(init=lambda: {"p": jnp.zeros((), jnp.float32)}, apply=apply, advance=advance)


def check_pipeline(pipeline: Any) -> None:
    """Raises UserError unless a pipeline maps p to a stateless augmentation."""
    want = "adaptive takes a function of p, such as augment.ada or lambda p: augment.chain(augment.sometimes(p, ...))"
    if not callable(pipeline):
        raise UserError(f"{want}, not {type(pipeline).__name__}")
    try:
        augment = pipeline(np.float32(0))  # not jnp's, which would start JAX before `distributed.initialize`
    except TypeError as error:
        raise UserError(f"{want}: this one fails at p = 0 ({error}); is p its first argument?") from error
    if not isinstance(augment, Augment):
        raise UserError(f"{want}: this one returns {type(augment).__name__}, not Augment")
    if jax.tree.leaves(augment.init()):
        raise UserError("adaptive takes a stateless pipeline, this one has a state: chain the two instead")
