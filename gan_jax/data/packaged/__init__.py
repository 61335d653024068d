"""Data that come with the package or are generated, with nothing to download."""
