"""A sweep: a grid over the arguments of an experiment, in which each point is a run with a folder of its own.

The runs' folders are all that a sweep keeps, so its grid may grow, in values and in arguments.
"""

import dataclasses
import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.errors import UserError
from gan_jax.evaluation import result_file
from gan_jax.evaluation.compare import Results
from gan_jax.evaluation.examples import part_of
from gan_jax.experiment import Experiment
from gan_jax.runs.checkpoint import is_whole, steps
from gan_jax.runs.config import as_json
from gan_jax.runs.folder import CONFIG, Run, check_free, open_run
from gan_jax.runs.options import Options
from gan_jax.types import Measure, Protocol

Values = dict[str, Sequence[Any]]  # of each argument of the experiment


class Point(NamedTuple):
    """A point of the grid.

    Attributes:
      name: The values that vary, such as "gamma_0.1_width_16".
      varied: The arguments that vary.
      folder: Where its run lies, or will lie.
      arguments: What the experiment's function is given.
    """

    name: str
    varied: dict[str, Any]
    folder: Path
    arguments: dict[str, Any]

    @property
    def is_run(self) -> bool:
        """Whether the run was created."""
        return (self.folder / CONFIG).exists()

    @property
    def is_trained(self) -> bool:
        """Whether the run's last step was saved, and nothing of it is damaged."""
        folder = self.folder / "checkpoints"
        return any(step >= self.arguments["steps"] and is_whole(folder / str(step)) for step in steps(folder))

    def result(self, protocol: Protocol) -> dict[str, Any] | None:
        """Returns the trained run's figures by a protocol, if they were measured."""
        file = self.folder / "result.json"
        results = result_file.load(file) if file.exists() else []
        of_last_step = (one for one in results if one["made"].get("step") == self.arguments["steps"])
        return next((one for one in of_last_step if protocol.items() <= one["protocol"].items()), None)


def points_of(folder: Path, file: Path, values: Values, options: Options) -> list[Point]:
    """Lays out the grid; the last argument varies fastest.

    Args:
      folder: The sweep's folder. Runs in it that have a point's arguments are its runs, whatever their names.
      file: The experiment.
      values: The values of each argument.
      options: The options of every run.

    Raises:
      UserError: There is nothing to vary, or the folder holds something else than runs of this sweep.
    """
    axes = {name: list(dict.fromkeys(several)) for name, several in values.items()}
    for name, several in axes.items():
        if not several:
            raise UserError(f"{flag(name)} has no value: give it one or more")
    varied = [name for name, several in axes.items() if len(several) > 1]
    if not varied:
        raise UserError("the grid has one point: give an argument two or more values, or use `gan-jax train`")
    before = {run.folder: run for run in runs_in(folder)}
    for run in before.values():
        check_same(run, file, {name: one for name, (one, *_) in axes.items() if name not in varied}, options)
    points: dict[str, Point] = {}
    for chosen in itertools.product(*axes.values()):
        arguments = dict(zip(axes, chosen))
        here = {name: arguments[name] for name in varied}
        name = "_".join(f"{argument}_{word(value)}" for argument, value in here.items())
        if name in points:
            raise UserError(f"two points of the grid are named {name}: give values whose letters and digits differ")
        lies = next((run.folder for run in before.values() if run.arguments == saved(arguments)), folder / name)
        if (other := before.get(lies)) and other.arguments != saved(arguments):
            told = ", ".join(f"{flag(one)} {other.arguments[one]}" for one in here)
            raise UserError(f"{lies} is the run of {told}: give values whose letters and digits differ")
        points[name] = Point(name, here, lies, arguments)
    for point in points.values():
        if not point.is_run:
            check_free(point.folder, "--out")
    return list(points.values())


def runs_in(folder: Path) -> list[Run]:
    """Returns the runs in a sweep's folder; raises UserError if it can't be one."""
    if (folder / CONFIG).exists():
        raise UserError(f"{folder} is a run: give another --out")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is not a folder: give another --out")
    return [open_run(path.parent) for path in sorted(folder.glob(f"*/{CONFIG}"))]


def check_same(run: Run, file: Path, fixed: dict[str, Any], options: Options) -> None:
    """Raises UserError if a run of the sweep was made from another experiment, fixed argument or option."""
    if (run.folder / "experiment.py").read_bytes() != file.read_bytes():
        raise UserError(f"{run.folder} was made from another experiment than {file} is now: give another --out")
    was = run.arguments | saved(dataclasses.asdict(run.options))
    for name, value in saved(fixed | dataclasses.asdict(options)).items():
        if was[name] != value:
            alone = " move that run away if it was resumed alone," if name == "steps" else ""
            raise UserError(
                f"{run.folder} has {flag(name)} {was[name]}, not {value}: keep that,{alone} or give another --out"
            )


def saved(arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns arguments as config.json gives them back."""
    return json.loads(json.dumps(arguments, default=as_json))


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def word(value: Any) -> str:
    """Returns a value as part of a folder's name."""
    short = f"{value:g}" if isinstance(value, float) else ""
    text = short if short and float(short) == value else str(value)
    return re.sub(r"[^\w.+-]+", "_", text).strip("_")


def protocol_of(experiment: Experiment, measure: Measure, num: int, split: str) -> Protocol:
    """Returns the protocol that identifies this sweep's evaluation of a point."""
    real = part_of(experiment.data, split)
    count = real.size or num
    parts = {"data": real.name, "real": count, "generated": num, "generator": "EMA"}
    return saved({**parts, **measure.protocol(count)})


def by_protocol(results: Results) -> list[Results]:
    """Groups results by protocol: points with data of their own aren't compared with others."""
    groups: dict[str, Results] = {}
    for name, result in results.items():
        groups.setdefault(json.dumps(result["protocol"], sort_keys=True), {})[name] = result
    return list(groups.values())
