"""A run's folder: its configuration, a copy of its experiment, and where everything else lies.

It holds config.json, experiment.py, data.json, metrics.jsonl, tensorboard/, samples/step_*.png, checkpoints/,
result.json and lock; skipped.txt, if some files of the data can't be used; rollbacks.jsonl, if the run diverged and
went back; record.json and wandb/, if it is tracked elsewhere too. With several games (--num-seeds) the pictures and
events of each lie in game_00/, game_01/ ...
"""

import dataclasses
import json
import shutil
import time
import typing
from pathlib import Path
from typing import Any

from gan_jax.data.memory import Note, is_note, recalling
from gan_jax.errors import Missing, UserError
from gan_jax.experiment import Experiment, build, load
from gan_jax.runs.config import as_declared, as_json, check_type
from gan_jax.runs.freeze import frozen
from gan_jax.runs.options import Options
from gan_jax.runs.ramp_up import without_ramp_up
from gan_jax.storage.files import read_json, write_whole
from gan_jax.storage.versions import versions

CONFIG = "config.json"
UNFINISHED = "unfinished"  # a folder that has this file, and no config.json, may be made again
FORMAT = 2  # of config.json. Runs of 1 and before name old modules, and have checkpoints without the states of terms.
LARGEST_MEMORY = 1_000_000_000  # bytes: a run on text remembers all its words


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that exists on disk.

    Attributes:
      folder: Where it lies.
      name: The name of its experiment.
      arguments: What the experiment's function was given.
      options: What every run has beside these arguments.
      data: The name of the data that it is trained on.
      weights: SHA-256 of the weights that --init-from starts it from.
    """

    folder: Path
    name: str
    arguments: dict[str, Any]
    options: Options
    data: str
    weights: str | None = None

    @property
    def config(self) -> Path:
        """The experiment's arguments, the options and the versions."""
        return self.folder / CONFIG

    @property
    def metrics(self) -> Path:
        """A JSON object a line: a step and its metrics. Evaluations have lines of their own."""
        return self.folder / "metrics.jsonl"

    @property
    def has_metrics(self) -> bool:
        """Whether a line of metrics was ever written."""
        return self.metrics.is_file() and self.metrics.stat().st_size > 0

    @property
    def checkpoints(self) -> Path:
        """A folder for each saved step."""
        return self.folder / "checkpoints"

    @property
    def rollbacks(self) -> Path:
        """A JSON object a line, one for each time that the run diverged and went back."""
        return self.folder / "rollbacks.jsonl"

    @property
    def record(self) -> Path:
        """The id of the run's record at the tracker that --track names."""
        return self.folder / "record.json"

    @property
    def memory(self) -> Path:
        """Facts about the data, to draw samples where the data aren't."""
        return self.folder / "data.json"

    @property
    def skipped(self) -> Path:
        """The files of the data that can't be used, with reasons."""
        return self.folder / "skipped.txt"

    @property
    def result(self) -> Path:
        """The results of `gan-jax evaluate`."""
        return self.folder / "result.json"

    def picture(self, step: int, game: int = 0) -> Path:
        """The picture of a game's samples at a step."""
        folder = self.folder / "samples"
        return (folder if self.options.num_seeds == 1 else folder / game_name(game)) / f"step_{step:07d}.png"

    def experiment(self, **changed: Any) -> Experiment:
        """The experiment as it was run, with some arguments changed."""
        function = load(self.folder / "experiment.py")
        built = build(function, as_declared(function, self.arguments | changed), self.options.precision)
        return without_ramp_up(frozen(built, self.options.freeze), self.options.init_from)

    def without_data(self) -> Experiment:
        """The experiment with stand-ins for its data, which open no file and have no examples.

        Raises:
          UserError: data.json isn't as this run wrote it.
        """
        try:
            notes = read_json(self.memory, LARGEST_MEMORY)
            if not all(map(is_note, notes)):
                raise UserError("it isn't what a run writes")
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{self.memory} is missing or broken ({error}): restore it, or start a new run") from error
        with recalling(notes):
            return self.experiment()


