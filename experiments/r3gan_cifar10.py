"""R3GAN on CIFAR-10 with the paper's settings (Huang et al. 2024).

Not yet run to the end. The paper's FID is 1.96. It needs `gan-jax prepare cifar10` once. The defaults end with the
paper's schedules, after 20 million images; the paper trains on from there.

Along the schedules, Adam's b2, the half-life of the averaged generator and the augmentation's probability grow, and the
learning rate and γ, the weight of R1 and R2, fall. R1 and R2 draw their own augmentations; the authors reuse those of
the logits, and the expected penalty is the same. On a CPU, use `--width 64 --batch-size 32 --bfloat16 0`.

Settings: examples of 32x32x3, latents of 64, width 768, 39,063 updates, batch 512, 1 critic turn, Adam 0.0002 to 5e-05
along a cosine, b1 0, b2 0.9 to 0.99, R1 0.05 to 0.005, R2 0.05 to 0.005, EMA 0 to 0.999929.

gan-jax train experiments/r3gan_cifar10.py
"""

from pathlib import Path

import optax

from gan_jax import Experiment, Players, add, augment, losses, penalties, priors, scale
from gan_jax.data import mirror, tfds_images
from gan_jax.nets import r3gan
from gan_jax.schedules import cosine, half_life


def experiment(
    *,
    steps: int = 39_063,
    batch_size: int = 512,
    width: int = 768,
    blocks: int = 2,
    learning_rate: float = 2e-4,
    gamma: float = 0.05,
    augmentation: float = 0.55,
    bfloat16: int = 3,
    conditional: bool = False,
    data_dir: Path | None = None,
) -> Experiment:
    """Train R3GAN on CIFAR-10.

    Args:
      steps: Updates in all, over which the schedules go.
      batch_size: Examples per turn.
      width: Channels of all four stages of both players, a multiple of 8.
      blocks: Residual blocks in each stage.
      learning_rate: Rate of both Adams at the start; it falls to a quarter.
      gamma: Weight of R1 and of R2 at the start; it falls to a tenth. Raise it if training diverges, and lower it if
        samples lack variety or detail.
      augmentation: Probability of each augmentation at the end, which it rises to from 0.
      bfloat16: How many of the four stages compute in bfloat16, counted from the image.
      conditional: Give both players the label.
      data_dir: Where the prepared data set is; by default TFDS' own folder.
    """
    data = mirror(tfds_images("cifar10", data_dir=data_dir), axis=1)
    classes, widths = data.classes if conditional else 0, (width,) * 4
    adam = optax.inject_hyperparams(optax.adam)(
        cosine(learning_rate, learning_rate / 4, steps), b1=0.0, b2=cosine(0.9, 0.99, steps)
    )
    weight = cosine(gamma, gamma / 10, steps)
    probability = cosine(0.0, augmentation, steps)
    return Experiment(
        data=data,
        nets=Players(
            critic=r3gan.critic(widths=widths, blocks=blocks, classes=classes, bfloat16=bfloat16),
            generator=r3gan.generator(widths=widths, blocks=blocks, classes=classes, bfloat16=bfloat16),
        ),
        objective=add(
            adversarial=losses.relativistic(),
            r1=scale(penalties.r1(), weight),
            r2=scale(penalties.r2(), weight),
        ),
        optimizers=Players(adam, adam),
        prior=priors.normal(64),
        steps=steps,
        batch_size=batch_size,
        ema_decay=half_life(cosine(0.0, steps / 4, steps)),
        augment=augment.chain(augment.ada(probability, color=0.5), augment.sometimes(probability, augment.cutout())),
    )
