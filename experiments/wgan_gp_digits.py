"""WGAN-GP (Gulrajani et al. 2017) on the packaged digits: readable digits within five minutes on two cores.

This is the main example, with the paper's objective. Small batches, few critic turns and a high learning rate that
falls to zero make the most of five minutes; for a longer run take the paper's 64, 5 and 1e-4.

Settings: examples of 28x28x1, latents of 100, width 32, 4,000 updates, batch 16, 2 critic turns, Adam 0.002 along a
cosine, b1 0, b2 0.9, λ 10, EMA 0.99.

gan-jax train experiments/wgan_gp_digits.py
"""

import optax

from gan_jax import Experiment, Players, add, features, losses, measures, penalties, priors, scale
from gan_jax.data import digits
from gan_jax.nets import dcgan


def experiment(
    *,
    steps: int = 4000,
    batch_size: int = 16,
    width: int = 32,
    critic_steps: int = 2,
    learning_rate: float = 2e-3,
    penalty: float = 10.0,
) -> Experiment:
    """Train the DCGAN under WGAN-GP on 4,000 MNIST digits.

    Args:
      steps: Updates in all.
      batch_size: Examples per turn.
      width: Channels of the image layers nearest the image; TensorFlow's tutorial has 64.
      critic_steps: Critic turns per update; the paper's is 5.
      learning_rate: Rate of both Adams, which falls to 0 along a cosine; the paper's is 1e-4.
      penalty: Weight of the gradient penalty.
    """

    def adam(turns: int) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(learning_rate, max(turns, 1)), b1=0.0, b2=0.9)

    return Experiment(
        data=digits(),
        nets=Players(critic=dcgan.critic(width=width, dropout=0.0), generator=dcgan.generator(width=width)),
        objective=add(
            adversarial=losses.wasserstein(),
            gradient_penalty=scale(penalties.gradient_penalty(), penalty),
        ),
        optimizers=Players(critic=adam(steps * critic_steps), generator=adam(steps)),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        critic_steps=critic_steps,
        ema_decay=0.99,
        measure=measures.images(features.digits()),
    )
