"""What make_golden.py found, and the features that it found it of."""

import json

from make_golden import FILE, PEERS, features, figures, logits

__all__ = ["GOLDEN", "PEERS", "features", "figures", "logits"]
GOLDEN = json.loads(FILE.read_text())
