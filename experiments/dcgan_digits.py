"""DCGAN with the non-saturating loss (Radford et al. 2016; TensorFlow's tutorial) on the packaged digits.

The tutorial's networks, with BatchNorm in the generator and dropout in the critic. `--conditional` draws each digit on
demand, with conditional BatchNorm and a projection critic.

Settings: examples of 28x28x1, latents of 100, width 32, 4,000 updates, batch 32, 1 critic turn, Adam 0.0002, b1 0.5, b2
0.999, EMA 0.99.

gan-jax train experiments/dcgan_digits.py
"""

import optax

from gan_jax import Experiment, Players, features, losses, measures, priors
from gan_jax.data import digits
from gan_jax.nets import dcgan


def experiment(
    *,
    steps: int = 4000,
    batch_size: int = 32,
    width: int = 32,
    learning_rate: float = 2e-4,
    conditional: bool = False,
) -> Experiment:
    """Train the DCGAN of TensorFlow's tutorial under the non-saturating loss on 4,000 MNIST digits.

    Args:
      steps: Updates in all.
      batch_size: Examples per turn.
      width: Channels of the image layers nearest the image; TensorFlow's tutorial has 64.
      learning_rate: Rate of both Adams.
      conditional: Give both players the digit's label.
    """
    data = digits()
    classes = data.classes if conditional else 0
    optimizer = optax.adam(learning_rate, b1=0.5)
    return Experiment(
        data=data,
        nets=Players(
            critic=dcgan.critic(width=width, classes=classes),
            generator=dcgan.generator(width=width, classes=classes),
        ),
        objective=losses.non_saturating(),
        optimizers=Players(optimizer, optimizer),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        ema_decay=0.99,
        measure=measures.images(features.digits()),
    )
