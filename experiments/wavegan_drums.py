"""WaveGAN (Donahue et al. 2019) on the packaged drum hits: sounds with an attack and a decay within ten minutes.

WGAN-GP with narrow versions of the paper's networks. Small batches, few critic turns and a high learning rate that
falls to zero make the most of the time: kicks, toms, bursts of noise and clicks, but few clear pitches and no long
cymbals. For a longer run on a GPU take the paper's settings, which the help names; it hasn't been run.

Settings: examples of 16384x1, latents of 100, width 8, 1,800 updates, batch 16, 2 critic turns, Adam 0.001 along a
cosine, b1 0.5, b2 0.9, λ 10, EMA 0.99.

gan-jax train experiments/wavegan_drums.py
gan-jax train experiments/wavegan_drums.py --folder FOLDER
"""

from pathlib import Path

import optax

from gan_jax import Experiment, Players, add, augment, features, losses, measures, penalties, priors, scale, views
from gan_jax.data import drums, sounds
from gan_jax.nets import wavegan

RATE, LENGTH = 16_000, 16_384


def experiment(
    *,
    folder: Path | None = None,
    steps: int = 1800,
    batch_size: int = 16,
    width: int = 8,
    critic_steps: int = 2,
    learning_rate: float = 1e-3,
    penalty: float = 10.0,
    shuffle: int = 2,
    augmentation: float = 0.0,
) -> Experiment:
    """Train WaveGAN under WGAN-GP on 67 drum hits, or on a folder of your own sounds.

    Args:
      folder: Folder of your sounds, which may be in subfolders; by default the packaged drums, the only sounds that
        the classifier of the measure knows.
      steps: Updates in all.
      batch_size: Sounds per turn; the paper's is 64.
      width: Channels of the layers nearest the sound; the paper's is 64.
      critic_steps: Critic turns per update; the paper's is 5.
      learning_rate: Rate of both Adams, which falls to 0 along a cosine; the paper's is a
        constant 1e-4.
      penalty: Weight of the gradient penalty.
      shuffle: Most steps by which phase shuffle moves the critic's layers.
      augmentation: Probability of each of gain, reversed polarity and a shift, in the sounds that the critic sees.
    """

    def adam(turns: int) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(learning_rate, max(turns, 1)), b1=0.5, b2=0.9)

    changes = augment.sounds.gain(), augment.sounds.polarity(), augment.sounds.shift(1 / 64)
    return Experiment(
        data=drums() if folder is None else sounds(folder, rate=RATE, length=LENGTH),
        nets=Players(
            critic=wavegan.critic(width=width, shuffle=shuffle),
            generator=wavegan.generator(width=width, length=LENGTH),
        ),
        objective=add(
            adversarial=losses.wasserstein(),
            gradient_penalty=scale(penalties.gradient_penalty(), penalty),
        ),
        optimizers=Players(adam(steps * critic_steps), adam(steps)),
        prior=priors.uniform(100),
        steps=steps,
        batch_size=batch_size,
        critic_steps=critic_steps,
        ema_decay=0.99,
        augment=augment.chain(*(augment.sometimes(augmentation, change) for change in changes if augmentation)),
        view=views.sounds(RATE),
        measure=measures.sounds(features.drums()),
    )
