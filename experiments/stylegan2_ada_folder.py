"""StyleGAN2-ADA (Karras et al. 2020) on a folder of your own images, from a few hundred on.

The augmentation's probability follows the critic's overfitting: it rises where more than 80 % of real logits are above
0, a mean sign of 0.6. R1 is taken every 16 updates, 16 times as strong, and the log has 0 for the others. The authors
give it an extra step of Adam and adjust Adam's settings for that; here one step does both, so they stay as they are.

The defaults take half an hour of one core. On 500 emoji they reached a Fréchet distance of 428 from other emoji, and
382 with `--no-ada` (EfficientNet-Lite0's features, 1,000 against 1,000): so short a run ends before augmentation pays,
as it does in `relativistic_images.py` after 28,000 updates.

They are for a machine without a GPU; the authors' for a single GPU, `--cfg=auto`, have width 512 and at 64x64
batch 32, 781,250 updates and path length 2. That regulariser, taken every 4 updates, makes a smoother map from styles
to images; it is off here, as in the authors' settings for CIFAR-10, because it takes time.

Settings: examples of 64x64x3, latents of 512, width 32, 6,000 updates, batch 16, 1 critic turn, Adam 0.0025, b1 0,
b2 0.99, R1 0.0512, EMA 0 to 0.9977.

gan-jax train experiments/stylegan2_ada_folder.py --folder photos
"""

from pathlib import Path

import jax.numpy as jnp
import optax

from gan_jax import Experiment, Players, add, augment, every, losses, penalties, priors, regularizers, scale
from gan_jax.data import mirror, train_and_test_images
from gan_jax.nets import stylegan2
from gan_jax.schedules import half_life


def experiment(
    *,
    folder: Path,
    test_folder: Path | None = None,
    size: int = 64,
    mirrored: bool = False,
    steps: int = 6000,
    batch_size: int = 16,
    width: int = 32,
    learning_rate: float = 2.5e-3,
    gamma: float | None = None,
    path_length: float = 0.0,
    ada: bool = True,
    bfloat16: int = 0,
) -> Experiment:
    """Train StyleGAN2-ADA on a folder of images.

    Args:
      folder: Folder of the images, which may be in subfolders; they are cropped to the middle square and resized.
      test_folder: Folder of images to hold out, for `gan-jax evaluate RUN --split test`.
      size: Side of the squares, in pixels: a power of 2 times 3, 4, 5 or 7, such as 32, 48, 64, 96 or 128.
      mirrored: Mirror training images left to right at random: good for most photos, wrong for lettering.
      steps: Updates in all. The augmentation's probability can go from 0 to 1 in a fifth of them, or in 500,000 images
        if that is less.
      batch_size: Examples per turn, a multiple of 4 on each device.
      width: Channels of the stages up to 32 pixels, halved for each doubling of the side from there.
      learning_rate: Rate of both Adams.
      gamma: Weight of R1; by default 0.0002 · size² / batch size, the authors' rule. Raise it, by factors of 2 to 10,
        if training diverges or samples are distorted, and lower it if they lack variety or detail.
      path_length: Weight of the path length, 2 in the authors' settings; 0 leaves it out.
      ada: Augment what the critic sees.
      bfloat16: How many stages compute in bfloat16, counted from the image; for GPUs and TPUs.
    """
    widths = stylegan2.widths_of(size, base=32 * width, most=width)
    weight = 0.0002 * size**2 / batch_size if gamma is None else gamma
    terms = {"adversarial": losses.non_saturating(), "r1": every(16, scale(penalties.r1(), weight))}
    if path_length:
        lengths = regularizers.path_length(at=stylegan2.from_styles)
        terms["path_length"] = every(4, scale(lengths, path_length))
    adam = optax.adam(learning_rate, b1=0.0, b2=0.99)
    horizon = max(1, min(500_000, steps * batch_size // 5))
    photos = train_and_test_images(folder, test_folder, size=size)
    return Experiment(
        data=mirror(photos, axis=1) if mirrored else photos,
        nets=Players(
            critic=stylegan2.critic(widths=widths, bfloat16=bfloat16),
            generator=stylegan2.generator(widths=widths, depth=2, shape=(size, size, 3), bfloat16=bfloat16),
        ),
        objective=add(**terms),
        optimizers=Players(adam, adam),
        prior=priors.normal(512),
        steps=steps,
        batch_size=batch_size,
        ema_decay=half_life(lambda step: jnp.minimum(10_000 / 32, 0.05 * step)),
        augment=augment.adaptive(augment.ada, batch_size, horizon=horizon) if ada else augment.chain(),
    )
