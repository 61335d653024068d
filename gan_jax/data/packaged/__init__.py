"""Data that come with the package, or are drawn: nothing to download."""
