"""R3GAN (Huang et al. 2024) on a folder of your own images, from a few hundred on.

Along a cosine, Adam's b2, the half-life of the averaged generator and the augmentation's probability grow, and the
learning rate and γ, the weight of R1 and R2, fall, all as in the paper. The defaults are for a machine without a GPU;
the paper's FFHQ-64 has width 768, two blocks in a stage, batch 256, learning rate 0.0002, γ 2 and augmentation 0.3.

Settings: examples of 64x64x3, latents of 64, width 64, 6,000 updates, batch 16, 1 critic turn, Adam 0.001 to 0.00025
along a cosine, b1 0, b2 0.9 to 0.99, R1 1 to 0.1, R2 1 to 0.1, EMA 0 to 0.9977.

gan-jax train experiments/r3gan_folder.py --folder photos
"""

from pathlib import Path

import optax

from gan_jax import Experiment, Players, add, augment, losses, penalties, priors, scale
from gan_jax.data import mirror, train_and_test_images
from gan_jax.nets import r3gan
from gan_jax.schedules import cosine, half_life


def experiment(
    *,
    folder: Path,
    test_folder: Path | None = None,
    size: int = 64,
    mirrored: bool = False,
    steps: int = 6000,
    batch_size: int = 16,
    width: int = 64,
    blocks: int = 1,
    learning_rate: float = 1e-3,
    gamma: float = 1.0,
    augmentation: float = 0.3,
    bfloat16: int = 0,
) -> Experiment:
    """Train R3GAN on a folder of images.

    Args:
      folder: Folder of the images, which may be in subfolders; they are cropped to the middle square and resized.
      test_folder: Folder of images to hold out, for `gan-jax evaluate RUN --split test`.
      size: Side of the squares, in pixels: a power of 2 times 3, 4, 5 or 7, such as 32, 48, 64, 96 or 128.
      mirrored: Mirror training images left to right at random: good for most photos, wrong for lettering.
      steps: Updates in all, over which the schedules go.
      batch_size: Examples per turn.
      width: Channels of the stages up to 32 pixels, a multiple of 8 for each doubling of the side from there.
      blocks: Residual blocks in each stage.
      learning_rate: Rate of both Adams at the start; it falls to a quarter.
      gamma: Weight of R1 and of R2 at the start; it falls to a tenth. Raise it if training diverges, and lower it if
        samples lack variety or detail.
      augmentation: Probability of each augmentation at the end, which it rises to from 0; fewer images want more.
      bfloat16: How many stages compute in bfloat16, counted from the image; for GPUs and TPUs.
    """
    widths = r3gan.widths_of(size, width)
    adam = optax.inject_hyperparams(optax.adam)(
        cosine(learning_rate, learning_rate / 4, steps), b1=0.0, b2=cosine(0.9, 0.99, steps)
    )
    weight = cosine(gamma, gamma / 10, steps)
    probability = cosine(0.0, augmentation, steps)
    photos = train_and_test_images(folder, test_folder, size=size)
    return Experiment(
        data=mirror(photos, axis=1) if mirrored else photos,
        nets=Players(
            critic=r3gan.critic(widths=widths, blocks=blocks, bfloat16=bfloat16),
            generator=r3gan.generator(widths=widths, blocks=blocks, shape=(size, size, 3), bfloat16=bfloat16),
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
        ema_decay=half_life(cosine(0.0, 300.0, steps)),
        augment=augment.chain(augment.ada(probability, color=0.5), augment.sometimes(probability, augment.cutout())),
    )
