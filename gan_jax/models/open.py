"""Opening a model by the name that a command is given: a run's folder, a bundle's file, or zoo:NAME."""

import importlib.resources
from pathlib import Path

from gan_jax.errors import Missing, UserError
from gan_jax.evaluation.result import is_conditional
from gan_jax.models import bundle
from gan_jax.models.model import Model
from gan_jax.runs.folder import open_run
from gan_jax.runs.trained import Trained, Which, open_trained_to_sample

ZOO = "zoo:"


def open_model(where: Path | str, game: int = 0, checkpoint: Which = "latest") -> Model:
    """Opens a trained generator.

    Args:
      where: A run's folder, a bundle, or zoo:NAME for one that comes with the package.
      game: Which game of a run of several, from 0.
      checkpoint: Which checkpoint of a run.

    Raises:
      Missing: There is no such thing.
      UserError: It can't be opened, or isn't a run where a game or a checkpoint is chosen.
    """
    where = Path(where)
    if where.is_dir():
        return model_of(open_run(where).name, open_trained_to_sample(where, checkpoint), game)
    file = file_of(where)
    if (game, checkpoint) != (0, "latest"):
        raise UserError(f"{where}: a bundle holds one generator: leave --game and --checkpoint out")
    return bundle.read(file)


def file_of(where: Path) -> Path:
    """The bundle's file."""
    if str(where).startswith(ZOO):
        return in_zoo(str(where).removeprefix(ZOO))
    if where.suffix != bundle.SUFFIX and not where.is_file():
        raise Missing(
            f"{where}: no such run or bundle; name a run's folder, a {bundle.SUFFIX} file, or {names_in_zoo()}"
        )
    return where


def in_zoo(name: str) -> Path:
    """The file of a model that comes with the package."""
    file = folder_of_zoo() / f"{name}{bundle.SUFFIX}"
    if not file.is_file():
        raise Missing(f"{ZOO}{name}: the zoo has {names_in_zoo()}")
    return file


def names_in_zoo() -> str:
    names = sorted(file.stem for file in folder_of_zoo().glob(f"*{bundle.SUFFIX}"))
    return ", ".join(f"{ZOO}{name}" for name in names)


def folder_of_zoo() -> Path:
    return Path(str(importlib.resources.files("gan_jax.models"))) / "zoo"


def model_of(name: str, trained: Trained, game: int) -> Model:
    """The model of a game of an opened run; its conditions are left out where samples don't depend on them."""
    built = trained.experiment
    conditional = is_conditional(built)
    return Model(
        name=name,
        step=trained.step,
        network=built.nets.generator,
        variables=trained.generator(game),
        prior=built.prior,
        conditions=built.data.conditions if conditional else None,
        classes=built.data.classes if conditional else 0,
        view=built.view,
    )
