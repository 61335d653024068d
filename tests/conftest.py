"""For all tests: eight simulated devices, no silent broadcasting of ranks, the same examples every time."""

import os
from collections.abc import Iterator

import hypothesis
import jax
import pytest

if jax.__version_info__ < (0, 11):  # halves the time of compiling; XLA dies of flags that it doesn't know
    os.environ["XLA_FLAGS"] = "--xla_cpu_use_fusion_emitters=false " + os.environ.get("XLA_FLAGS", "")
if not jax.config.jax_platforms:
    jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

hypothesis.settings.register_profile("core", deadline=None, derandomize=True, database=None, max_examples=25)
hypothesis.settings.load_profile("core")


@pytest.fixture(scope="module")
def quick_compilation() -> Iterator[None]:
    """Programs that are compiled once and run a few times: three times faster so."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
