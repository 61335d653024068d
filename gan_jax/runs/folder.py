"""A run's folder: its configuration, a copy of its experiment, and where everything else lies.

RUN/config.json, experiment.py, data.json, metrics.jsonl, tensorboard/, samples/step_*.png, checkpoints/, result.json,
lock; skipped.txt, if files of the data can't be used; rollbacks.jsonl, if it diverged and went back
With several games (--num-seeds) the pictures and events of each lie in game_00/, game_01/ ...
"""

import contextlib
import dataclasses
import json
import shutil
import time
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_jax.data.memory import Note, recalling
from gan_jax.data.source import Source
from gan_jax.errors import Missing, UserError
from gan_jax.experiment import Experiment, build, load
from gan_jax.runs.config import as_declared, as_json, check_type, is_path
from gan_jax.runs.options import Options
from gan_jax.storage.files import PART, read_json, sha256_of, write_whole
from gan_jax.storage.versions import versions

CONFIG = "config.json"
FORMAT = 1  # of config.json; the runs of before the modules moved have none, and their experiments import old names
LARGEST_MEMORY = 1_000_000_000  # bytes: of a text its words are remembered


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that exists on disk.

    data: what it is trained on, by its source's name.
    """

    folder: Path
    name: str
    arguments: dict[str, Any]
    options: Options
    data: str

    @property
    def config(self) -> Path:
        """The experiment's arguments, the options and the versions."""
        return self.folder / CONFIG

    @property
    def metrics(self) -> Path:
        """One JSON object a line: the step and its metrics. Evaluations have lines of their own."""
        return self.folder / "metrics.jsonl"

    @property
    def has_metrics(self) -> bool:
        """Whether a line of metrics was ever written."""
        return self.metrics.is_file() and self.metrics.stat().st_size > 0

    @property
    def checkpoints(self) -> Path:
        """One folder a step."""
        return self.folder / "checkpoints"

    @property
    def rollbacks(self) -> Path:
        """One JSON object for each time that the run diverged and went back."""
        return self.folder / "rollbacks.jsonl"

    @property
    def memory(self) -> Path:
        """What the run remembers of its data, for where they aren't."""
        return self.folder / "data.json"

    @property
    def skipped(self) -> Path:
        """The files of the data that can't be used, and why."""
        return self.folder / "skipped.txt"

    @property
    def result(self) -> Path:
        """What `gan-jax evaluate` measured."""
        return self.folder / "result.json"

    def picture(self, step: int, game: int = 0) -> Path:
        """The samples of a game at a step."""
        folder = self.folder / "samples"
        return (folder if self.options.num_seeds == 1 else folder / game_name(game)) / f"step_{step:07d}.png"

    def experiment(self, **changed: Any) -> Experiment:
        """The experiment as it was run, with some arguments changed."""
        function = load(self.folder / "experiment.py")
        return build(function, as_declared(function, self.arguments | changed), self.options.precision)

    def without_data(self) -> Experiment:
        """The experiment with stand-ins for its data, which open nothing and have no examples.

        Raises:
          ValueError: data.json isn't what this run wrote.
        """
        try:
            notes = read_json(self.memory, LARGEST_MEMORY)
            if not all(one.keys() == {"loader", "data"} for one in notes):
                raise UserError("it isn't what a run writes")
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UserError(f"{self.memory} is missing or broken ({error}): restore it, or start a new run") from error
        with recalling(notes):
            return self.experiment()


def moved(run: Run, data: Path | None) -> Run:
    """The run with its data in another place; None: where they were.

    Raises:
      ValueError: there is nothing in that place, or not one argument of the experiment names one.
    """
    if data is None:
        return run
    hints = typing.get_type_hints(load(run.folder / "experiment.py"))
    names = [name for name in run.arguments if run.arguments[name] is not None and is_path(hints.get(name))]
    if len(names) != 1:
        some = f"{' and '.join(names)} do: change them" if names else "none of its arguments does: change experiment.py"
        raise UserError(
            f"--data {data}: one argument of {run.name} must name the place of its data; {some} in {run.folder}"
        )
    if not data.exists():
        raise Missing(f"--data {data}: no such file or folder")
    return dataclasses.replace(run, arguments=run.arguments | {names[0]: data})


def check_same_data(run: Run, experiment: Experiment) -> None:
    """Raises ValueError if the data are others than the run began with, as a folder is that was added to."""
    now, found = experiment.data.name, experiment.data.found
    if run.data == now:
        return
    skipped = {one.what for one in found.skipped} if found else set()
    mended = [name for name in names_in(run.skipped) if name not in skipped]
    why = f" ({found.line()})" if found and (found.skipped or found.ignored) else ""
    advice = "put them back as they were"
    if mended:
        advice = f"{mended[0]} was skipped as the run began, and can be used now: move it away, or start a new run"
    raise UserError(f"{run.folder}: its data were {run.data}, now they are {now}{why}: {advice}")


def names_in(skipped: Path) -> list[str]:
    """What a skipped.txt names, if there is one."""
    if not skipped.is_file():
        return []
    return [line.partition(": ")[0] for line in skipped.read_text(encoding="utf-8").splitlines()]


