"""Many objectives play the same game on digits or clothes: which draws best in the same time?

One DCGAN and one batch size for all; each objective has its own turns of the critic, learning rate and betas of Adam.
Learning rates fall to zero along a cosine, so `steps` is the budget. Those of the first seven are the best of three to
five, each at least twice the one before, by the Fréchet distance of the digits after half of the budget;
experiments/results/measure.py gives each as many updates as it can make in the same time. The others add one published
term each to the non-saturating loss with R1. BEGAN's critic is an autoencoder; after 1,000 updates, half of its
samples are blank. In the classification game alone, the generator gets the class.

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
    Prior,
    add,
    augment,
    auxiliary,
    clip_weights,
    every,
    features,
    losses,
    measures,
    nets,
    penalties,
    priors,
    regularizers,
    scale,
    spectral_norm,
)
from gan_jax.data import digits, tfds_images
from gan_jax.nets import dcgan
from gan_jax.nets.layers import LayerNorm

# fmt: off
Name = Literal[
    "minimax", "non_saturating", "wgan", "wgan_gp", "sn_hinge", "r1", "relativistic", "began", "lecam", "consistency",
    "feature_matching", "mode_seeking", "path_length", "orthogonal", "classification", "information",
]
# fmt: on


def generator(width: int) -> Network:
    return dcgan.generator(width=width)


def critic(width: int) -> Network:
    return dcgan.critic(width=width, dropout=0.0)


def critic_with_heads(**heads: int) -> Callable[[int], Network]:
    return lambda width: dcgan.critic(width=width, dropout=0.0, heads=heads)


def autoencoder(width: int) -> Network:
    encoder = dcgan.critic(width=width, dropout=0.0, heads={"code": 64})
    return nets.reconstructing(nets.autoencoder(encoder, dcgan.generator(width=width)))


class Rules(NamedTuple):
    objective: Objective
    optimizer: Callable[[optax.Schedule], optax.GradientTransformation]  # of each player
    learning_rate: float
    critic_steps: int = 1
    critic: Callable[[int], Network] = critic
    generator: Callable[[int], Network] = generator
    prior: Prior = priors.normal(100)
    clip: optax.GradientTransformation = optax.identity()


def adam(b1: float, b2: float) -> Callable[[optax.Schedule], optax.GradientTransformation]:
    return lambda schedule: optax.adam(schedule, b1=b1, b2=b2)


r1, r2 = scale(penalties.r1(), 1.0), scale(penalties.r2(), 1.0)
gradient_penalty = scale(penalties.gradient_penalty(), 10.0)
moved = augment.chain(augment.translate())
CODES = priors.Codes(categorical=(10,), continuous=2)


def with_r1(**terms: Objective) -> Objective:
    """The non-saturating game with R1 and further terms."""
    return add(adversarial=losses.non_saturating(), r1=r1, **terms)


RULES: dict[Name, Rules] = {
    "minimax": Rules(losses.minimax(), adam(0.5, 0.999), 1e-3),
    "non_saturating": Rules(losses.non_saturating(), adam(0.5, 0.999), 1e-3),
    "wgan": Rules(losses.wasserstein(), lambda schedule: optax.rmsprop(schedule, decay=0.99), 2e-3, critic_steps=5,
                  clip=clip_weights(0.02)),
    "wgan_gp": Rules(add(adversarial=losses.wasserstein(), gradient_penalty=gradient_penalty), adam(0.0, 0.9), 2e-3,
                     critic_steps=2),
    "sn_hinge": Rules(losses.hinge(), adam(0.0, 0.9), 1e-3, critic=lambda width: spectral_norm(critic(width))),
    "r1": Rules(with_r1(), adam(0.0, 0.99), 1e-3),
    "relativistic": Rules(add(adversarial=losses.relativistic(), r1=r1, r2=r2), adam(0.0, 0.99), 2e-3),
    "began": Rules(losses.began(0.5, 0.01), adam(0.5, 0.999), 1e-3, critic=autoencoder),
    "lecam": Rules(with_r1(lecam=scale(penalties.lecam(), 0.1)), adam(0.0, 0.99), 1e-3),
    "consistency": Rules(with_r1(consistency=scale(penalties.consistency(moved), 10.0)), adam(0.0, 0.99), 1e-3),
    "feature_matching": Rules(with_r1(features=scale(auxiliary.feature_matching(), 1e-3)), adam(0.0, 0.99), 1e-3,
                              critic=critic_with_heads()),
    "mode_seeking": Rules(with_r1(mode_seeking=scale(regularizers.mode_seeking(), 0.1)), adam(0.0, 0.99), 1e-3),
    "path_length": Rules(with_r1(path_length=every(8, scale(regularizers.path_length(), 2.0))), adam(0.0, 0.99), 1e-3,
                         generator=lambda width: dcgan.generator(width=width, norm=LayerNorm)),
    "orthogonal": Rules(with_r1(orthogonal=scale(regularizers.orthogonal(), 1e-4)), adam(0.0, 0.99), 1e-3),
    "classification": Rules(with_r1(classes=auxiliary.classification()), adam(0.0, 0.99), 1e-3,
                            critic=critic_with_heads(classes=10),
                            generator=lambda width: dcgan.generator(width=width, classes=10)),
    "information": Rules(with_r1(codes=auxiliary.information(CODES)), adam(0.0, 0.99), 1e-3,
                         critic=critic_with_heads(codes=CODES.size),
                         prior=priors.with_codes(priors.normal(62), CODES)),
}  # fmt: skip


def experiment(
    *,
    steps: int = 4000,
    batch_size: int = 16,
    data: Literal["digits", "fashion_mnist"] = "digits",
    objective: Name = "relativistic",
    learning_rate: float | None = None,
    width: int = 32,
    data_dir: Path | None = None,
) -> Experiment:
    """Train the DCGAN under one of many objectives on images of 28x28 pixels.

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
        nets=Players(critic=rules.critic(width), generator=rules.generator(width)),
        objective=rules.objective,
        optimizers=Players(
            critic=optax.chain(optimizer(steps * rules.critic_steps), rules.clip), generator=optimizer(steps)
        ),
        prior=rules.prior,
        steps=steps,
        batch_size=batch_size,
        critic_steps=rules.critic_steps,
        ema_decay=0.99,
        measure=measures.images(features.digits() if data == "digits" else features.fashion()),
    )
