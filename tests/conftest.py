"""For all tests: eight simulated devices, no silent broadcasting of ranks, the same examples every time.

Programs that the command line compiles are kept in a folder of this test run, not in the user's.
"""

import atexit
import os
import shutil
import tempfile
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

if "PYTEST_XDIST_WORKER" not in os.environ:  # the workers inherit the folder
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="gan_jax_compiled_")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])

hypothesis.settings.register_profile("core", deadline=None, derandomize=True, database=None, max_examples=25)
hypothesis.settings.load_profile("core")


@pytest.fixture(scope="module")
def quick_compilation() -> Iterator[None]:
    """Programs that are compiled once and run a few times: three times faster so."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
