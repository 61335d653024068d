"""Keeps JAX from looking for a TPU in vain: libtpu, which `gan-jax plan` needs, prints warnings where there is none."""

import importlib.metadata
import importlib.util
import os
from pathlib import Path

DRIVERS = ("accel*", "vfio/[0-9]*")  # files of TPUs' drivers in /dev
# Set as JAX is imported, and inherited by child processes: no sign of a TPU.
SET_BY_JAX = {"TPU_SKIP_MDS_QUERY", "TPU_LIBRARY_PATH"}


def leave_tpus_alone() -> None:
    """Restricts JAX to the CPU where nothing but libtpu suggests an accelerator; call it before JAX's first use."""
    import jax

    # JAX itself names platforms as it's imported, if it recognises a TPU of Google's cloud.
    if has_libtpu_alone(jax.config.jax_platforms, Path("/dev")):  # type: ignore[attr-defined]
        jax.config.update("jax_platforms", "cpu")


def has_libtpu_alone(named: str | None, devices: Path) -> bool:
    """Whether libtpu is installed on a machine without a sign of a TPU or of another accelerator.

    Args:
      named: The platforms that the user or JAX has named.
      devices: The folder of device files, /dev.
    """
    variables = {name for name in os.environ if name.startswith(("TPU_", "CLOUD_TPU_", "JAX_FORCE_TPU_INIT"))}
    may_have_tpu = variables - SET_BY_JAX or any(any(devices.glob(files)) for files in DRIVERS)
    plugins = (  # where JAX looks for those of GPUs and other accelerators
        importlib.util.find_spec("jax_plugins")
        or importlib.metadata.entry_points(group="jax_plugins")
        or "PJRT_NAMES_AND_LIBRARY_PATHS" in os.environ
    )
    return bool(importlib.util.find_spec("libtpu")) and not (named or may_have_tpu or plugins)
