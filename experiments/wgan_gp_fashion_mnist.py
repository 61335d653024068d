"""WGAN-GP (Gulrajani et al. 2017) on Fashion-MNIST, read by TensorFlow Datasets' data_source without TensorFlow.

The paper's objective; width, batch, critic turns and learning rate are chosen for a laptop (`--help` names the
paper's). It needs `gan-jax prepare fashion_mnist` once; offline, install Debian's package dataset-fashion-mnist and add
`--manual-dir /usr/share/datasets/fashion-mnist`.

Settings: examples of 28x28x1, latents of 100, width 32, 10,000 updates, batch 16, 2 critic turns, Adam 0.001 along a
cosine, b1 0, b2 0.9, λ 10, EMA 0.999.

gan-jax train experiments/wgan_gp_fashion_mnist.py
"""

from pathlib import Path

import optax

from gan_jax import Experiment, Players, add, features, losses, measures, penalties, priors, scale
from gan_jax.data import tfds_images
from gan_jax.nets import dcgan


def experiment(
    *,
    steps: int = 10_000,
    batch_size: int = 16,
    width: int = 32,
    critic_steps: int = 2,
    learning_rate: float = 1e-3,
    penalty: float = 10.0,
    conditional: bool = False,
    data_dir: Path | None = None,
) -> Experiment:
    """Train the DCGAN under WGAN-GP on 60,000 pictures of clothes.

    Args:
      steps: Updates in all.
      batch_size: Examples per turn; the paper's is 50.
      width: Channels of the image layers nearest the image; 64 is the paper's.
      critic_steps: Critic turns per update; the paper's is 5.
      learning_rate: Rate of both Adams, which falls to 0 along a cosine; the paper's is 1e-4.
      penalty: Weight of the gradient penalty.
      conditional: Give both players the label.
      data_dir: Where the prepared data set is; by default TFDS' own folder.
    """
    data = tfds_images("fashion_mnist", data_dir=data_dir)
    classes = data.classes if conditional else 0

    def adam(turns: int) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(learning_rate, max(turns, 1)), b1=0.0, b2=0.9)

    return Experiment(
        data=data,
        nets=Players(
            critic=dcgan.critic(width=width, dropout=0.0, classes=classes),
            generator=dcgan.generator(width=width, classes=classes),
        ),
        objective=add(
            adversarial=losses.wasserstein(),
            gradient_penalty=scale(penalties.gradient_penalty(), penalty),
        ),
        optimizers=Players(critic=adam(steps * critic_steps), generator=adam(steps)),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        critic_steps=critic_steps,
        measure=measures.images(features.fashion()),
    )
