"""With libtpu installed, JAX still looks for a TPU wherever there may be one, and nowhere else."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_jax.cli.platforms import has_libtpu_alone

HAS_LIBTPU_ALONE = has_libtpu_alone(None, Path("/dev"))


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Describes a machine with libtpu: its installed modules, entry points, environment and device files."""
    installed, entry_points = {"libtpu"}, []
    for name in [name for name in os.environ if "TPU" in name]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in installed else None)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entry_points)
    return installed, entry_points, monkeypatch.setenv, tmp_path


def test_libtpu_on_a_machine_without_accelerators_is_left_alone(machine):
    _, _, setenv, devices = machine
    setenv("TPU_SKIP_MDS_QUERY", "1")  # as JAX does
    setenv("TPU_LIBRARY_PATH", "libtpu.so")
    (devices / "vfio").mkdir()
    (devices / "vfio" / "vfio").touch()  # of any machine with the driver
    assert has_libtpu_alone(None, devices)


def test_named_platforms_stay(machine):
    *_, devices = machine
    assert not has_libtpu_alone("tpu,cpu", devices)


def test_without_libtpu_nothing_is_changed(machine):
    installed, _, _, devices = machine
    installed.clear()
    assert not has_libtpu_alone(None, devices)


@pytest.mark.parametrize("file", ["accel0", "vfio/0", "vfio/17"])
def test_a_drivers_file_may_be_a_tpu(machine, file):
    *_, devices = machine
    (devices / file).parent.mkdir(exist_ok=True)
    (devices / file).touch()
    assert not has_libtpu_alone(None, devices)


@pytest.mark.parametrize(
    "name",
    ["TPU_NAME", "TPU_WORKER_ID", "TPU_ACCELERATOR_TYPE", "CLOUD_TPU_TASK_ID", "JAX_FORCE_TPU_INIT"],
)
def test_a_variable_may_tell_of_a_tpu(machine, name):
    _, _, setenv, devices = machine
    setenv(name, "1")
    assert not has_libtpu_alone(None, devices)


def test_other_accelerators_plugins_are_not_hidden(machine):
    installed, entry_points, setenv, devices = machine
    entry_points.append("cuda")
    assert not has_libtpu_alone(None, devices)
    entry_points.clear()
    installed.add("jax_plugins")
    assert not has_libtpu_alone(None, devices)
    installed.remove("jax_plugins")
    setenv("PJRT_NAMES_AND_LIBRARY_PATHS", "mine:mine.so")
    assert not has_libtpu_alone(None, devices)


@pytest.mark.skipif(not HAS_LIBTPU_ALONE, reason="libtpu isn't installed, or there may be an accelerator")
def test_commands_print_none_of_libtpus_warnings(trained, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS" and "TPU" not in name}
    command = [sys.executable, "-m", "gan_jax", "sample", trained, "--num", "1", "--out", tmp_path / "drawn"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
