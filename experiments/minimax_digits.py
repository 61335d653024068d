"""The minimax game exactly as Goodfellow et al. 2014 state it, with the DCGAN of TensorFlow's tutorial, on digits.

The generator minimises log(1 - D), whose gradient fades as the critic wins: compare dcgan_digits. With `--epochs` the
players alternate by epochs: an epoch of critic turns, then an epoch of generator turns; `--steps` counts such pairs.

Settings: examples of 28x28x1, latents of 100, width 32, 3,000 updates, batch 32, 1 critic turn, Adam 0.0002, b1 0.5, b2
0.999, EMA 0.99.

gan-jax train experiments/minimax_digits.py
gan-jax train experiments/minimax_digits.py --epochs --steps 20 --log-every 1 --sample-every 1 --save-every 1
"""

import optax

from gan_jax import Experiment, Players, features, losses, measures, priors
from gan_jax.data import digits
from gan_jax.nets import dcgan


def experiment(
    *,
    steps: int = 3000,
    batch_size: int = 32,
    width: int = 32,
    learning_rate: float = 2e-4,
    epochs: bool = False,
) -> Experiment:
    """Play the minimax game of Goodfellow 2014 with the tutorial's DCGAN on 4,000 MNIST digits.

    Args:
      steps: Updates in all, each a turn of both players, or an epoch of turns of both.
      batch_size: Examples per turn.
      width: Channels of the image layers nearest the image; TensorFlow's tutorial has 64.
      learning_rate: Rate of both Adams.
      epochs: Alternate by whole epochs: one of critic turns, then one of generator turns.
    """
    data = digits()
    turns = data.size // batch_size if epochs and data.size else 1
    optimizer = optax.adam(learning_rate, b1=0.5)
    return Experiment(
        data=data,
        nets=Players(critic=dcgan.critic(width=width), generator=dcgan.generator(width=width)),
        objective=losses.minimax(),
        optimizers=Players(optimizer, optimizer),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        critic_steps=turns,
        generator_steps=turns,
        ema_decay=0.99,
        measure=measures.images(features.digits()),
    )
