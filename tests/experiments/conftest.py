"""Noise in place of prepared data."""

import pytest
from experiment_files import SHAPES, noise

from gan_jax.data.folders import images as folder_module
from gan_jax.data.tfds import images as tfds_module


@pytest.fixture
def data_at_hand(monkeypatch):
    """Noise, where an experiment would want prepared data."""
    monkeypatch.setattr(tfds_module, "tfds_images", lambda name, **_: noise(*SHAPES[name]))
    monkeypatch.setattr(folder_module, "images", lambda path, *, size, channels=3: noise(size, size, channels))
