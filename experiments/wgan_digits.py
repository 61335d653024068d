"""WGAN with weight clipping and RMSProp (Arjovsky et al. 2017, algorithm 1) on the packaged digits.

The paper's critic turns; learning rate, clip and batch are chosen for three minutes on two cores (`--help` names the
paper's). Clipping slows the critic: compare wgan_gp_digits.

Settings: examples of 28x28x1, latents of 100, width 32, 3,000 updates, batch 16, 5 critic turns, RMSProp 0.0005, clip
0.02, EMA 0.99.

gan-jax train experiments/wgan_digits.py
"""

import optax

from gan_jax import Experiment, Players, clip_weights, features, losses, measures, priors
from gan_jax.data import digits
from gan_jax.nets import dcgan


def experiment(
    *,
    steps: int = 3000,
    batch_size: int = 16,
    width: int = 32,
    critic_steps: int = 5,
    learning_rate: float = 5e-4,
    clip: float = 0.02,
) -> Experiment:
    """Train the DCGAN as a Wasserstein GAN with clipped weights on 4,000 MNIST digits.

    Args:
      steps: Updates in all.
      batch_size: Examples per turn; the paper's is 64.
      width: Channels of the image layers nearest the image; TensorFlow's tutorial has 64.
      critic_steps: Critic turns per update.
      learning_rate: Rate of both RMSProps; the paper's is 5e-5.
      clip: Bound of every weight of the critic; the paper's is 0.01.
    """
    optimizer = optax.rmsprop(learning_rate, decay=0.99)
    return Experiment(
        data=digits(),
        nets=Players(critic=dcgan.critic(width=width, dropout=0.0), generator=dcgan.generator(width=width)),
        objective=losses.wasserstein(),
        optimizers=Players(critic=optax.chain(optimizer, clip_weights(clip)), generator=optimizer),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        critic_steps=critic_steps,
        ema_decay=0.99,
        measure=measures.images(features.digits()),
    )
