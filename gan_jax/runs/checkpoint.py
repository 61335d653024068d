"""Checkpoints of the train state: saved by Orbax in the background, sealed with checksums.

A checkpoint may have a merit, a number that is larger where the generator is better. A checkpoint without a seal was
never finished and doesn't count.
"""

import contextlib
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp

from gan_jax.errors import Missing, UserError
from gan_jax.runs.processes import is_first, lost_a_peer, of_first, together
from gan_jax.storage.files import read_json, sha256_of, write_whole
from gan_jax.types import TrainState

T = TypeVar("T")
TRASH, ASIDE = "deleted", "aside"
SEAL = "SHA256SUMS"  # in a step's folder, as `sha256sum -c` reads it


class NotSaved(Exception):
    """A checkpoint couldn't be written; those before it are whole."""


class Checkpoints:
    """Saves the checkpoints of one run, a folder for each step.

    The newest `keep` stay, and so does the one of the highest merit. Every process saves its part; the first one seals.
    """

    def __init__(self, folder: Path, *, keep: int = 2):
        policies = ocp.checkpoint_managers
        options = ocp.CheckpointManagerOptions(
            best_fn=saved_merit,
            preservation_policy=policies.AnyPreservationPolicy(  # best_fn with max_to_keep drops the latest
                [policies.LatestN(keep), policies.BestN(get_metric_fn=saved_merit, n=1)]
            ),
            todelete_subdir=TRASH,  # a kill in mid-delete leaves no half checkpoint listed
            cleanup_tmp_directories=True,
            single_host_load_and_broadcast=jax.process_count() > 1,  # a network's folder may look older elsewhere
        )
        self.folder = folder
        self.sealing: tuple[Path, Future[None]] | None = None
        self.background = ThreadPoolExecutor(1)
        self.manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def __enter__(self) -> Self:
        """Finishes a save under way at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits, seals and closes; an earlier error takes precedence."""
        if lost_a_peer(error) or (isinstance(error, NotSaved) and jax.process_count() > 1):
            return  # waiting for the others would not end
        with contextlib.suppress(*([Exception] if error else [])):
            self.finish()
            self.manager.close()
        self.background.shutdown()

    def save(self, step: int, state: TrainState, merit: float | None = None) -> None:
        """Starts to save the state, unless that step is saved already.

        Args:
          step: The updates done.
          state: The state after them.
          merit: Larger where the generator is better; None if it wasn't evaluated.

        Raises:
          NotSaved: This state can't be written, or the one before couldn't.
        """
        self.finish()
        if step not in self.manager.all_steps():
            folder = self.folder / str(step)
            with saving(folder):
                self.manager.save(step, args=ocp.args.StandardSave(state), metrics={"merit": merit})
            self.sealing = folder, self.background.submit(self.seal_when_saved, folder)

    def seal_when_saved(self, folder: Path) -> None:
        """Seals a checkpoint and empties the trash, in the background: hashing takes as long as writing."""
        self.manager.wait_until_finished()
        if is_first():
            seal(folder)
            shutil.rmtree(self.folder / TRASH, ignore_errors=True)

    def tick(self) -> None:
        """Raises NotSaved if the save under way has failed. It waits for nothing, so call it after every step."""
        if self.sealing is not None and self.sealing[1].done():
            self.finish()

    def finish(self) -> None:
        """Waits until the save under way is sealed.

        Raises:
          NotSaved: It couldn't be written.
        """
        if self.sealing is not None:
            (folder, sealed), self.sealing = self.sealing, None
            with saving(folder):
                sealed.result()


