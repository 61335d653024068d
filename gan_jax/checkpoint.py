"""Checkpoints of the train state: saved by Orbax in the background, sealed with checksums.

A checkpoint may have a merit, a number that is larger where the generator is better.
"""

import contextlib
import hashlib
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import orbax.checkpoint as ocp

from gan_jax.types import TrainState

TRASH, ASIDE = "deleted", "aside"
SEAL = "SHA256SUMS"  # in a step's folder, as `sha256sum -c` reads it


class NotSaved(Exception):
    """A checkpoint couldn't be written; those before it are whole."""


class Checkpoints:
    """The checkpoints of one run, one folder a step; the newest `keep` are kept, and that of the highest merit.

    writes: whether it is the run itself, which saves here and sweeps up what a kill left. Anyone else may look on.
    """

    def __init__(self, folder: Path, *, keep: int = 2, writes: bool = True):
        policies = ocp.checkpoint_managers
        options = ocp.CheckpointManagerOptions(
            best_fn=merit_of,
            preservation_policy=policies.AnyPreservationPolicy(  # best_fn with max_to_keep drops the latest
                [policies.LatestN(keep), policies.BestN(get_metric_fn=merit_of, n=1)]
            ),
            todelete_subdir=TRASH,  # a kill in mid-delete leaves no half checkpoint listed
            cleanup_tmp_directories=writes,
        )
        self.folder = folder
        self.writes = writes
        self.unsealed: int | None = None
        self.manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def __enter__(self) -> Self:
        """Finishes at the end what is still being written."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits, seals and closes; what went wrong before is what is told."""
        with contextlib.suppress(*([Exception] if error else [])):
            self.finish()
            self.manager.close()

    def save(self, step: int, state: TrainState, merit: float | None = None) -> None:
        """Starts to save the state, unless that step is saved already.

        Raises:
          NotSaved: this state can't be written, or the one before couldn't.
        """
        self.finish()
        if step not in self.manager.all_steps():
            with saving(self.folder / str(step)):
                self.manager.save(step, args=ocp.args.StandardSave(state), metrics={"merit": merit})
            self.unsealed = step

    def tick(self) -> None:
        """Seals the save under way if it is done: to be called now and then, so that a kill meets few unsealed."""
        if self.unsealed is not None and not self.manager.is_saving_in_progress():
            self.finish()

    def finish(self) -> None:
        """Waits for the save under way, seals it, and empties the trash."""
        if self.unsealed is not None:
            folder, self.unsealed = self.folder / str(self.unsealed), None
            with saving(folder):
                self.manager.wait_until_finished()
                seal(folder)
        if self.writes:
            shutil.rmtree(self.folder / TRASH, ignore_errors=True)

    def restore(self, like: TrainState, which: Literal["latest", "best"] = "latest") -> TrainState:
        """The newest whole state or the best, with the shapes and shardings of `like` (`jax.ShapeDtypeStruct`s).

        Newer ones that are damaged are named on stderr. One without a seal was never finished, and doesn't count.

        Raises:
          FileNotFoundError: nothing was ever saved.
          ValueError: every checkpoint is damaged, or belongs to another experiment; or none has a merit.
        """
        saved = self.steps()
        if not saved:
            raise FileNotFoundError(f"{self.folder}: no checkpoint in it; start the run anew with `gan-jax train`")
        if which == "best":
            saved = [max(saved, key=self.merit)]
            if self.merit(saved[0]) == -math.inf:
                raise ValueError(
                    f"{self.folder}: no checkpoint was evaluated; train with --evaluate-every N to have a best"
                )
        for step in saved:
            folder = self.folder / str(step)
            if (folder / SEAL).read_text() == checksums(folder):
                return self.read(step, like)
            print(f"gan-jax: checkpoint {folder} is damaged: its files aren't as they were saved", file=sys.stderr)
        raise ValueError(f"{self.folder}: no checkpoint is whole; start the run anew with `gan-jax train`")

    def read(self, step: int, like: TrainState) -> TrainState:
        try:
            return self.manager.restore(step, args=ocp.args.StandardRestore(like))
        except Exception as error:
            reason = f"{self.folder / str(step)} doesn't fit the run's experiment.py: {reason_of(error)}"
            raise ValueError(f"checkpoint {reason}") from error

    def steps(self) -> list[int]:
        """The steps of which there is a finished checkpoint, newest first."""
        return sorted(filter(self.is_sealed, self.manager.all_steps()), reverse=True)

    def is_sealed(self, step: int) -> bool:
        return (self.folder / str(step) / SEAL).exists()

    def merit(self, step: int) -> float:
        return merit_of(self.manager.metrics(step))

    def set_aside(self, after: int) -> None:
        """Moves those after a step, and unfinished ones, into the folder `aside`: a run that goes on makes its own."""
        for step in self.manager.all_steps():
            if step > after or not self.is_sealed(step):
                to = self.folder / ASIDE / str(step)
                shutil.rmtree(to, ignore_errors=True)
                to.parent.mkdir(exist_ok=True)
                (self.folder / str(step)).rename(to)
        self.manager.reload()


@contextlib.contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Whatever goes wrong is that this checkpoint couldn't be written."""
    try:
        yield
    except Exception as error:
        raise NotSaved(f"{folder} can't be written: {reason_of(error)}; the checkpoints before it are whole") from error


def reason_of(error: Exception) -> str:
    """In one line, of the many kinds that Orbax and TensorStore raise."""
    text = str(error).partition(" [tensorstore_spec")[0].strip()
    system = re.search(r"os_error_code='(\d+)'", str(error))
    return os.strerror(int(system[1])) if system else next(iter(text.splitlines()), type(error).__name__)


def merit_of(metrics: dict[str, float | None] | None) -> float:
    merit = (metrics or {}).get("merit")
    return -math.inf if merit is None else merit


def seal(folder: Path) -> None:
    """Records the checksum of every file of a finished checkpoint."""
    part = folder / f"{SEAL}.part"
    part.write_text(checksums(folder))
    part.replace(folder / SEAL)


def checksums(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(SEAL))
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files)
