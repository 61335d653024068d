"""For all tests: eight simulated devices, no silent broadcasting of ranks, the same examples every time.

JAX_NUM_CPU_DEVICES and JAX_PLATFORMS choose other devices: experiments/accelerator/correct.py runs some on a GPU.

Programs are compiled once and run a few times, so XLA's optimisations don't pay off: JAX_DISABLE_MOST_OPTIMIZATIONS=0
brings them back. Compiled programs are cached for this test run alone; a folder named by JAX_COMPILATION_CACHE_DIR
keeps them for the next.
"""

import atexit
import os
import shutil
import tempfile

import hypothesis
import jax
import pytest

if jax.__version_info__ < (0, 11):  # halves the time to compile; XLA aborts at flags that it doesn't know
    os.environ["XLA_FLAGS"] = "--xla_cpu_use_fusion_emitters=false " + os.environ.get("XLA_FLAGS", "")
if not jax.config.jax_platforms:
    jax.config.update("jax_platforms", "cpu")
if jax.config.jax_num_cpu_devices < 1:  # JAX_NUM_CPU_DEVICES isn't set
    jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

quick = os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # the processes that tests start inherit it
jax.config.update("jax_disable_most_optimizations", quick == "1")

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # the workers inherit it
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="gan_jax_compiled_")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)

QUICK = hypothesis.settings(deadline=None, derandomize=True, database=None, max_examples=10)
hypothesis.settings.register_profile("quick", QUICK)
hypothesis.settings.register_profile("exhaustive", QUICK, max_examples=50)  # pytest --hypothesis-profile=exhaustive
hypothesis.settings.load_profile("quick")

LONGEST = {
    "test_parallel",
    "test_evaluate",
    "test_experiments",
    "test_fourier",
    "test_processes",
    "test_accelerator_speed",
    "test_simultaneous_devices",
    "test_everywhere",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)
