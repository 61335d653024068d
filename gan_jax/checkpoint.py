"""Checkpoints of the train state, by Orbax."""

from pathlib import Path
from types import TracebackType
from typing import Self

import jax
import orbax.checkpoint as ocp

from gan_jax.types import TrainState


class Checkpoints:
    """The checkpoints of one run, RUN/checkpoints/STEP; saves in the background, keeps the newest `keep`."""

    def __init__(self, folder: Path, *, keep: int = 2):
        options = ocp.CheckpointManagerOptions(
            preservation_policy=ocp.checkpoint_managers.LatestN(keep),  # best_fn with max_to_keep drops the latest
            todelete_subdir="deleted",  # a kill in mid-delete leaves no half checkpoint listed
        )
        self.folder = folder
        self.manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def __enter__(self) -> Self:
        """Waits at the end for what is still being written."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes, finishing what is being written."""
        self.manager.close()

    def latest(self) -> int | None:
        """The newest step saved, or None."""
        return self.manager.latest_step()

    def save(self, step: int, state: TrainState) -> None:
        """Saves the state unless that step is saved already."""
        if step not in self.manager.all_steps():
            self.manager.save(step, args=ocp.args.StandardSave(state))

    def restore(self, like: TrainState) -> TrainState:
        """The newest state, with the shapes and shardings of `like` (arrays, or `jax.ShapeDtypeStruct`).

        Raises:
          FileNotFoundError: nothing is saved.
          ValueError: the checkpoint is damaged or belongs to another experiment.
        """
        step = self.latest()
        if step is None:
            raise FileNotFoundError(f"{self.folder}: no checkpoint in it; start the run anew with `gan-jax train`")
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        try:
            state = self.manager.restore(step, args=ocp.args.StandardRestore(abstract))
        except Exception as error:  # Orbax and TensorStore raise many kinds for a file that is cut short
            raise ValueError(
                f"checkpoint {self.folder / str(step)} is damaged or of another experiment: remove that folder "
                f"to go on from the one before"
            ) from error
        return state
