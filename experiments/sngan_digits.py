"""SNGAN (Miyato et al. 2018): spectral normalisation and the hinge loss, on the packaged digits.

Batch, critic turns and learning rate are chosen for three minutes on two cores; Adam's betas are those of the paper's
ResNet.

Settings: examples of 28x28x1, latents of 100, width 32, 4,000 updates, batch 16, 1 critic turn, Adam 0.001 along a
cosine, b1 0, b2 0.9, EMA 0.99.

gan-jax train experiments/sngan_digits.py
"""

import optax

from gan_jax import Experiment, Players, features, losses, measures, priors, spectral_norm
from gan_jax.data import digits
from gan_jax.nets import dcgan


def experiment(
    *,
    steps: int = 4000,
    batch_size: int = 16,
    width: int = 32,
    critic_steps: int = 1,
    learning_rate: float = 1e-3,
) -> Experiment:
    """Train the DCGAN with a spectrally normalised critic on 4,000 MNIST digits.

    Args:
      steps: Updates in all.
      batch_size: Examples per turn.
      width: Channels of the image layers nearest the image; TensorFlow's tutorial has 64.
      critic_steps: Critic turns per update; the paper's is 5.
      learning_rate: Rate of both Adams, which falls to 0 along a cosine; the paper's is 2e-4.
    """

    def adam(turns: int) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(learning_rate, max(turns, 1)), b1=0.0, b2=0.9)

    return Experiment(
        data=digits(),
        nets=Players(
            critic=spectral_norm(dcgan.critic(width=width, dropout=0.0)),
            generator=dcgan.generator(width=width),
        ),
        objective=losses.hinge(),
        optimizers=Players(critic=adam(steps * critic_steps), generator=adam(steps)),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        critic_steps=critic_steps,
        ema_decay=0.99,
        measure=measures.images(features.digits()),
    )
