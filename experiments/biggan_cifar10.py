"""BigGAN (Brock et al. 2019) on CIFAR-10 with the settings of PyTorch-StudioGAN (Kang et al. 2023).

Not yet run to the end. StudioGAN's FID is 4.16, and 3.35 with DiffAugment in 200,000 updates. It needs
`gan-jax prepare cifar10` once.

Every sample has a class. Samples are drawn from an average of the generator, which begins after a hundredth of the
updates and has a half-life of 7% of them. On a CPU, use a small width: `--width 16 --batch-size 32`.

Settings: examples of 32x32x3, latents of 80, width 96, 100,000 updates, batch 64, 5 critic turns, Adam 0.0002, b1 0.5,
b2 0.999, eps 1e-06, EMA 0 to 0.9999.

gan-jax train experiments/biggan_cifar10.py
"""

from pathlib import Path

import jax.numpy as jnp
import optax

from gan_jax import Experiment, Players, augment, losses, priors, spectral_norm
from gan_jax.data import mirror, tfds_images
from gan_jax.nets import biggan
from gan_jax.schedules import half_life


def experiment(
    *,
    steps: int = 100_000,
    batch_size: int = 64,
    width: int = 96,
    critic_steps: int = 5,
    learning_rate: float = 2e-4,
    diff_augment: bool = False,
    data_dir: Path | None = None,
) -> Experiment:
    """Train BigGAN on CIFAR-10.

    Args:
      steps: Updates in all.
      batch_size: Examples per turn.
      width: A quarter of the generator's channels and half of the critic's.
      critic_steps: Critic turns per update.
      learning_rate: Rate of both Adams.
      diff_augment: Whether the critic sees all images through DiffAugment: colour, translation and cutout.
      data_dir: Where the prepared data set is; by default TFDS' own folder.
    """
    data = mirror(tfds_images("cifar10", data_dir=data_dir), axis=1)
    adam = optax.adam(learning_rate, b1=0.5, b2=0.999, eps=1e-6)
    return Experiment(
        data=data,
        nets=Players(
            critic=spectral_norm(biggan.critic(widths=(2 * width,) * 4, classes=data.classes)),
            generator=spectral_norm(biggan.generator(widths=(4 * width,) * 4, classes=data.classes)),
        ),
        objective=losses.hinge(),
        optimizers=Players(adam, adam),
        prior=priors.normal(80),
        steps=steps,
        batch_size=batch_size,
        critic_steps=critic_steps,
        ema_decay=half_life(lambda step: jnp.where(step < steps / 100, 0, 0.0693 * steps)),
        augment=augment.diff_augment() if diff_augment else augment.chain(),
    )
