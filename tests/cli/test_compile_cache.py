"""The cache of compiled programs, as a person turns it on, off and elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from gan_jax.cli.compile_cache import Compiled, keep

PROGRAM = """
import jax
from gan_jax.cli.compile_cache import Compiled, keep
keep(Compiled())
jax.jit(lambda x: x + 1)(1.0)
print(jax.config.jax_compilation_cache_dir)
"""


@pytest.fixture(autouse=True)
def settings(tmp_path):
    """What `keep` sets is put back, and JAX's own cache opens its folder again."""
    names = (
        "jax_compilation_cache_dir",
        "jax_enable_compilation_cache",
        "jax_persistent_cache_min_compile_time_secs",
    )
    before = {name: getattr(jax.config, name) for name in names}
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    """The program above in a process of its own, without the folder of this test run."""
    inherited = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    inherited["JAX_PLATFORMS"] = "cpu"  # or libtpu, where it's installed, prints that there is no TPU
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=inherited | environment, capture_output=True, text=True, check=True
    )


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*-cache")}


def test_programs_are_kept_in_the_folder_named_and_found_again(tmp_path):
    def program(x):
        return x * 2 + 1

    keep(Compiled(tmp_path / "compiled"))
    jax.jit(program)(1.0)
    first = entries(tmp_path / "compiled")
    assert any(name.startswith("jit_program") for name in first)
    jax.clear_caches()
    jax.jit(program)(1.0)
    assert entries(tmp_path / "compiled") == first


def test_nothing_is_kept_with_the_flag(tmp_path):
    keep(Compiled(tmp_path / "compiled", no_compile_cache=True))
    jax.jit(lambda x: x * 3)(1.0)
    assert not (tmp_path / "compiled").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"--compile-cache .*file/below: .*name a folder of your own"):
        keep(Compiled(tmp_path / "file" / "below"))


@pytest.mark.skipif(sys.platform != "linux", reason="where the user's cache folder lies is the system's custom")
def test_by_default_it_is_the_users_cache_folder_or_jaxs_own_or_none(tmp_path):
    done = run(XDG_CACHE_HOME=str(tmp_path))
    assert entries(Path(done.stdout.strip()))
    assert Path(done.stdout.strip()) == tmp_path / "gan_jax" / "compiled"

    done = run(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "jaxs"))
    assert entries(tmp_path / "jaxs")

    (tmp_path / "file").touch()
    done = run(XDG_CACHE_HOME=str(tmp_path / "file"))
    assert done.stderr.count("\n") == 1
    assert "compiled programs aren't kept" in done.stderr