@contextlib.contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Turns every error but the loss of a peer into NotSaved."""
    try:
        yield
    except Exception as error:
        if lost_a_peer(error):
            raise
        raise NotSaved(f"{folder} can't be written: {reason_of(error)}; the checkpoints before it are whole") from error


def reason_of(error: Exception) -> str:
    """Sums up in one line any error that Orbax and TensorStore raise."""
    text = str(error).partition(" [tensorstore_spec")[0].strip()
    system = re.search(r"os_error_code='(\d+)'", str(error))
    return os.strerror(int(system[1])) if system else next(iter(text.splitlines()), type(error).__name__)


def restore(folder: Path, like: TrainState, which: Literal["latest", "best"] = "latest") -> TrainState:
    """Restores a run's state from its newest or best whole checkpoint.

    Damaged checkpoints that are newer or better are named on stderr. A run that saves meanwhile isn't disturbed.

    Args:
      folder: The run's checkpoints.
      like: The shapes and shardings of the state, as `jax.ShapeDtypeStruct`.
      which: The newest checkpoint, or the one of the highest merit.

    Raises:
      Missing: Nothing was ever saved.
      UserError: Every checkpoint is damaged or belongs to another experiment, or none has a merit.
    """

    def load(saved: Path) -> TrainState:
        with ocp.StandardCheckpointer() as checkpointer:
            check_shapes(saved_tree(saved), like)
            return checkpointer.restore(saved, like)

    return read(folder, which, load, otherwise="doesn't fit the run's experiment.py")


def restore_parts(folder: Path, parts: Collection[str], which: Literal["latest", "best"] = "latest") -> dict[str, Any]:
    """Restores parts of a run's state as NumPy arrays, without its experiment.

    Args:
      folder: The run's checkpoints.
      parts: The names of these parts in `TrainState`.
      which: The newest checkpoint, or the one of the highest merit.

    Returns:
      Each part by its name, with dicts for named tuples.

    Raises:
      Missing: Nothing was ever saved.
      UserError: Every checkpoint is damaged, or none has a merit.
    """

    def load(saved: Path) -> dict[str, Any]:
        tree = saved_tree(saved)
        some = {name: tree[name] for name in parts}
        as_arrays = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), some)
        with ocp.PyTreeCheckpointer() as checkpointer:
            wanted = ocp.args.PyTreeRestore(some, restore_args=as_arrays, partial_restore=True)
            return checkpointer.restore(saved, wanted)

    return read(folder, which, load, otherwise="can't be read")


def read(folder: Path, which: Literal["latest", "best"], load: Callable[[Path], T], *, otherwise: str) -> T:
    """Loads the newest or best whole checkpoint; raises UserError, with the words `otherwise`, if that fails."""
    with together():
        step = choose(folder, which) if is_first() else 0
    step = int(of_first(str(step)))
    try:
        return load((folder / str(step) / "default").absolute())
    except Exception as error:
        if not (folder / str(step)).exists():  # the run has a newer one and deleted it meanwhile
            return read(folder, which, load, otherwise=otherwise)
        raise UserError(f"checkpoint {folder / str(step)} {otherwise}: {reason_of(error)}") from error


def saved_tree(saved: Path) -> Any:
    """The tree of a checkpoint, with each array's shape and type in its place."""
    return ocp.StandardCheckpointHandler().metadata(saved).tree


def check_shapes(saved: Any, like: TrainState) -> None:
    """Raises UserError where an array was saved in another shape. Orbax would, in threads that print tracebacks."""
    was, now = shapes(saved), shapes(like)
    if others := [name for name in now if name in was and was[name] != now[name]]:
        name, more = others[0], f", and {len(others) - 1} more differ" if others[1:] else ""
        raise UserError(
            f"{name} was saved as {list(was[name])}, and is {list(now[name])} by the arguments in config.json{more}: "
            "put back those that the run was trained with"
        )


def shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree.leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape) for path, leaf in leaves}


def choose(folder: Path, which: Literal["latest", "best"]) -> int:
    """Returns the step of the newest or best whole checkpoint."""
    saved = [step for step in steps(folder) if (folder / str(step) / SEAL).exists()]
    if not saved:
        raise Missing(f"{folder}: no finished checkpoint in it; start the run again with `gan-jax train`")
    whole = []
    for step in saved:
        if is_whole(folder / str(step)):
            whole.append(step)
            if which == "latest":
                break
        elif (folder / str(step)).exists():  # otherwise the run has just deleted it
            print(f"gan-jax: checkpoint {folder / str(step)} is damaged: it isn't as it was saved", file=sys.stderr)
    if not whole:
        raise UserError(f"{folder}: no checkpoint is whole; start the run again with `gan-jax train`")
    merits = {step: saved_merit(read_json(folder / str(step) / "metrics" / "metrics")) for step in whole}
    step = max(whole, key=lambda step: (merits[step], step)) if which == "best" else whole[0]
    if which == "best" and merits[step] == -math.inf:
        raise UserError(f"{folder}: no whole checkpoint was evaluated; train with --evaluate-every N to have a best")
    return step


def steps(folder: Path) -> list[int]:
    """Returns the steps of all checkpoints, finished or not, newest first."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted((int(name) for name in names if name.isdigit()), reverse=True)


def set_aside(folder: Path, after: int) -> None:
    """Moves checkpoints that are damaged or later than a step to the folder `aside`, whose old contents are deleted.

    The run writes its own checkpoints in their place.
    """
    moved = [step for step in steps(folder) if step > after or not is_whole(folder / str(step))]
    if moved:
        shutil.rmtree(folder / ASIDE, ignore_errors=True)
        (folder / ASIDE).mkdir()
    for step in moved:
        (folder / str(step)).rename(folder / ASIDE / str(step))


def saved_merit(metrics: dict[str, float | None] | None) -> float:
    merit = (metrics or {}).get("merit")
    return -math.inf if merit is None else merit


def seal(folder: Path) -> None:
    """Records the checksum of every file of a finished checkpoint."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(SEAL))
    write_whole(folder / SEAL, "".join(f"{sha256_of(path)}  {path.relative_to(folder)}\n" for path in files))


def is_whole(folder: Path) -> bool:
    """Whether a checkpoint is sealed and no file has changed since."""
    try:
        sealed = [line.split("  ", 1) for line in (folder / SEAL).read_text(encoding="utf-8").splitlines()]
        return bool(sealed) and all(sha256_of(folder / name) == known for known, name in sealed)
    except (OSError, ValueError):
        return False
