"""VGAN (Vondrick et al. 2016) on Moving MNIST, made of the packaged digits, or a convolutional LSTM.

The relativistic loss with R1 and R2. VGAN's generator (without the stream of a still background) draws all frames at
once by 3-D convolutions; a convolutional LSTM (Shi et al. 2015) draws them one after the other. VGAN's critic, without
normalisation, judges both. In nine minutes on two cores VGAN draws digits that move smoothly and change as they go;
`gan-jax evaluate` gives frechet_distance_clips 15.1, frechet_distance_frames 2.6 and coverage 0.25 (held-out digits:
0.22, 0.15 and 0.97). The ConvLSTM with `--steps 2500` reaches 16.2, 3.9 and 0.21 in seven minutes.

Settings: examples of 16x32x32x1, latents of 100, width 16, 6,500 updates, batch 8, 1 critic turn, Adam 0.001 along a
cosine, b1 0, b2 0.99, R1 50, R2 50, EMA 0.99.

gan-jax train experiments/relativistic_video.py
"""

from pathlib import Path
from typing import Literal

import optax

from gan_jax import Experiment, Players, add, features, losses, measures, penalties, priors, scale, views
from gan_jax.data import clips as folder_of_clips, moving_digits
from gan_jax.nets import convlstm, vgan

GENERATORS = {"vgan": vgan.generator, "convlstm": convlstm.generator}


def experiment(
    *,
    generator: Literal["vgan", "convlstm"] = "vgan",
    steps: int = 6500,
    batch_size: int = 8,
    width: int = 16,
    size: int = 32,
    digits: int = 1,
    clips: Path | None = None,
    learning_rate: float = 1e-3,
    gamma: float = 50.0,
) -> Experiment:
    """Train on clips of 16 frames.

    Args:
      generator: vgan draws all frames at once; convlstm draws one after the other and takes 2.5 times as long.
      steps: Updates in all.
      batch_size: Clips per turn; VGAN's is 64.
      width: Channels of the layers nearest the clip; VGAN's has 64.
      size: Rows and columns of a frame, 32 or 64; VGAN's is 64, with 32 frames.
      digits: Digits in each clip; the original Moving MNIST has two, in frames of 64x64.
      clips: Folder of your own clips, in colour, instead. Figures of motion say more about them than those in features,
        which know only digits.
      learning_rate: Rate of both Adams, which falls to 0 along a cosine; VGAN's is 2e-4, with b1 0.5.
      gamma: Weight of R1 and of R2.
    """
    optimizer = optax.adam(optax.cosine_decay_schedule(learning_rate, max(steps, 1)), b1=0.0, b2=0.99)
    data = moving_digits(size=size, digits=digits) if clips is None else folder_of_clips(clips, size=size)
    shape = data.example.x.shape
    return Experiment(
        data=data,
        nets=Players(
            critic=vgan.critic(width=width, shape=shape), generator=GENERATORS[generator](width=width, shape=shape)
        ),
        objective=add(
            adversarial=losses.relativistic(),
            r1=scale(penalties.r1(), gamma),
            r2=scale(penalties.r2(), gamma),
        ),
        optimizers=Players(optimizer, optimizer),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        ema_decay=0.99,
        view=views.videos,
        measure=measures.videos(features.clips(), features.frames()),
    )
