"""Many objectives play the same game on points in the plane: what does each cover over many seeds?

One pair of small MLPs and one number of updates for all; each objective has its own turns of the critic, learning rate
and betas. Learning rates fall to zero along a cosine. The first seven were chosen by a few short runs on the 25
Gaussians, and experiments/results has their results. The others add one published term each to the non-saturating
loss with R1, at a weight that trains here; BEGAN's critic is an autoencoder, which suits images better: here it covers
4 of the 25 modes.

Settings of relativistic: examples of 2, latents of 2, width 64, 5,000 updates, batch 128, 1 critic turn, Adam 0.005
along a cosine, b1 0, b2 0.99, R1 0.05, R2 0.05, EMA 0.99.

gan-jax train experiments/objectives_points.py --objective relativistic --num-seeds 8
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import optax

from gan_jax import (
    Array,
    Condition,
    Experiment,
    Mode,
    Network,
    Objective,
    Params,
    Players,
    Prior,
    add,
    auxiliary,
    clip_weights,
    every,
    losses,
    measures,
    nets,
    penalties,
    priors,
    regularizers,
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

# fmt: off
Name = Literal[
    "minimax", "non_saturating", "wgan", "wgan_gp", "sn_hinge", "r1", "relativistic", "began", "lecam",
    "feature_matching", "mode_seeking", "path_length", "orthogonal", "information",
]
# fmt: on


class Rules(NamedTuple):
    objective: Objective
    optimizer: Callable[[optax.Schedule], optax.GradientTransformation]  # of each player
    learning_rate: float = 5e-3
    critic_steps: int = 1
    critic: Callable[[int], Network] = lambda width: mlp.critic(width=width)
    prior: Prior = priors.normal(2)
    clip: optax.GradientTransformation = optax.identity()


def adam(b1: float, b2: float) -> Callable[[optax.Schedule], optax.GradientTransformation]:
    return lambda schedule: optax.adam(schedule, b1=b1, b2=b2)


def steeper(width: int) -> Network:
    """A critic under spectral norm, with logits 50 times as large.

    Its slopes are far below 1, and a hinge wants logits beyond 1. Without this, 3 of 25 modes were covered.
    """
    normalised = spectral_norm(mlp.critic(width=width))

    def apply(params: Params, stats: Params, x: Array, condition: Condition, mode: Mode) -> tuple[Array, Params]:
        logits, stats = normalised.apply(params, stats, x, condition, mode)
        return 50 * logits, stats

    return normalised._replace(apply=apply)


def with_heads(**heads: int) -> Callable[[int], Network]:
    """Critics with further outputs."""
    return lambda width: mlp.critic(width=width, heads=heads)


def autoencoder(width: int) -> Network:
    """A critic that reconstructs a point from one number."""
    encoder = mlp.critic(width=width, heads={"code": 1})
    return nets.reconstructing(nets.autoencoder(encoder, mlp.generator(width=width)))


CODES = priors.Codes(categorical=(25,))
r1, r2 = scale(penalties.r1(), 0.05), scale(penalties.r2(), 0.05)
gradient_penalty = scale(penalties.gradient_penalty(), 0.1)


def with_r1(**terms: Objective) -> Objective:
    """The non-saturating game with R1 and further terms."""
    return add(adversarial=losses.non_saturating(), r1=r1, **terms)


RULES: dict[Name, Rules] = {
    "minimax": Rules(losses.minimax(), adam(0.5, 0.999)),
    "non_saturating": Rules(losses.non_saturating(), adam(0.5, 0.999)),
    "wgan": Rules(losses.wasserstein(), optax.rmsprop, learning_rate=2e-3, critic_steps=5, clip=clip_weights(0.3)),
    "wgan_gp": Rules(
        add(adversarial=losses.wasserstein(), gradient_penalty=gradient_penalty), adam(0.5, 0.9), critic_steps=5
    ),
    "sn_hinge": Rules(losses.hinge(), adam(0.5, 0.999), critic=steeper),
    "r1": Rules(with_r1(), adam(0.0, 0.99)),
    "relativistic": Rules(add(adversarial=losses.relativistic(), r1=r1, r2=r2), adam(0.0, 0.99)),
    "began": Rules(losses.began(0.9, 0.01), adam(0.5, 0.999), learning_rate=1e-3, critic=autoencoder),
    "lecam": Rules(with_r1(lecam=scale(penalties.lecam(), 0.1)), adam(0.0, 0.99)),
    "feature_matching": Rules(
        with_r1(features=scale(auxiliary.feature_matching(), 0.1)), adam(0.0, 0.99), critic=with_heads()
    ),
    "mode_seeking": Rules(with_r1(mode_seeking=scale(regularizers.mode_seeking(), 0.1)), adam(0.0, 0.99)),
    "path_length": Rules(with_r1(path_length=every(4, scale(regularizers.path_length(), 0.01))), adam(0.0, 0.99)),
    "orthogonal": Rules(with_r1(orthogonal=scale(regularizers.orthogonal(), 1e-4)), adam(0.0, 0.99)),
    "information": Rules(
        with_r1(information=auxiliary.information(CODES)),
        adam(0.0, 0.99),
        critic=with_heads(codes=CODES.size),
        prior=priors.with_codes(priors.normal(2), CODES),
    ),
}


def experiment(
    *,
    steps: int = 5000,
    batch_size: int = 128,
    data: Literal["gaussians8", "gaussians25", "swiss_roll"] = "gaussians25",
    objective: Name = "relativistic",
    width: int = 64,
) -> Experiment:
    """Train MLPs under one of many objectives on points in the plane.

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
        nets=Players(critic=rules.critic(width), generator=mlp.generator(width=width)),
        objective=rules.objective,
        optimizers=Players(
            critic=optax.chain(optimizer(steps * rules.critic_steps), rules.clip), generator=optimizer(steps)
        ),
        prior=rules.prior,
        steps=steps,
        batch_size=batch_size,
        critic_steps=rules.critic_steps,
        ema_decay=0.99,
        view=views.points,
        measure=measure,
    )
