"""SNGAN's ResNet on CIFAR-10 with the paper's settings (Miyato et al. 2018, table 4 and appendix B).

Samples are drawn from an average of the generator, and BatchNorm has Keras' momentum and epsilon.
Not yet run to the end. The paper's Inception score is 8.22 and its FID 21.7 (10,000 real images, 5,000 samples), which
is about 15 at 50,000 against 50,000. It needs `gan-jax prepare cifar10` once.

Settings: examples of 32x32x3, latents of 128, width 128, 50,000 updates, batch 64 and 128 of the generator's, 5 critic
turns, Adam 0.0002 along a line, b1 0, b2 0.9, EMA 0.999.

gan-jax train experiments/sngan_cifar10.py
"""

from pathlib import Path

import optax

from gan_jax import Experiment, Players, losses, priors, spectral_norm
from gan_jax.data import dequantize, tfds_images
from gan_jax.nets import resnet


def experiment(
    *,
    steps: int = 50_000,
    batch_size: int = 64,
    width: int = 128,
    critic_steps: int = 5,
    learning_rate: float = 2e-4,
    conditional: bool = False,
    data_dir: Path | None = None,
) -> Experiment:
    """Train the ResNet of SNGAN on CIFAR-10.

    Args:
      steps: Updates in all.
      batch_size: Examples per critic turn; the generator's turn has twice as many.
      width: Channels of every layer of the critic; the generator has twice as many.
      critic_steps: Critic turns per update.
      learning_rate: Rate of both Adams, which falls to 0 along a line.
      conditional: Give both players the label, by conditional BatchNorm and projection (Miyato & Koyama 2018).
      data_dir: Where the prepared data set is; by default TFDS' own folder.
    """
    data = dequantize(tfds_images("cifar10", data_dir=data_dir))
    classes = data.classes if conditional else 0

    def adam(turns: int) -> optax.GradientTransformation:
        return optax.adam(optax.linear_schedule(learning_rate, 0.0, turns), b1=0.0, b2=0.9)

    return Experiment(
        data=data,
        nets=Players(
            critic=spectral_norm(resnet.critic(width=width, pool=resnet.sum_pool, use_bias=False, classes=classes)),
            generator=resnet.generator(width=2 * width, classes=classes),
        ),
        objective=losses.hinge(),
        optimizers=Players(critic=adam(steps * critic_steps), generator=adam(steps)),
        prior=priors.normal(128),
        steps=steps,
        batch_size=batch_size,
        generator_batch_size=2 * batch_size,
        critic_steps=critic_steps,
    )
