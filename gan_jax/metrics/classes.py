"""Figures from a classifier's output: the Inception-style score, and the modes that samples cover."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax, logsumexp

from gan_jax.errors import UserError
from gan_jax.metrics.checked import rows


class Score(NamedTuple):
    """The mean of a score over splits, and its standard deviation among them."""

    mean: float
    deviation: float


def inception_score(logits: ArrayLike, *, splits: int = 10) -> Score:
    """Compute exp E KL(p(y|x) ‖ p(y)) from the logits of any classifier.

    It is the Inception score only for Inception's logits on images like ImageNet's, and it ignores the real data.

    Args:
      logits: Logits [N, classes] of generated samples.
      splits: Samples are split into this many parts, in their order. The marginal p(y) is each split's own, so small
        splits score lower.

    Returns:
      The mean and standard deviation of the splits' scores; each is between 1 and the number of classes.

    Raises:
      ValueError: The logits aren't [N, classes], or there are more splits than samples.
      FloatingPointError: A logit isn't finite.

    Salimans et al. 2016, section 4.
    """
    logits = rows(logits, "logits").astype(np.float64)
    if not 1 <= splits <= len(logits):
        raise UserError(f"logits {list(logits.shape)} in {splits} splits: logits are [N, classes], splits up to N")
    scores = []
    for part in np.array_split(log_softmax(logits, 1), splits):
        marginal = logsumexp(part, 0) - np.log(len(part))
        scores.append(np.exp(max(0.0, np.mean(np.sum(np.exp(part) * (part - marginal), 1)))))  # but for rounding
    return Score(float(np.mean(scores)), float(np.std(scores)))


def likeliest(logits: ArrayLike) -> NDArray:
    """The most likely label [N] of each row of logits [N, classes]."""
    return rows(logits, "logits").argmax(1)


class Modes(NamedTuple):
    """How samples spread over modes.

    Attributes:
      covered: The number of modes with a sample.
      kl: KL(generated ‖ uniform) in nats, the reverse KL.
      n: The number of samples.
      floor: The mean of `kl` for n samples of the uniform distribution itself. Compare `kl` with this, not with 0.
    """

    covered: int
    kl: float
    n: int
    floor: float


def modes(labels: ArrayLike, number: int, *, seed: int = 0, trials: int = 20) -> Modes:
    """Count the modes that samples cover, and compute their KL divergence from the uniform distribution.

    For stacked digits the label is 100 a + 10 b + c, from the digits of the three channels, and `number` is 1,000.

    Args:
      labels: Integers [N], the modes of the samples by a classifier.
      number: The number of modes, all equally likely.
      seed: Seed of the draws that give the floor.
      trials: The floor is the mean of this many draws.

    Raises:
      ValueError: The labels aren't integers [N] from 0 to below `number`.

    Metz et al. 2017, section 3.3.1; Lin et al. 2018 (PacGAN), section 4.2.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"labels must be integers [N], not {labels.dtype} {list(labels.shape)}")
    if labels.min() < 0 or labels.max() >= number:
        raise UserError(f"labels from {labels.min()} to {labels.max()}: there are {number} modes, from 0")
    counts = np.bincount(labels, minlength=number)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(labels), np.full(number, 1 / number), size=trials)
    floor = float(np.mean([kl_to_uniform(draw) for draw in draws]))
    return Modes(int(np.sum(counts > 0)), kl_to_uniform(counts), len(labels), floor)


def kl_to_uniform(counts: np.ndarray) -> float:
    """KL(counts ‖ uniform) in nats, for the counts [K] of modes."""
    shares = counts[counts > 0] / counts.sum()
    return max(0.0, float(np.sum(shares * np.log(shares * len(counts)))))  # rounding may lie below
