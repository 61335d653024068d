"""Files: written whole or not at all, checked by their hashes, read with care, and marked as synthetic."""
