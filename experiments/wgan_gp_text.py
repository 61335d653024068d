"""WGAN-GP's character model (Gulrajani et al. 2017, gan_language.py) on the New Testament: lines of English.

The paper's objective and networks on lines of characters, which are one-hot in real lines and a softmax in generated
ones. Small batches, narrow layers and a high learning rate that falls to zero make the most of ten minutes. In that
time it learns spacing, short words and the look of English, but no sentences: after seven minutes on two cores 37 % of
the words are real, and the 4-grams lie 0.36 bits from the text's (held-out verses: 99 % and 0.04). The paper shows
lines of words.

Settings: examples of 32x27, latents of 128, width 64, 3,300 updates, batch 16, 5 critic turns, Adam 0.001 along a
cosine, b1 0, b2 0.9, λ 10, EMA 0.99.

gan-jax train experiments/wgan_gp_text.py
"""

from pathlib import Path

import optax

from gan_jax import Experiment, Players, add, losses, measures, penalties, priors, scale, views
from gan_jax.data import new_testament, text as lines_of
from gan_jax.nets import language


def experiment(
    *,
    text: Path | None = None,
    length: int = 32,
    alphabet: int = 64,
    lower: bool = False,
    steps: int = 3300,
    batch_size: int = 16,
    width: int = 64,
    critic_steps: int = 5,
    learning_rate: float = 1e-3,
    penalty: float = 10.0,
) -> Experiment:
    """Train one-dimensional ResNets under WGAN-GP on lines of text.

    Args:
      text: A UTF-8 text file of your own, in place of the New Testament.
      length: Characters per line.
      alphabet: Number of your text's characters to learn, the most frequent ones; lines with others are skipped.
      lower: Convert your text to lower case, which leaves fewer characters to learn.
      steps: Updates in all; the paper's code makes 200,000.
      batch_size: Examples per turn; the paper's is 64.
      width: Channels of every layer of both players; the paper's is 512.
      critic_steps: Critic turns per update; the paper's is 10, and its code says that 5 are enough.
      learning_rate: Rate of both Adams, which falls to 0 along a cosine; the paper's is 1e-4, with b1 = 0.5.
      penalty: Weight of the gradient penalty.
    """

    def adam(turns: int) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(learning_rate, max(turns, 1)), b1=0.0, b2=0.9)

    lines, letters, words = (
        new_testament(length=length) if text is None else lines_of(text, length=length, alphabet=alphabet, lower=lower)
    )
    return Experiment(
        data=lines,
        nets=Players(
            critic=language.critic(width=width),
            generator=language.generator(width=width, shape=lines.example.x.shape),
        ),
        objective=add(
            adversarial=losses.wasserstein(),
            gradient_penalty=scale(penalties.gradient_penalty(), penalty),
        ),
        optimizers=Players(critic=adam(steps * critic_steps), generator=adam(steps)),
        prior=priors.normal(128),
        steps=steps,
        batch_size=batch_size,
        critic_steps=critic_steps,
        ema_decay=0.99,
        view=views.text(letters, words),
        measure=measures.text(letters, words),
    )
