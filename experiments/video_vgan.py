"""VGAN (Vondrick et al. 2016), 3-D convolutions, on Moving MNIST drawn from the packaged digits.

Its generator without the stream of a still background, its critic without normalisation, under the relativistic loss
with R1 and R2. After 3,000 updates, 3.5 minutes on two cores, strokes and rings move smoothly, and half of them keep
their shape: `gan-jax evaluate --num 2000` says frechet_distance_clips 15.4 and frechet_distance_frames 4.3 (of held-out
digits 0.22 and 0.15), and coverage 0.21.

gan-jax train experiments/video_vgan.py
"""

from pathlib import Path

import optax

from gan_jax import losses, measures, penalties, priors, views
from gan_jax.data.clips import clips as folder_of_clips
from gan_jax.data.moving_digits import moving_digits
from gan_jax.experiment import Experiment
from gan_jax.nets import moving, vgan
from gan_jax.objectives import add, scale
from gan_jax.types import Players


def experiment(
    *,
    steps: int = 3000,
    batch_size: int = 8,
    width: int = 16,
    size: int = 32,
    digits: int = 1,
    clips: Path | None = None,
    learning_rate: float = 1e-3,
    gamma: float = 20.0,
) -> Experiment:
    """Train VGAN's networks on clips of 16 frames.

    Args:
      steps: Updates in all.
      batch_size: Clips a turn; the paper's is 64.
      width: Channels of the layers nearest the clip; the paper's is 64.
      size: Rows and columns of a frame, 32 or 64; the paper's is 64, with 32 frames.
      digits: In each clip; the original Moving MNIST has two, in frames of 64x64.
      clips: A folder of your own clips, in colour, instead. Figures of motion say more of them than those in features,
        which know digits alone.
      learning_rate: Of both Adams, falling to 0 along a cosine; the paper's is 2e-4, with b1 0.5.
      gamma: Weight of R1 and of R2.
    """

    def adam() -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(learning_rate, max(steps, 1)), b1=0.0, b2=0.99)

    data = moving_digits(size=size, digits=digits) if clips is None else folder_of_clips(clips, size=size)
    shape = data.example.x.shape
    return Experiment(
        data=data,
        nets=Players(critic=vgan.critic(width=width, shape=shape), generator=vgan.generator(width=width, shape=shape)),
        objective=add(
            adversarial=losses.relativistic(),
            r1=scale(penalties.r1(), gamma),
            r2=scale(penalties.r2(), gamma),
        ),
        optimizers=Players(critic=adam(), generator=adam()),
        prior=priors.normal(100),
        steps=steps,
        batch_size=batch_size,
        ema_decay=0.99,
        view=views.videos,
        measure=measures.videos(moving.clips(), moving.frames()),
    )
