"""The options --features and --weights: the network that metrics look through."""

from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax.errors import UserError

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment
    from gan_jax.types import Measure


def measure_of(experiment: "Experiment", features: str | None, weights: Path | None) -> "Measure":
    """Returns the experiment's own measure, or that of images in the named features."""
    from gan_jax import measures
    from gan_jax.features.names import named

    if features is not None:
        if len(experiment.data.example.x.shape) != 3:
            raise UserError(f"--features {features}: only images have these, and the data aren't images")
        return measures.images(named(features, weights))
    if weights is not None:
        raise UserError(f"--weights {weights}: say which network's, by --features inception")
    if experiment.measure is None:
        raise UserError(
            "the experiment names no measure: give it one, or for images add --features effnet or inception"
        )
    return experiment.measure


def file_of(features: str | None) -> list[Path]:
    """Returns the file of features given as FILE.py:FUNCTION."""
    file, colon, _ = (features or "").rpartition(":")
    return [Path(file)] if colon else []
