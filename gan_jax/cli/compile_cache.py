"""JAX's persistent cache of compiled programs, so that a second start is quick."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff

from gan_jax.cli.platforms import leave_tpus_alone
from gan_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Compiled:
    """Options of the cache of compiled programs.

    Attributes:
      compile_cache: Folder of compiled programs, so that a second start is quick; by default JAX_COMPILATION_CACHE_DIR,
        or else a folder in the user's cache. It may be deleted at any time.
      no_compile_cache: Compile everything, and keep nothing.
    """

    compile_cache: Path | None = None
    no_compile_cache: Annotated[bool, FlagCreatePairsOff] = False


BY_DEFAULT = Compiled()


def keep(options: Compiled) -> None:
    """Sets up JAX's cache; call it before the first program is compiled.

    Raises:
      UserError: The named folder can't be made.
    """
    import jax

    leave_tpus_alone()
    folder = options.compile_cache or jax.config.jax_compilation_cache_dir or default_folder()  # type: ignore[attr-defined]
    if not options.no_compile_cache:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if options.compile_cache:
                raise UserError(f"--compile-cache {folder}: {error.strerror}; name a folder of your own") from error
            print(f"{folder}: {error.strerror}; compiled programs aren't kept", file=sys.stderr)
            options = dataclasses.replace(options, no_compile_cache=True)
    jax.config.update("jax_enable_compilation_cache", not options.no_compile_cache)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)  # the many small programs count too


def default_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("gan_jax") / "compiled"