def tell_found(run: Run, source: Source) -> str:
    """One line of what the data are and what of them isn't used; all reasons go into RUN/skipped.txt."""
    if source.found is None:
        size = "endless examples" if source.size is None else f"{source.size:,} examples"
        return f"{source.name}, {size}" + (f" in {source.classes} classes" if source.classes else "")
    lines = [f"{one.what}: {one.why}\n" for one in source.found.skipped]
    try:
        run.skipped.unlink(missing_ok=True)
        if lines:
            run.skipped.write_text("".join(lines), encoding="utf-8")
    except OSError:
        return source.found.line()
    return source.found.line(str(run.skipped))


class OtherFormat(UserError):
    """A run's folder that another version of gan_jax made."""


class InUse(UserError):
    """Another process trains in the run's folder."""


@contextlib.contextmanager
def held(run: Run) -> Iterator[None]:
    """Holds the run's folder against other processes until the end; the system lets go of it when a process dies.

    Raises:
      InUse: it is held already.
    """
    from filelock import FileLock, Timeout

    try:
        lock = FileLock(run.folder / "lock").acquire(blocking=False)
    except Timeout as error:
        raise InUse(f"{run.folder}: another process trains in it; wait for its end, or stop it") from error
    with lock:
        yield


def free_folder(name: str) -> Path:
    """runs/NAME, or the first of runs/NAME_2, runs/NAME_3 ... that isn't taken."""
    number, folder = 1, Path("runs") / name
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{name}_{number}"
    return folder


def game_name(number: int) -> str:
    """What a game's folder is called, where a run has several."""
    return f"game_{number:02d}"


def check_free(folder: Path) -> None:
    """Raises ValueError if the folder holds anything, but for a run that was killed as it was made."""
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{str(folder)!a}: checkpoints can't lie there; name a --run-dir in UTF-8") from error
    if (folder / CONFIG).exists():
        raise UserError(f"{folder} holds a run already: `gan-jax resume {folder}` goes on, or give another --run-dir")
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / (CONFIG + PART)).exists())):
        raise UserError(f"{folder} is not an empty folder: give another --run-dir")


def create(
    folder: Path, file: Path, arguments: dict[str, Any], options: Options, data: str, memory: list[Note] | None = None
) -> Run:
    """Makes the folder, with the experiment's file and all that it was given; config.json comes last.

    data: their name.
    memory: what the run remembers of them.
    """
    run = Run(folder, file.stem, arguments, options, data)
    text = config_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / (CONFIG + PART)).write_text(text, encoding="utf-8")
    for game in range(options.num_seeds):
        run.picture(0, game).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, folder / "experiment.py")
    run.memory.write_text(json.dumps(memory or []) + "\n", encoding="utf-8")
    write_whole(run.config, text)
    return open_run(folder)


def change_steps(run: Run, steps: int) -> Run:
    """The same run with another length, written down."""
    changed = dataclasses.replace(run, arguments=run.arguments | {"steps": steps})
    write_whole(changed.config, config_of(changed))
    return changed


def config_of(run: Run) -> str:
    """What config.json holds.

    Raises:
      ValueError: an argument is neither a number, a string, a path nor a list of such.
    """
    config = {
        "format": FORMAT,
        "experiment": run.name,
        "data": run.data,
        "arguments": run.arguments,
        "options": dataclasses.asdict(run.options),
        "versions": versions(),
    }
    return json.dumps(config, indent=2, default=as_json) + "\n"


def described(command: str, file: Path, arguments: dict[str, Any], options: Options, data: Source) -> dict[str, Any]:
    """What processes that train together must have alike."""
    code = sha256_of(file)[:12]
    same = {"command": command, "experiment": code, **arguments, **dataclasses.asdict(options), **versions()}
    found = data.found.line() if data.found else f"{data.size} examples"
    return same | {"data": f"{data.name} ({found}; {data.classes} classes)"}


def open_run(folder: Path) -> Run:
    """Reads a run's folder.

    Raises:
      FileNotFoundError: it isn't one.
      ValueError: its config.json can't be read.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise Missing(f"{folder.absolute()} is no run (it has no config.json): `gan-jax train` makes one")
    try:
        config = read_json(path)
        if config.get("format") != FORMAT:
            raise OtherFormat(f"{path} was written by another version of gan_jax: train again with this one")
        options = Options(**config["options"])
        for name, hint in typing.get_type_hints(Options).items():
            check_type(name, getattr(options, name), hint)
        return Run(folder, config["experiment"], dict(config["arguments"]), options, config["data"])
    except OtherFormat:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is broken ({error}): restore it, or start a new run") from error


def open_shared(folder: Path, patience: float = 90.0) -> Run:
    """Reads a run's folder that another process has just made; a network's file system may show it late.

    Raises:
      ValueError: it isn't to be seen within so many seconds.
    """
    deadline = time.monotonic() + patience
    while not (folder / CONFIG).is_file():
        if time.monotonic() > deadline:
            raise UserError(f"{folder.absolute()} isn't seen here: a run's folder must lie where all processes see it")
        time.sleep(0.1)
    return open_run(folder)
