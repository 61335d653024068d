"""What a classifier says of samples: the Inception-style score, and the modes that they cover."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax, logsumexp

from gan_jax.errors import UserError
from gan_jax.metrics.checked import rows


class Score(NamedTuple):
    mean: float
    deviation: float  # over splits


def inception_score(logits: ArrayLike, *, splits: int = 10) -> Score:
    """exp E KL(p(y|x) ‖ p(y)) by logits [N, classes] of any classifier. Salimans et al. 2016, section 4.

    It is the Inception score only by Inception's logits on images of ImageNet's kind; it knows nothing of real data.
    Samples are split in the order given; the marginal p(y) is that of a split, so small splits score lower.
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
    """The label of each of logits [N, classes]."""
    return rows(logits, "logits").argmax(1)


class Modes(NamedTuple):
    """How samples spread over modes.

    covered: modes with a sample. kl: KL(generated ‖ uniform) in nats, the reverse KL. n: samples.
    floor: what kl would be in the mean for n samples of the uniform distribution itself; no figure means
    anything without it.
    """

    covered: int
    kl: float
    n: int
    floor: float


def modes(labels: ArrayLike, number: int, *, seed: int = 0, trials: int = 20) -> Modes:
    """Of samples that a classifier gave these labels [N], of `number` that are equally likely.

    For stacked digits the label is 100 a + 10 b + c by the three channels' digits, of 1,000: Metz et al. 2017,
    section 3.3.1; Lin et al. 2018 (PacGAN), section 4.2. The floor is the mean of `trials` draws.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"labels are [N] integers, these are {labels.dtype} {list(labels.shape)}")
    if labels.min() < 0 or labels.max() >= number:
        raise UserError(f"labels from {labels.min()} to {labels.max()}: there are {number} modes, from 0")
    counts = np.bincount(labels, minlength=number)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(labels), np.full(number, 1 / number), size=trials)
    floor = float(np.mean([kl_to_uniform(draw) for draw in draws]))
    return Modes(int(np.sum(counts > 0)), kl_to_uniform(counts), len(labels), floor)


def kl_to_uniform(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return max(0.0, float(np.sum(shares * np.log(shares * len(counts)))))  # rounding may lie below
