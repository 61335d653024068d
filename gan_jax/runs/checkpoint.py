"""Checkpoints of the train state: saved by Orbax in the background, sealed with checksums.

A checkpoint may have a merit, a number that is larger where the generator is better. One without a seal was never
finished, and doesn't count.
"""

import contextlib
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import jax
import orbax.checkpoint as ocp

from gan_jax.errors import Missing, UserError
from gan_jax.runs.processes import is_first, lost_a_peer, of_first, together
from gan_jax.storage.files import read_json, sha256_of, write_whole
from gan_jax.types import TrainState

TRASH, ASIDE = "deleted", "aside"
SEAL = "SHA256SUMS"  # in a step's folder, as `sha256sum -c` reads it


class NotSaved(Exception):
    """A checkpoint couldn't be written; those before it are whole."""


class Checkpoints:
    """Saves the checkpoints of one run, a folder a step; the newest `keep` stay, and that of the highest merit.

    Of several processes all save, and the first seals.
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
        """Finishes at the end what is still being written."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits, seals and closes; what went wrong before is what is told."""
        if lost_a_peer(error) or (isinstance(error, NotSaved) and jax.process_count() > 1):
            return  # waiting for the others would not end
        with contextlib.suppress(*([Exception] if error else [])):
            self.finish()
            self.manager.close()
        self.background.shutdown()

    def save(self, step: int, state: TrainState, merit: float | None = None) -> None:
        """Starts to save the state, unless that step is saved already.

        Raises:
          NotSaved: this state can't be written, or the one before couldn't.
        """
        self.finish()
        if step not in self.manager.all_steps():
            folder = self.folder / str(step)
            with saving(folder):
                self.manager.save(step, args=ocp.args.StandardSave(state), metrics={"merit": merit})
            self.sealing = folder, self.background.submit(self.seal_when_saved, folder)

    def seal_when_saved(self, folder: Path) -> None:
        """In the background: a large checkpoint takes as long to check as to write. Empties the trash, too."""
        self.manager.wait_until_finished()
        if is_first():
            seal(folder)
            shutil.rmtree(self.folder / TRASH, ignore_errors=True)

    def tick(self) -> None:
        """Raises NotSaved if the save under way has failed by now; to be called now and then."""
        if self.sealing is not None and self.sealing[1].done():
            self.finish()

    def finish(self) -> None:
        """Waits until the save under way is sealed.

        Raises:
          NotSaved: it couldn't be written.
        """
        if self.sealing is not None:
            (folder, sealed), self.sealing = self.sealing, None
            with saving(folder):
                sealed.result()


@contextlib.contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Whatever goes wrong is that this checkpoint couldn't be written."""
    try:
        yield
    except Exception as error:
        if lost_a_peer(error):
            raise
        raise NotSaved(f"{folder} can't be written: {reason_of(error)}; the checkpoints before it are whole") from error


def reason_of(error: Exception) -> str:
    """In one line, of the many kinds that Orbax and TensorStore raise."""
    text = str(error).partition(" [tensorstore_spec")[0].strip()
    system = re.search(r"os_error_code='(\d+)'", str(error))
    return os.strerror(int(system[1])) if system else next(iter(text.splitlines()), type(error).__name__)


def restore(folder: Path, like: TrainState, which: Literal["latest", "best"] = "latest") -> TrainState:
    """The newest whole state or the best, with the shapes and shardings of `like` (`jax.ShapeDtypeStruct`s).

    Newer or better ones that are damaged are named on stderr. A run that saves meanwhile isn't disturbed.

    Raises:
      FileNotFoundError: nothing was ever saved.
      ValueError: every checkpoint is damaged, or belongs to another experiment; or none has a merit.
    """
    with together():
        step = choose(folder, which) if is_first() else 0
    step = int(of_first(str(step)))
    saved = (folder / str(step) / "default").absolute()
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            check_shapes(ocp.StandardCheckpointHandler().metadata(saved).tree, like)
            return checkpointer.restore(saved, like)
    except Exception as error:
        if not (folder / str(step)).exists():  # the run deleted it meanwhile, for it has a newer one
            return restore(folder, like, which)
        reason = f"{folder / str(step)} doesn't fit the run's experiment.py: {reason_of(error)}"
        raise UserError(f"checkpoint {reason}") from error


def check_shapes(saved: Any, like: TrainState) -> None:
    """Raises ValueError where an array was saved in another shape; Orbax would, in threads that print tracebacks."""
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
    """The step of the newest whole checkpoint or of the best."""
    saved = [step for step in steps(folder) if (folder / str(step) / SEAL).exists()]
    if not saved:
        raise Missing(f"{folder}: no finished checkpoint in it; start the run anew with `gan-jax train`")
    whole = []
    for step in saved:
        if is_whole(folder / str(step)):
            whole.append(step)
            if which == "latest":
                break
        elif (folder / str(step)).exists():  # or else the run has just deleted it
            print(f"gan-jax: checkpoint {folder / str(step)} is damaged: it isn't as it was saved", file=sys.stderr)
    if not whole:
        raise UserError(f"{folder}: no checkpoint is whole; start the run anew with `gan-jax train`")
    merits = {step: saved_merit(read_json(folder / str(step) / "metrics" / "metrics")) for step in whole}
    step = max(whole, key=lambda step: (merits[step], step)) if which == "best" else whole[0]
    if which == "best" and merits[step] == -math.inf:
        raise UserError(f"{folder}: no whole checkpoint was evaluated; train with --evaluate-every N to have a best")
    return step


def steps(folder: Path) -> list[int]:
    """Those of which there is a checkpoint, finished or not, newest first."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted((int(name) for name in names if name.isdigit()), reverse=True)


def set_aside(folder: Path, after: int) -> None:
    """Moves the checkpoints after a step, and those that aren't whole, to the folder `aside`: a run makes its own.

    What lies there from another time goes.
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
    """Whether it is sealed, and every file as it was then."""
    try:
        sealed = [line.split("  ", 1) for line in (folder / SEAL).read_text(encoding="utf-8").splitlines()]
        return bool(sealed) and all(sha256_of(folder / name) == known for known, name in sealed)
    except (OSError, ValueError):
        return False
