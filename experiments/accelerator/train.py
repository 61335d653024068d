"""Trains the image experiments on CIFAR-10 for a few minutes, as `gan-jax train` does, then evaluates and samples each.

bash experiments/accelerator/train.sh [SECONDS] [--rehearse]

For each run it writes the speed, the figures and a grid of samples. Cases without figures from an earlier call come
first.
"""

import contextlib
import functools
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import tyro
from stamp import ROOT, file_name, known, save, stamp
from travel import bring_home, bring_in
from tyro.conf import FlagCreatePairsOff, Positional

from gan_jax.types import Array

LEAST = 70  # seconds of a training, most of which may go into compiling
FINISHING = 75  # seconds that evaluations and samples get, all side by side
SAVING = 30  # seconds that a run gets to save itself

Row = dict[str, Any]


class Case(NamedTuple):
    """A training.

    Attributes:
      experiment: The name of its file.
      precision: That of `gan-jax train`.
      arguments: Arguments of the experiment that aren't its defaults.
    """

    experiment: str
    precision: str
    arguments: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.experiment}_{self.precision}"

    @property
    def flags(self) -> str:
        return "".join(f" --{name.replace('_', '-')} {value}" for name, value in self.arguments.items())


class Plan(NamedTuple):
    """The cases, and their seconds.

    Attributes:
      patience: Seconds to wait for the first line of metrics, beyond the time of all training.
      settings: Arguments of `gan-jax train`.
      evaluation: Arguments of `gan-jax evaluate`.
    """

    cases: list[Case]
    training: float
    patience: float
    finishing: float
    settings: str
    evaluation: str


CASES = [
    Case("sngan_cifar10", "bf16", {}),
    Case("sngan_cifar10", "f32", {}),
    Case("wgan_gp_cifar10", "bf16", {}),
    Case("wgan_gp_cifar10", "f32", {}),
    Case("r3gan_cifar10", "f32", {"batch_size": 64}),  # the share of one of the paper's eight GPUs; bfloat16 inside
]
REHEARSAL = Plan(
    [CASES[0], CASES[-1]._replace(arguments={})],
    training=24,
    patience=200,
    finishing=300,
    settings="--width 4 --batch-size 4 --log-every 1",
    evaluation=f"--features {Path(__file__)}:brightness --num 20",
)


def main(seconds: Positional[float], *, data_dir: Path, runs: Path, rehearse: FlagCreatePairsOff[bool] = False) -> None:
    """Train, evaluate and sample.

    Args:
      seconds: Seconds in all.
      data_dir: Folder of the prepared cifar10.
      runs: Folder of the runs; existing ones are resumed.
      rehearse: Two tiny games, for 12 seconds each.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that children are ended
    start, measured_on = time.monotonic(), stamp(rehearsal=rehearse)
    earlier = [] if rehearse else known("train", measured_on["card"])
    plan = REHEARSAL if rehearse else plan_of(seconds, earlier)
    out = Path(os.environ["OUT"])
    runs.mkdir(parents=True, exist_ok=True)
    if not rehearse:
        bring_in(ROOT / ".accelerator", runs)
    rows: list[Row] = []

    def keep() -> list[str]:
        file = save("train", {"stamp": measured_on, "rows": merged(earlier, rows, measured_on)})
        return [*bring_home(runs, out), str(file)]

    last = start + plan.training + plan.patience
    for number, case in enumerate(plan.cases, 1):
        until = start + plan.training * number / len(plan.cases)
        print(f"training {case.name} for {until - time.monotonic():.0f} s", flush=True)
        rows.append(train(case, runs, f"--data-dir {data_dir} {plan.settings}", until, last))
        keep()
    end = max(start + plan.training + plan.finishing, time.monotonic() + SAVING)
    pictures = [out / file_name(row["name"], measured_on["card"], "png") for row in rows]
    with ThreadPoolExecutor() as pool:
        rows = list(pool.map(functools.partial(finish, runs, plan.evaluation, end), pictures, rows))
    print(*keep(), *map(line_of, rows), sep="\n")
    if any(row["error"] or row["unmeasured"] for row in rows):
        sys.exit(1)


def plan_of(seconds: float, earlier: list[Row]) -> Plan:
    """Plans as many cases as the time allows: those without figures first, then those with the oldest figures.

    Raises:
      SystemExit: There is no time for any.
    """
    if seconds < LEAST + FINISHING:
        sys.exit(f"train.sh {seconds:.0f}: give it {LEAST + FINISHING} seconds or more")
    dates = {row["name"]: row["date"] for row in earlier if row["results"]}
    due = sorted(CASES, key=lambda case: dates.get(case.name, ""))
    training = seconds - FINISHING
    settings = "--sample-every 5000 --save-every 5000"
    evaluation = "--features effnet --num 5000 --num-real 10000"  # as many as in SNGAN's paper
    return Plan(due[: int(training / LEAST)], training, 0, FINISHING, settings, evaluation)


def merged(earlier: list[Row], rows: list[Row], measured_on: dict[str, Any]) -> list[Row]:
    """Replaces rows of the same names by new ones with commit and date, unless the old ones hold more."""
    found = {row["name"]: row for row in earlier}
    for row in rows:
        before = found.get(row["name"])
        if before is None or amount(row) >= amount(before):
            found[row["name"]] = row | {name: measured_on[name] for name in ("commit", "date")}
    return list(found.values())


def amount(row: Row) -> int:
    """Returns 0 for a failed row, 1 for a trained one, 2 for one that was evaluated too."""
    return 0 if row["error"] else 2 if row["results"] else 1


def brightness(x: Array) -> Array:
    """Computes a rehearsal's features of images [B, H, W, C]: means of channels and of quarters, [B, C + 4]."""
    quarters = [jnp.mean(x[:, i : i + 16, j : j + 16], axis=(1, 2, 3)) for i in (0, 16) for j in (0, 16)]
    return jnp.concatenate([jnp.mean(x, axis=(1, 2)), jnp.stack(quarters, axis=1)], axis=1)


