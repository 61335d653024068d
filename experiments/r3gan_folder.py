"""R3GAN (Huang et al. 2024) on a folder of your own images, from a few hundred on.

The networks learn much from an image, but an image costs them ten times the DCGAN's time: they are for a GPU, or for
patience. Two hours of one core reached a Fréchet distance of 118 on CIFAR-10 in folders (EfficientNet-Lite0's features,
2,000 against 2,000 of the test images; `--size 32 --mirrored --augmentation 0 --lazy 4 --batch-size 16 --steps 28000`),
where `sngan_cifar10.py --width 32 --batch-size 32 --steps 8800` reached 144. Half an hour, 4,500 updates, reached 373
on 3,786 emoji (1,000 against 1,000), and `relativistic_images.py` 375 in six minutes and 308 in 37.

Along a cosine, Adam's b2, the half-life of the averaged generator and the augmentation's probability grow, as in the
paper. The defaults are for a machine without a GPU: narrow stages, blocks that are no wider inside, a higher learning
rate that falls to 0, and a shorter average. γ stays: where it fell to a tenth, as over the paper's 20 million images,
the critic won and samples lost their shapes. The paper's FFHQ-64 has width 768, two blocks in a stage, expansion 2,
batch 256, learning rate 0.0002 to 0.00005, γ 2 to 0.2 and augmentation 0.3.

Settings: examples of 64x64x3, latents of 64, width 128, 6,600 updates, batch 8, 1 critic turn, Adam 0.003 along a
cosine, b1 0, b2 0.9 to 0.99, R1 5, R2 5, EMA 0 to 0.9965.

gan-jax train experiments/r3gan_folder.py --folder photos
"""

from pathlib import Path
from typing import Any

import optax

from gan_jax import Experiment, Players, add, augment, every, losses, penalties, priors, scale
from gan_jax.data import mirror, train_and_test_images
from gan_jax.nets import r3gan
from gan_jax.schedules import cosine, half_life


def experiment(
    *,
    folder: Path,
    test_folder: Path | None = None,
    size: int = 64,
    mirrored: bool = False,
    steps: int = 6600,
    batch_size: int = 8,
    width: int = 128,
    blocks: int = 1,
    expansion: int = 1,
    learning_rate: float = 3e-3,
    gamma: float | None = None,
    lazy: int = 1,
    augmentation: float = 0.1,
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
      width: Channels of the stages up to 16 pixels, halved for each doubling of the side from there. In each stage they
        must be a multiple of 16, or fewer.
      blocks: Residual blocks in each stage.
      expansion: Channels inside a block, as a multiple of its width.
      learning_rate: Rate of both Adams, which falls to 0; wider networks want less.
      gamma: Weight of R1 and of R2; by default 5 · (size / 64)². Raise it, by factors of 2 to 5, if training diverges
        or the critic's loss nears 0, and lower it if samples lack variety or detail.
      lazy: Take R1 and R2 only in every `lazy`-th update, `lazy` times as strong. The paper's is 1, and 4
        makes an update about a quarter cheaper.
      augmentation: Probability of each augmentation at the end, which it rises to from 0; fewer images want more. 0
        leaves augmentation out.
      bfloat16: How many stages compute in bfloat16, counted from the image; for GPUs and TPUs.
    """
    stages: dict[str, Any] = {
        "widths": r3gan.widths_of(size, width, widest=16),
        "blocks": blocks,
        "expansion": expansion,
    }
    adam = optax.inject_hyperparams(optax.adam)(cosine(learning_rate, 0.0, steps), b1=0.0, b2=cosine(0.9, 0.99, steps))
    weight = 5.0 * (size / 64) ** 2 if gamma is None else gamma
    probability = cosine(0.0, augmentation, steps)
    augmented = augment.chain(augment.ada(probability, color=0.5), augment.sometimes(probability, augment.cutout()))
    photos = train_and_test_images(folder, test_folder, size=size)
    return Experiment(
        data=mirror(photos, axis=1) if mirrored else photos,
        nets=Players(
            critic=r3gan.critic(**stages, bfloat16=bfloat16),
            generator=r3gan.generator(**stages, shape=(size, size, 3), bfloat16=bfloat16),
        ),
        objective=add(
            adversarial=losses.relativistic(),
            r1=every(lazy, scale(penalties.r1(), weight)),
            r2=every(lazy, scale(penalties.r2(), weight)),
        ),
        optimizers=Players(adam, adam),
        prior=priors.normal(64),
        steps=steps,
        batch_size=batch_size,
        ema_decay=half_life(cosine(0.0, steps / 33, steps)),
        augment=augmented if augmentation else augment.chain(),
    )
