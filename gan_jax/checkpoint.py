"""Checkpoints of the train state: saved by Orbax in the background, sealed with checksums.

A checkpoint may have a merit, a number that is larger where the generator is better.
"""

import hashlib
import math
import shutil
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import orbax.checkpoint as ocp

from gan_jax.types import TrainState

TRASH = "deleted"
SEAL = "SHA256SUMS"  # in a step's folder, as `sha256sum -c` reads it


class Checkpoints:
    """The checkpoints of one run, one folder a step; the newest `keep` are kept, and that of the highest merit."""

    def __init__(self, folder: Path, *, keep: int = 2):
        policies = ocp.checkpoint_managers
        options = ocp.CheckpointManagerOptions(
            best_fn=merit_of,
            preservation_policy=policies.AnyPreservationPolicy(  # best_fn with max_to_keep drops the latest
                [policies.LatestN(keep), policies.BestN(get_metric_fn=merit_of, n=1)]
            ),
            todelete_subdir=TRASH,  # a kill in mid-delete leaves no half checkpoint listed
        )
        self.folder = folder
        self.unsealed: int | None = None
        self.manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def __enter__(self) -> Self:
        """Finishes at the end what is still being written."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits, seals and closes."""
        self.finish()
        self.manager.close()

    def save(self, step: int, state: TrainState, merit: float | None = None) -> None:
        """Starts to save the state, unless that step is saved already."""
        self.finish()
        if step not in self.manager.all_steps():
            self.manager.save(step, args=ocp.args.StandardSave(state), metrics={"merit": merit})
            self.unsealed = step

    def tick(self) -> None:
        """Seals the save under way if it is done: to be called now and then, so that a kill meets few unsealed."""
        if self.unsealed is not None and not self.manager.is_saving_in_progress():
            self.finish()

    def finish(self) -> None:
        """Waits for the save under way, seals it, and empties the trash."""
        self.manager.wait_until_finished()
        if self.unsealed is not None:
            seal(self.folder / str(self.unsealed))
            self.unsealed = None
        shutil.rmtree(self.folder / TRASH, ignore_errors=True)

    def restore(self, like: TrainState, which: Literal["latest", "best"] = "latest") -> TrainState:
        """The newest state or the best, with the shapes and shardings of `like` (`jax.ShapeDtypeStruct`s).

        Raises:
          FileNotFoundError: nothing is saved.
          ValueError: the checkpoint is damaged, or belongs to another experiment; or none has a merit.
        """
        step = self.manager.latest_step() if which == "latest" else self.manager.best_step()
        if step is None:
            raise FileNotFoundError(f"{self.folder}: no checkpoint in it; start the run anew with `gan-jax train`")
        if which == "best" and merit_of(self.manager.metrics(step)) == -math.inf:
            raise ValueError(
                f"{self.folder}: no checkpoint was evaluated; train with --evaluate-every N to have a best"
            )
        folder = self.folder / str(step)
        if not is_whole(folder):
            raise ValueError(f"checkpoint {folder} is damaged: remove that folder to go on from the one before")
        try:
            return self.manager.restore(step, args=ocp.args.StandardRestore(like))
        except Exception as error:  # Orbax and TensorStore raise many kinds
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"checkpoint {folder} doesn't fit the run's experiment.py: {reason}") from error


def merit_of(metrics: dict[str, float | None] | None) -> float:
    merit = (metrics or {}).get("merit")
    return -math.inf if merit is None else merit


def seal(folder: Path) -> None:
    """Records the checksum of every file of a finished checkpoint."""
    part = folder / f"{SEAL}.part"
    part.write_text(checksums(folder))
    part.replace(folder / SEAL)


def is_whole(folder: Path) -> bool:
    """Whether every file is as it was sealed. One that was killed before its seal is left to Orbax to judge."""
    return not (folder / SEAL).exists() or (folder / SEAL).read_text() == checksums(folder)


def checksums(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(SEAL))
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files)
