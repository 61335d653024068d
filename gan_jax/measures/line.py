"""Measures of lines of characters."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Set

import numpy as np
from numpy.typing import NDArray

from gan_jax.metrics.ngrams import jensen_shannon, ngrams
from gan_jax.types import Measure, Protocol

LONGEST = 4
KEPT = 1_000_000  # lines in a summary: 32 MB for 32 characters each


def text(alphabet: str, words: Set[str], *, num: int = 10_000) -> Measure:
    """Measure lines by the divergences of character n-grams, and by the shares of real words and of repeated lines.

    `js_1` to `js_4` are Jensen-Shannon divergences in bits, as in Gulrajani et al. 2017's code. `words` is the share of
    generated words, separated by spaces, that are real; `duplicates` the share of lines that occur more than once;
    `copied` the share of lines that are real lines. A line [length, V] counts as its most likely characters. A
    generator has collapsed if more than half of its lines are duplicates.

    Args:
      alphabet: The V characters, in order of their columns.
      words: The words of the training text.
      num: The number of samples, by default.
    """
    listed = hashlib.sha256("\n".join(sorted(words)).encode()).hexdigest()[:8]

    def look(batch: NDArray) -> NDArray:
        """The squared distance of two lines is twice the number of characters that differ."""
        return np.eye(batch.shape[-1], dtype=np.float32)[batch.argmax(-1)].reshape(len(batch), -1)

    def summarise(batches: Iterable[NDArray]) -> NDArray[np.uint8]:
        kept: list[NDArray] = []
        for batch in batches:
            if sum(map(len, kept)) < KEPT:
                kept.append(batch.argmax(-1).astype(np.uint8))
        return np.concatenate(kept)[:KEPT]

    def compare(real: NDArray, fake: NDArray) -> dict[str, float]:
        lines = ["".join(alphabet[place] for place in line) for line in fake]
        found = [word for line in lines for word in line.split()]
        repeated = Counter(lines)
        known = {line.tobytes() for line in real}
        return {
            **{f"js_{n}": jensen_shannon(ngrams(real, n), ngrams(fake, n)) for n in range(1, LONGEST + 1)},
            "words": sum(word in words for word in found) / max(len(found), 1),
            "duplicates": sum(times for times in repeated.values() if times > 1) / len(lines),
            "copied": sum(line.tobytes() in known for line in fake) / len(lines),
        }

    def protocol(real: int) -> Protocol:
        return {
            "measure": "text",
            "alphabet": alphabet,
            "words": f"{len(words)}, sha256 {listed}",
            "divergence": "Jensen-Shannon of character n-grams, in bits",
            **({"lines": f"the first {KEPT}"} if real > KEPT else {}),
        }

    return Measure(
        look=look,
        summarise=summarise,
        compare=compare,
        collapsed=lambda figures: figures["duplicates"] > 0.5,
        better={**{f"js_{n}": "lower" for n in range(1, LONGEST + 1)}, "words": "higher", "duplicates": "lower"},
        best="js_4",
        num=num,
        protocol=protocol,
    )