def train(case: Case, runs: Path, settings: str, until: float, last: float) -> Row:
    """Starts or resumes a run, and stops it when its time is over.

    Args:
      case: The case.
      runs: Folder of the runs.
      settings: Arguments of `gan-jax train`.
      until: When to stop it, by time.monotonic(), or at its first line of metrics if that comes later.
      last: When to stop it in any case.
    """
    run, log = runs / case.name, runs / f"{case.name}.log"
    if (run / "config.json").is_file():
        command = f"resume {run}"
    else:
        shutil.rmtree(run, ignore_errors=True)  # what began, and was killed
        file = f"experiments/{case.experiment}.py"
        command = f"train {file} --precision {case.precision} --run-dir {run} {settings}{case.flags}"
    start, begun_at = time.monotonic(), last_step(run)
    seen: list[tuple[float, int]] = []  # seconds, step
    with playing(command, log) as process:
        while process.poll() is None and time.monotonic() < (until if seen else last):
            time.sleep(0.2)
            if (step := last_step(run)) != (seen[-1][1] if seen else begun_at):
                seen.append((time.monotonic() - start, step))
        process.terminate()  # it saves itself after its step
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SAVING)
    error = None if process.returncode in (0, 128 + signal.SIGTERM) else last_line(log)
    if not seen:
        error = error or "it was stopped before its first line of metrics"
    return {
        "name": case.name,
        "experiment": case.experiment,
        "precision": case.precision,
        "command": f"gan-jax {command}".replace(str(runs), "RUNS"),
        "begun_at": begun_at,
        "updates": last_step(run),
        "of": steps_of(run),
        "seconds": time.monotonic() - start,
        "first_line_after": seen[0][0] if seen else None,
        "updates_a_second": rate(seen),
        "picture": None,
        "results": [],
        "error": error,
        "unmeasured": None,
    }


@contextlib.contextmanager
def playing(command: str, log: Path) -> "Iterator[subprocess.Popen[str]]":
    """Starts a gan-jax that writes into the log; at the end kills it if it still runs."""
    with log.open("a", encoding="utf-8") as text:
        process = subprocess.Popen(
            [sys.executable, "-m", "gan_jax", *shlex.split(command)],
            stdout=text,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def last_step(run: Path) -> int:
    """Returns the step of the last whole line of metrics, or 0 before there is one."""
    with contextlib.suppress(FileNotFoundError):
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
        return int(json.loads(lines[-1])["step"]) if lines else 0
    return 0


def steps_of(run: Path) -> int | None:
    """Returns the number of updates of the experiment."""
    with contextlib.suppress(FileNotFoundError):
        return int(json.loads((run / "config.json").read_text(encoding="utf-8"))["arguments"]["steps"])
    return None


def rate(seen: list[tuple[float, int]]) -> float | None:
    """Returns updates per second between the first and the last line of metrics, without start and compilation."""
    if len(seen) < 2:
        return None
    (start, first), (end, last) = seen[0], seen[-1]
    return (last - first) / (end - start)


def last_line(log: Path) -> str:
    lines = [line.split("\r")[-1].strip() for line in log.read_text(encoding="utf-8").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")


def finish(runs: Path, evaluation: str, end: float, picture: Path, row: Row) -> Row:
    """Adds the figures of `gan-jax evaluate` to a row, and draws a grid of samples."""
    if row["error"]:
        return row
    run, log = runs / row["name"], runs / f"{row['name']}_finish.log"
    for command in (f"sample {run} --out {shlex.quote(str(picture))}", f"evaluate {run} {evaluation}"):
        with playing(command, log) as process:
            try:
                code = process.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                return {**row, "unmeasured": f"no time was left for gan-jax {shlex.split(command)[0]}"}
        if code:
            return {**row, "unmeasured": last_line(log)}
        row = {**row, "picture": picture.name}
    return {**row, "results": json.loads((run / "result.json").read_text(encoding="utf-8"))["results"][-1:]}


def line_of(row: Row) -> str:
    """Formats a row in one line."""
    if row["error"]:
        return f"{row['name']}: {row['error']}"
    rate = "" if row["updates_a_second"] is None else f", {row['updates_a_second']:.1f} a second"
    figures = {name: values[1] for result in row["results"] for name, values in result["quartiles"].items()}
    measured = "".join(f", {name} {value:.3g}" for name, value in figures.items())
    why = f"; not measured: {row['unmeasured']}" if row["unmeasured"] else ""
    return f"{row['name']}: {row['updates']:,} of {row['of']:,} updates in {row['seconds']:.0f} s{rate}{measured}{why}"


if __name__ == "__main__":
    tyro.cli(main)
