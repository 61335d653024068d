"""WGAN-GP on a folder of your own images: copy this file to start.

The ResNet of Gulrajani et al. 2017 for any size that is a multiple of 8; images are cropped to their middle square and
resized.

Settings: examples of 32x32x3, latents of 128, width 64, 20,000 updates, batch 64, 2 critic turns, Adam 0.0002, b1 0, b2
0.9, λ 10, EMA 0.999.

gan-jax train experiments/wgan_gp_folder.py --folder photos
"""

from pathlib import Path

import optax

from gan_jax import Experiment, Players, add, losses, penalties, priors, scale
from gan_jax.data import images
from gan_jax.nets import resnet


def experiment(
    *,
    folder: Path,
    size: int = 32,
    channels: int = 3,
    steps: int = 20_000,
    batch_size: int = 64,
    width: int = 64,
    critic_steps: int = 2,
    learning_rate: float = 2e-4,
    penalty: float = 10.0,
) -> Experiment:
    """Train a ResNet under WGAN-GP on a folder of images.

    Args:
      folder: Folder of the images, which may be in subfolders.
      size: Side of the squares, in pixels, a multiple of 8.
      channels: 3 for colour, 1 for grey.
      steps: Updates in all.
      batch_size: Examples per turn.
      width: Channels of every layer of both players; the paper's is 128.
      critic_steps: Critic turns per update; the paper's is 5.
      learning_rate: Rate of both Adams.
      penalty: Weight of the gradient penalty.
    """
    optimizer = optax.adam(learning_rate, b1=0.0, b2=0.9)
    return Experiment(
        data=images(folder, size=size, channels=channels),
        nets=Players(
            critic=resnet.critic(width=width),
            generator=resnet.generator(width=width, shape=(size, size, channels)),
        ),
        objective=add(
            adversarial=losses.wasserstein(),
            gradient_penalty=scale(penalties.gradient_penalty(), penalty),
        ),
        optimizers=Players(optimizer, optimizer),
        prior=priors.normal(128),
        steps=steps,
        batch_size=batch_size,
        critic_steps=critic_steps,
    )
