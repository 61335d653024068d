"""Super-resolution of digits: 28x28 from 7x7, by an adversarial loss and L1. Ledig et al. 2017 (SRGAN), much reduced.

The generator gets noise and an image four times smaller, its condition; the critic judges the image beside it, as in
Isola et al. 2017 (pix2pix). Pictures show the condition, from the test split, to the left of each sample. The defaults
take a minute and a half on one core.

Settings: examples of 28x28x1, latents of 16, width 16, 2,000 updates, batch 32, 1 critic turn, Adam 0.0005, b1 0, b2
0.99, R1 0.1, EMA 0.99.

gan-jax train experiments/super_resolution_digits.py
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from gan_jax import Experiment, Players, add, auxiliary, features, losses, measures, penalties, priors, scale, views
from gan_jax.data import conditioned, digits
from gan_jax.nets import from_linen
from gan_jax.nets.conv import Conv, ConvTranspose


def resized(x: jax.Array, side: int) -> jax.Array:
    """Images [..., H, W, 1] as [..., side, side, 1]; smaller ones are antialiased."""
    return jax.image.resize(x, (*x.shape[:-3], side, side, 1), "linear")


class Generator(nn.Module):
    width: int

    @nn.compact
    def __call__(self, z, condition, mode):
        noise = nn.Dense(7 * 7 * self.width)(z).reshape(-1, 7, 7, self.width)
        x = jnp.concatenate([condition, noise], -1)
        for channels in (4 * self.width, 4 * self.width):
            x = nn.leaky_relu(Conv(channels, (3, 3))(x), 0.2)
        for channels in (2 * self.width, self.width):
            x = nn.leaky_relu(ConvTranspose(channels, (4, 4), strides=2)(x), 0.2)
        return jnp.tanh(resized(condition, 28) + Conv(1, (3, 3))(x))


class Critic(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x, condition, mode):
        x = jnp.concatenate([x, resized(condition, 28)], -1)
        for channels in (self.width, 2 * self.width, 4 * self.width):
            x = nn.leaky_relu(Conv(channels, (4, 4), strides=2)(x), 0.2)
        return nn.Dense(1)(x.reshape(len(x), -1))[:, 0]


def experiment(
    *, steps: int = 2000, batch_size: int = 32, width: int = 16, learning_rate: float = 5e-4, closeness: float = 1.0
) -> Experiment:
    """Train small convolutional networks to enlarge MNIST digits fourfold.

    Args:
      steps: Updates in all.
      batch_size: Examples per turn.
      width: Channels of the layers nearest the image.
      learning_rate: Rate of both Adams.
      closeness: Weight of the mean distance |x - G|; 0 leaves the game purely adversarial.
    """
    data = conditioned(digits(), lambda x: resized(x, 7), name="7x7")
    optimizer = optax.adam(learning_rate, b1=0.0, b2=0.99)
    return Experiment(
        data=data,
        nets=Players(critic=from_linen(Critic(width)), generator=from_linen(Generator(width))),
        objective=add(
            adversarial=losses.non_saturating(),
            r1=scale(penalties.r1(), 0.1),
            reconstruction=scale(auxiliary.reconstruction(), closeness),
        ),
        optimizers=Players(optimizer, optimizer),
        prior=priors.normal(16),
        steps=steps,
        batch_size=batch_size,
        ema_decay=0.99,
        view=views.beside(data.held_out),
        measure=measures.images(features.digits()),
    )