def free_folder(name: str) -> Path:
    """Returns runs/NAME, or the first of runs/NAME_2, runs/NAME_3 ... that isn't taken."""
    number, folder = 1, Path("runs") / name
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{name}_{number}"
    return folder


def game_name(number: int) -> str:
    """The name of a game's folder, where a run has several games."""
    return f"game_{number:02d}"


def check_free(folder: Path, option: str = "--run-dir") -> None:
    """Raises UserError if the folder holds anything but a run that was killed while it was made.

    Args:
      folder: The folder.
      option: What chooses another one.
    """
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{str(folder)!a}: checkpoints can't lie there; name a {option} in UTF-8") from error
    if (folder / CONFIG).exists():
        raise UserError(f"{folder} holds a run already: `gan-jax resume {folder}` goes on, or give another {option}")
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / UNFINISHED).exists())):
        raise UserError(f"{folder} is not an empty folder: give another {option}")


def create(
    folder: Path,
    file: Path,
    arguments: dict[str, Any],
    options: Options,
    data: str,
    memory: list[Note] | None = None,
    weights: str | None = None,
) -> Run:
    """Makes a run's folder. Its config.json, which makes it a run, is written last.

    Args:
      folder: The folder; checked by `check_free`.
      file: The experiment.
      arguments: What the experiment's function was given.
      options: What every run has beside these arguments.
      data: The name of the data.
      memory: Notes on the data, to draw samples where the data aren't.
      weights: SHA-256 of the weights that the run starts from, if they are another run's.
    """
    run = Run(folder, file.stem, arguments, options, data, weights)
    text = config_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / UNFINISHED).touch()
    for game in range(options.num_seeds):
        run.picture(0, game).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, folder / "experiment.py")
    run.memory.write_text(json.dumps(memory or []) + "\n", encoding="utf-8")
    write_whole(run.config, text)
    (folder / UNFINISHED).unlink()
    return open_run(folder)


def change_steps(run: Run, steps: int) -> Run:
    """Gives the run another number of steps, in its config.json too."""
    changed = dataclasses.replace(run, arguments=run.arguments | {"steps": steps})
    write_whole(changed.config, config_of(changed))
    return changed


def config_of(run: Run) -> str:
    """The text of config.json.

    Raises:
      UserError: An argument is neither a number, a string, a path nor a list of these.
    """
    config = {
        "format": FORMAT,
        "experiment": run.name,
        "data": run.data,
        "arguments": run.arguments,
        "options": dataclasses.asdict(run.options),
        "weights": run.weights,
        "versions": versions(),
    }
    return json.dumps(config, indent=2, default=as_json) + "\n"


def open_run(folder: Path) -> Run:
    """Reads a run's folder.

    Raises:
      Missing: It isn't one.
      UserError: Its config.json can't be read, or another version wrote it.
    """
    path = folder / CONFIG
    if str(folder).startswith("zoo:") or folder.suffix == ".ganjax":
        raise Missing(f"{folder} is a bundle, which has no data or settings: name a run's folder")
    if not path.is_file():
        raise Missing(f"{folder.absolute()} isn't a run (it has no config.json): `gan-jax train` makes one")
    try:
        config = read_json(path)
        if config.get("format") == FORMAT:
            options = Options(**config["options"])
            for name, hint in typing.get_type_hints(Options).items():
                check_type(name, getattr(options, name), hint)
            options = Options(**as_declared(Options, config["options"]))
            arguments = dict(config["arguments"])
            return Run(folder, config["experiment"], arguments, options, config["data"], config.get("weights"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is broken ({error}): restore it, or start a new run") from error
    raise UserError(f"{path} was written by another version of gan_jax: train again with this one")


def open_shared(folder: Path, patience: float = 90.0) -> Run:
    """Reads a run's folder that another process has just made, which a network's file system may show late.

    Args:
      folder: The run's folder.
      patience: Seconds to wait for it.

    Raises:
      UserError: It doesn't appear in that time.
    """
    deadline = time.monotonic() + patience
    while not (folder / CONFIG).is_file():
        if time.monotonic() > deadline:
            raise UserError(f"{folder.absolute()} isn't seen here: a run's folder must lie where all processes see it")
        time.sleep(0.1)
    return open_run(folder)
