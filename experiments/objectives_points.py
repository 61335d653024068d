"""Seven objectives play the same game on points in the plane: what does each cover over many seeds?

One pair of small MLPs and one number of updates for all; each objective has its own turns of the critic, learning rate
and betas, chosen by a few short runs on the 25 Gaussians. Learning rates fall to zero along a cosine.
experiments/results has the results.

Settings of relativistic: examples of 2, latents of 2, width 64, 5,000 updates, batch 128, 1 critic turn, Adam 0.005
along a cosine, b1 0, b2 0.99, R1 0.05, R2 0.05, EMA 0.99.

gan-jax train experiments/objectives_points.py --objective relativistic --num-seeds 8
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import optax

from gan_jax import (
    Array,
    Experiment,
    Mode,
    Network,
    Objective,
    Params,
    Players,
    add,
    clip_weights,
    losses,
    measures,
    penalties,
    priors,
    scale,
    spectral_norm,
    views,
)
from gan_jax.data.packaged import points2d
from gan_jax.nets import mlp

DATA = {
    "gaussians8": (points2d.gaussians8, measures.mixture(points2d.CENTRES_8, points2d.SIGMA_8)),
    "gaussians25": (points2d.gaussians25, measures.mixture(points2d.CENTRES_25, points2d.SIGMA_25)),
    "swiss_roll": (points2d.swiss_roll, measures.plane()),
}


class Rules(NamedTuple):
    objective: Objective
    optimizer: Callable[[optax.Schedule], optax.GradientTransformation]  # of each player
    learning_rate: float = 5e-3
    critic_steps: int = 1
    normalise: Callable[[Network], Network] = lambda critic: critic
    clip: optax.GradientTransformation = optax.identity()


def adam(b1: float, b2: float) -> Callable[[optax.Schedule], optax.GradientTransformation]:
    return lambda schedule: optax.adam(schedule, b1=b1, b2=b2)


def steeper_spectral_norm(critic: Network) -> Network:
    """Spectral norm, with logits 50 times as large: its slopes are far below 1, and a hinge wants logits beyond 1.

    Without it 3 of 25 modes were covered.
    """
    normalised = spectral_norm(critic)

    def apply(params: Params, stats: Params, x: Array, label: Array | None, mode: Mode) -> tuple[Array, Params]:
        logits, stats = normalised.apply(params, stats, x, label, mode)
        return 50 * logits, stats

    return normalised._replace(apply=apply)


r1, r2 = scale(penalties.r1(), 0.05), scale(penalties.r2(), 0.05)
gradient_penalty = scale(penalties.gradient_penalty(), 0.1)

RULES = {
    "minimax": Rules(losses.minimax(), adam(0.5, 0.999)),
    "non_saturating": Rules(losses.non_saturating(), adam(0.5, 0.999)),
    "wgan": Rules(losses.wasserstein(), optax.rmsprop, learning_rate=2e-3, critic_steps=5, clip=clip_weights(0.3)),
    "wgan_gp": Rules(
        add(adversarial=losses.wasserstein(), gradient_penalty=gradient_penalty), adam(0.5, 0.9), critic_steps=5
    ),
    "sn_hinge": Rules(losses.hinge(), adam(0.5, 0.999), normalise=steeper_spectral_norm),
    "r1": Rules(add(adversarial=losses.non_saturating(), r1=r1), adam(0.0, 0.99)),
    "relativistic": Rules(add(adversarial=losses.relativistic(), r1=r1, r2=r2), adam(0.0, 0.99)),
}


def experiment(
    *,
    steps: int = 5000,
    batch_size: int = 128,
    data: Literal["gaussians8", "gaussians25", "swiss_roll"] = "gaussians25",
    objective: Literal[
        "minimax", "non_saturating", "wgan", "wgan_gp", "sn_hinge", "r1", "relativistic"
    ] = "relativistic",
    width: int = 64,
) -> Experiment:
    """Train MLPs under one of seven objectives on points in the plane.

    Args:
      steps: Updates in all.
      batch_size: Examples per turn.
      data: The distribution to learn.
      objective: What the players minimise.
      width: Units of each of the three hidden layers of both players.
    """
    source, measure = DATA[data]
    rules = RULES[objective]

    def optimizer(turns: int) -> optax.GradientTransformation:
        return rules.optimizer(optax.cosine_decay_schedule(rules.learning_rate, max(turns, 1)))

    return Experiment(
        data=source(),
        nets=Players(critic=rules.normalise(mlp.critic(width=width)), generator=mlp.generator(width=width)),
        objective=rules.objective,
        optimizers=Players(
            critic=optax.chain(optimizer(steps * rules.critic_steps), rules.clip), generator=optimizer(steps)
        ),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        critic_steps=rules.critic_steps,
        ema_decay=0.99,
        view=views.points,
        measure=measure,
    )
