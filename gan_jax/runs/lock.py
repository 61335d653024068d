"""The lock of a run's folder: one process at a time trains in it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from gan_jax.errors import UserError


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a run's folder against other processes until the end; the system lets go of it when a process dies.

    Raises:
      UserError: Another process holds it.
    """
    try:
        lock = FileLock(folder / "lock").acquire(blocking=False)
    except Timeout as error:
        raise UserError(f"{folder}: another process trains in it; wait for its end, or stop it") from error
    with lock:
        yield
