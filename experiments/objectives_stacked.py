"""Stacked digits: how many of 1,000 modes do four objectives cover?

The networks are DCGAN's, narrower than PacGAN's (Lin et al. 2018, section 4.2: width 64, Adam 2e-4, b1 .5, batch 64).
The digits are the package's 4,000, not MNIST's 60,000. PacGAN's Table 2, after 50 epochs of 128,000: DCGAN 99 modes and
KL 3.40, PacDCGAN2 1000 and .06. R3GAN's ablation: relativistic with R1 and R2, 1000 and .078 (Huang et al. 2024).

Settings of relativistic: examples of 28x28x3, latents of 100, width 32, 10,000 updates, batch 64, 1 critic turn, Adam
0.0002, b1 0, b2 0.99, R1 1, R2 1, EMA 0.999.

gan-jax train experiments/objectives_stacked.py --objective packed
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import optax

from gan_jax import (
    Experiment,
    Network,
    Objective,
    Players,
    add,
    features,
    losses,
    measures,
    packed,
    penalties,
    priors,
    scale,
)
from gan_jax.data import stacked_digits
from gan_jax.nets import dcgan


class Rules(NamedTuple):
    objective: Objective
    optimizer: optax.GradientTransformation  # of each player
    critic_steps: int = 1
    pack: Callable[[Network], Network] = lambda critic: critic


r1, r2 = scale(penalties.r1(), 1.0), scale(penalties.r2(), 1.0)
gradient_penalty = scale(penalties.gradient_penalty(), 10.0)

RULES = {
    "non_saturating": Rules(losses.non_saturating(), optax.adam(2e-4, b1=0.5)),
    "packed": Rules(losses.non_saturating(), optax.adam(2e-4, b1=0.5), pack=lambda critic: packed(critic, 2)),
    "wgan_gp": Rules(
        add(adversarial=losses.wasserstein(), gradient_penalty=gradient_penalty),
        optax.adam(2e-4, b1=0.0, b2=0.9),
        critic_steps=5,
    ),
    "relativistic": Rules(add(adversarial=losses.relativistic(), r1=r1, r2=r2), optax.adam(2e-4, b1=0.0, b2=0.99)),
}


def experiment(
    *,
    steps: int = 10_000,
    batch_size: int = 64,
    objective: Literal["non_saturating", "packed", "wgan_gp", "relativistic"] = "relativistic",
    width: int = 32,
) -> Experiment:
    """Train the DCGAN under one of four objectives on stacks of three digits.

    Args:
      steps: Updates in all; PacGAN's 50 epochs are 100,000.
      batch_size: Examples per turn.
      objective: What the players minimise; packed is non-saturating with a critic of pairs.
      width: Channels of the image layers nearest the image; PacGAN's is 64.
    """
    rules = RULES[objective]
    return Experiment(
        data=stacked_digits(),
        nets=Players(
            critic=rules.pack(dcgan.critic(width=width, dropout=0.0)),
            generator=dcgan.generator(width=width, shape=(28, 28, 3)),
        ),
        objective=rules.objective,
        optimizers=Players(rules.optimizer, rules.optimizer),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        critic_steps=rules.critic_steps,
        measure=measures.stacked(features.digits()),
    )
