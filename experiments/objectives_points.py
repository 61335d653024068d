"""Seven objectives play the same game on points in the plane: what does each cover, over many seeds?

One pair of MLPs, one batch size; turns of the critic, learning rates and Adam's betas are each objective's own, as its
paper has them or near. experiments/results/points.py runs all of them and keeps the figures.

gan-jax train experiments/objectives_points.py --objective relativistic --num-seeds 8
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import optax

from gan_jax import losses, measures, penalties, pictures, priors
from gan_jax.constraints import clip_weights, spectral_norm
from gan_jax.data import points2d
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.objectives import add, scale
from gan_jax.types import Network, Objective, Players

DATA = {
    "gaussians8": (points2d.gaussians8, measures.mixture(points2d.CENTRES_8, points2d.SIGMA_8)),
    "gaussians25": (points2d.gaussians25, measures.mixture(points2d.CENTRES_25, points2d.SIGMA_25)),
    "swiss_roll": (points2d.swiss_roll, measures.plane()),
}


class Rules(NamedTuple):
    objective: Objective
    optimizer: optax.GradientTransformation  # of each player
    critic_steps: int = 1
    normalise: Callable[[Network], Network] = lambda critic: critic
    clip: optax.GradientTransformation = optax.identity()


adam, zero_beta = optax.adam(1e-3, b1=0.5), optax.adam(1e-3, b1=0.0, b2=0.99)
r1, r2 = scale(penalties.r1(), 0.1), scale(penalties.r2(), 0.1)
gradient_penalty = scale(penalties.gradient_penalty(), 0.1)

RULES = {
    "minimax": Rules(losses.minimax(), adam),
    "non_saturating": Rules(losses.non_saturating(), adam),
    "wgan": Rules(losses.wasserstein(), optax.rmsprop(5e-4), critic_steps=5, clip=clip_weights(0.1)),
    "wgan_gp": Rules(
        add(adversarial=losses.wasserstein(), gradient_penalty=gradient_penalty),
        optax.adam(1e-3, b1=0.5, b2=0.9),
        critic_steps=5,
    ),
    "sn_hinge": Rules(losses.hinge(), adam, normalise=spectral_norm),
    "r1": Rules(add(adversarial=losses.non_saturating(), r1=r1), zero_beta),
    "relativistic": Rules(add(adversarial=losses.relativistic(), r1=r1, r2=r2), zero_beta),
}


def experiment(
    *,
    steps: int = 10_000,
    batch_size: int = 256,
    data: Literal["gaussians8", "gaussians25", "swiss_roll"] = "gaussians25",
    objective: Literal[
        "minimax", "non_saturating", "wgan", "wgan_gp", "sn_hinge", "r1", "relativistic"
    ] = "relativistic",
    width: int = 128,
) -> Experiment:
    """Train MLPs under one of seven objectives on points in the plane.

    Args:
      steps: Updates in all.
      batch_size: Examples a turn.
      data: The distribution to be learnt.
      objective: What the players minimise.
      width: Of the three hidden layers of both players.
    """
    source, measure = DATA[data]
    rules = RULES[objective]
    return Experiment(
        data=source(),
        nets=Players(critic=rules.normalise(mlp.critic(width=width)), generator=mlp.generator(width=width)),
        objective=rules.objective,
        optimizers=Players(critic=optax.chain(rules.optimizer, rules.clip), generator=rules.optimizer),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        critic_steps=rules.critic_steps,
        view=pictures.points,
        measure=measure,
    )
