"""What is remembered of folders lies in a folder of each test's, not in the user's."""

import platformdirs
import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: folder / name)
    return folder / "gan_jax" / "checked"
