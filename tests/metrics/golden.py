"""What make_golden.py found, and the features that it found it of."""

import json

import numpy as np
from make_golden import FILE, PEERS, features, figures, logits

__all__ = ["GOLDEN", "PEERS", "features", "figures", "logits"]
GOLDEN = json.loads(FILE.read_text())


def groups(seed: int) -> np.ndarray:
    """[600, 64] in ten tight groups that lie ten thousand times as far apart as their points."""
    rng = np.random.default_rng(seed)
    centres = 100 * np.random.default_rng(0).normal(size=(10, 64))
    return (np.repeat(centres, 60, 0) + 0.01 * rng.normal(size=(600, 64))).astype(np.float32)
