"""Seven objectives play the same game on digits or clothes: which draws best in the same time?

One DCGAN and one batch size for all; each objective has its own turns of the critic, learning rate and betas of Adam.
Learning rates are the best of three to five, each at least twice the one before, by the Fréchet distance of the digits
after half of the budget. They fall to zero along a cosine, so `steps` is the budget: experiments/results/measure.py
gives each objective as many as it can make in the same time.

Settings of relativistic: examples of 28x28x1, latents of 100, width 32, 4,000 updates, batch 16, 1 critic turn, Adam
0.002 along a cosine, b1 0, b2 0.99, R1 1, R2 1, EMA 0.99.

gan-jax train experiments/objectives_digits.py --objective relativistic
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import optax

from gan_jax import (
    Experiment,
    Network,
    Objective,
    Players,
    add,
    clip_weights,
    features,
    losses,
    measures,
    penalties,
    priors,
    scale,
    spectral_norm,
)
from gan_jax.data import digits, tfds_images
from gan_jax.nets import dcgan


class Rules(NamedTuple):
    objective: Objective
    optimizer: Callable[[optax.Schedule], optax.GradientTransformation]  # of each player
    learning_rate: float
    critic_steps: int = 1
    normalise: Callable[[Network], Network] = lambda critic: critic
    clip: optax.GradientTransformation = optax.identity()


def adam(b1: float, b2: float) -> Callable[[optax.Schedule], optax.GradientTransformation]:
    return lambda schedule: optax.adam(schedule, b1=b1, b2=b2)


r1, r2 = scale(penalties.r1(), 1.0), scale(penalties.r2(), 1.0)
gradient_penalty = scale(penalties.gradient_penalty(), 10.0)

RULES = {
    "minimax": Rules(losses.minimax(), adam(0.5, 0.999), 1e-3),
    "non_saturating": Rules(losses.non_saturating(), adam(0.5, 0.999), 1e-3),
    "wgan": Rules(losses.wasserstein(), lambda schedule: optax.rmsprop(schedule, decay=0.99), 2e-3, critic_steps=5,
                  clip=clip_weights(0.02)),
    "wgan_gp": Rules(add(adversarial=losses.wasserstein(), gradient_penalty=gradient_penalty), adam(0.0, 0.9), 2e-3,
                     critic_steps=2),
    "sn_hinge": Rules(losses.hinge(), adam(0.0, 0.9), 1e-3, normalise=spectral_norm),
    "r1": Rules(add(adversarial=losses.non_saturating(), r1=r1), adam(0.0, 0.99), 1e-3),
    "relativistic": Rules(add(adversarial=losses.relativistic(), r1=r1, r2=r2), adam(0.0, 0.99), 2e-3),
}  # fmt: skip


def experiment(
    *,
    steps: int = 4000,
    batch_size: int = 16,
    data: Literal["digits", "fashion_mnist"] = "digits",
    objective: Literal[
        "minimax", "non_saturating", "wgan", "wgan_gp", "sn_hinge", "r1", "relativistic"
    ] = "relativistic",
    learning_rate: float | None = None,
    width: int = 32,
    data_dir: Path | None = None,
) -> Experiment:
    """Train the DCGAN under one of seven objectives on images of 28x28 pixels.

    Args:
      steps: Updates in all.
      batch_size: Examples per turn.
      data: The packaged digits, or Fashion-MNIST as `gan-jax prepare fashion_mnist` leaves it.
      objective: What the players minimise.
      learning_rate: Initial rate of both players; by default the objective's own.
      width: Channels of the image layers nearest the image.
      data_dir: Where Fashion-MNIST was prepared; by default TFDS' own folder.
    """
    rules = RULES[objective]

    def optimizer(turns: int) -> optax.GradientTransformation:
        rate = rules.learning_rate if learning_rate is None else learning_rate
        return rules.optimizer(optax.cosine_decay_schedule(rate, max(turns, 1)))

    return Experiment(
        data=digits() if data == "digits" else tfds_images(data, data_dir=data_dir),
        nets=Players(
            critic=rules.normalise(dcgan.critic(width=width, dropout=0.0)), generator=dcgan.generator(width=width)
        ),
        objective=rules.objective,
        optimizers=Players(
            critic=optax.chain(optimizer(steps * rules.critic_steps), rules.clip), generator=optimizer(steps)
        ),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        critic_steps=rules.critic_steps,
        ema_decay=0.99,
        measure=measures.images(features.digits() if data == "digits" else features.fashion()),
    )
