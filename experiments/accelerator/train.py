"""Trains the image experiments on CIFAR-10 for a few minutes, as `gan-jax train` does, then evaluates and samples each.

Of each run home come its rate, its figures, a grid of samples, its folder without checkpoints (runs.tar.gz), and its
last checkpoint if that is small (NAME.tar): one that is put into .accelerator/1 is resumed by the next call.
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
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import tyro
from stamp import ROOT, file_name, known, save, stamp
from tyro.conf import FlagCreatePairsOff, Positional

from gan_jax.types import Array

LEAST = 70  # seconds of a training, most of which may go into compiling
FINISHING = 75  # seconds that evaluations and samples get, all side by side
LIMIT = 15 * 2**20  # bytes of a checkpoint that comes home

Row = dict[str, Any]


class Case(NamedTuple):
    experiment: str
    precision: str

    @property
    def name(self) -> str:
        return f"{self.experiment}_{self.precision}"


class Plan(NamedTuple):
    """training, finishing: seconds of all. settings, evaluation: arguments of `gan-jax train` and `evaluate`."""

    cases: list[Case]
    training: float
    finishing: float
    settings: str
    evaluation: str


CASES = [
    Case("sngan_cifar10", "bf16"),
    Case("sngan_cifar10", "f32"),
    Case("wgan_gp_cifar10", "bf16"),
    Case("wgan_gp_cifar10", "f32"),
]
REHEARSAL = Plan(
    [CASES[0], CASES[-1]],
    training=24,
    finishing=600,
    settings="--width 4 --batch-size 4 --log-every 1",
    evaluation=f"--features {Path(__file__)}:brightness --num 20",
)


def main(seconds: Positional[float] = 300.0, rehearse: FlagCreatePairsOff[bool] = False) -> None:
    """Train, evaluate and sample what an earlier call has no figures of, or else those of the longest ago.

    Args:
      seconds: In all.
      rehearse: Two tiny games on noise, for 12 seconds each.
    """
    start, measured_on = time.monotonic(), stamp(rehearsal=rehearse)
    earlier = [] if rehearse else known("train", measured_on["card"])
    plan = REHEARSAL if rehearse else plan_of(seconds, earlier)
    runs, out = Path(os.environ["KEPT"]) / "runs", Path(os.environ["OUT"])
    bring_in(runs)
    rows: list[Row] = []
    for number, case in enumerate(plan.cases, 1):
        rows.append(train(case, runs, plan.settings, until=start + plan.training * number / len(plan.cases)))
        save("train", {"stamp": measured_on, "rows": merged(earlier, rows, measured_on)})
        print(told(rows[-1]), flush=True)
    end = max(start + plan.training + plan.finishing, time.monotonic() + 30)
    pictures = [out / file_name(row["name"], measured_on["card"], "png") for row in rows]
    with ThreadPoolExecutor() as pool:
        rows = list(pool.map(functools.partial(finish, runs, plan.evaluation, end), pictures, rows))
    file = save("train", {"stamp": measured_on, "rows": merged(earlier, rows, measured_on)})
    bring_home(runs, out)
    print("\n".join(map(told, rows)), file, sep="\n")
    if any(row["error"] for row in rows):
        sys.exit(1)


def plan_of(seconds: float, earlier: list[Row]) -> Plan:
    """As many cases as the time allows: those without a row first, then those whose row is the oldest."""
    dates = {row["name"]: row["date"] for row in earlier if not row["error"]}
    due = sorted(CASES, key=lambda case: dates.get(case.name, ""))
    training = seconds - FINISHING
    settings = "--sample-every 5000 --save-every 5000"
    return Plan(due[: max(1, int(training / LEAST))], training, FINISHING, settings, "--features effnet --num 10000")


def merged(earlier: list[Row], rows: list[Row], measured_on: dict[str, Any]) -> list[Row]:
    """The rows, each with its commit and date, in the place of earlier ones of their names."""
    names = {row["name"] for row in rows}
    origin = {name: measured_on[name] for name in ("commit", "date")}
    return [row for row in earlier if row["name"] not in names] + [row | origin for row in rows]


def brightness(x: Array) -> Array:
    """The features of a rehearsal: of images [B, H, W, C] the means of channels and of quarters, [B, C + 4]."""
    quarters = [jnp.mean(x[:, i : i + 16, j : j + 16], axis=(1, 2, 3)) for i in (0, 16) for j in (0, 16)]
    return jnp.concatenate([jnp.mean(x, axis=(1, 2)), jnp.stack(quarters, axis=1)], axis=1)


def train(case: Case, runs: Path, settings: str, until: float) -> Row:
    """Starts or resumes a run, and stops it when its time is over, but not before its first line of metrics."""
    run, log = runs / case.name, runs / f"{case.name}.log"
    if run.is_dir():
        command = f"resume {run}"
    else:
        command = f"train experiments/{case.experiment}.py --precision {case.precision} {settings}"
        command += f" --data-dir {runs.parent / 'tfds'} --run-dir {run}"
    run.parent.mkdir(parents=True, exist_ok=True)
    start, seen = time.monotonic(), [(0.0, last_step(run))]
    with log.open("w", encoding="utf-8") as text:
        process = gan_jax(command, stdout=text, stderr=subprocess.STDOUT)
        while process.poll() is None:
            time.sleep(0.2)
            step, now = last_step(run), time.monotonic()
            if step != seen[-1][1]:
                seen.append((now - start, step))
            if now > until and len(seen) > 1:
                process.send_signal(signal.SIGTERM)  # saved at its next step
                break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
    stopped = process.wait() in (0, 128 + signal.SIGTERM)
    return {
        "name": case.name,
        "experiment": case.experiment,
        "precision": case.precision,
        "command": shlex.join(["gan-jax", *shlex.split(command.replace(str(runs.parent), "KEPT"))]),
        "updates": last_step(run),
        "of": steps_of(run),
        "seconds": time.monotonic() - start,
        "first_line_after": seen[1][0] if seen[1:] else None,
        "updates_a_second": rate(seen[1:]),
        "picture": None,
        "results": [],
        "error": None if stopped else last_line(log),
    }


def gan_jax(command: str, **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", "gan_jax", *shlex.split(command)], text=True, cwd=ROOT, **options)


def last_step(run: Path) -> int:
    """Of the last whole line of metrics; 0 before there is one."""
    with contextlib.suppress(FileNotFoundError, IndexError):
        text = (run / "metrics.jsonl").read_text(encoding="utf-8")
        return int(json.loads(text[: text.rindex("\n") + 1].splitlines()[-1])["step"]) if "\n" in text else 0
    return 0


def steps_of(run: Path) -> int | None:
    """The updates that the experiment has in all."""
    with contextlib.suppress(FileNotFoundError):
        return int(json.loads((run / "config.json").read_text(encoding="utf-8"))["arguments"]["steps"])
    return None


def rate(seen: list[tuple[float, int]]) -> float | None:
    """Updates a second from the first line of metrics to the last: without starting and compiling."""
    if len(seen) < 2:
        return None
    (start, first), (end, last) = seen[0], seen[-1]
    return (last - first) / (end - start)


def last_line(log: Path) -> str:
    lines = [line.split("\r")[-1].strip() for line in log.read_text(encoding="utf-8").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")


def finish(runs: Path, evaluation: str, end: float, picture: Path, row: Row) -> Row:
    """The row with what `gan-jax evaluate` measured; and a grid of samples in a picture."""
    if row["error"]:
        return row
    run, log = runs / row["name"], runs / f"{row['name']}_finish.log"
    with log.open("w", encoding="utf-8") as text:
        for command in (f"sample {run} --out {picture}", f"evaluate {run} {evaluation}"):
            process = gan_jax(command, stdout=text, stderr=subprocess.STDOUT)
            try:
                code = process.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                return {**row, "error": f"no time was left for gan-jax {shlex.split(command)[0]}"}
            if code:
                return {**row, "error": last_line(log)}
    return {
        **row,
        "picture": picture.name,
        "results": json.loads((run / "result.json").read_text(encoding="utf-8"))["results"],
    }


def told(row: Row) -> str:
    """One line."""
    if row["error"]:
        return f"{row['name']}: {row['error']}"
    rate = "" if row["updates_a_second"] is None else f", {row['updates_a_second']:.1f} a second"
    figures = {name: values[1] for result in row["results"] for name, values in result["quartiles"].items()}
    measured = "".join(f", {name} {value:.3g}" for name, value in figures.items())
    return f"{row['name']}: {row['updates']:,} of {row['of']:,} updates in {row['seconds']:.0f} s{rate}{measured}"


def bring_in(runs: Path) -> None:
    """Unpacks the checkpoints that this call brought along, where the machine has no such run."""
    for file in sorted(ROOT.glob(".accelerator/?/*.tar")):
        if not (runs / file.stem).exists():
            with tarfile.open(file) as archive:
                archive.extractall(runs, filter="data")


def bring_home(runs: Path, out: Path) -> None:
    """Puts the runs' folders without checkpoints into one archive, and each run whose last checkpoint is small into its
    own.
    """
    with tarfile.open(out / "runs.tar.gz", "w:gz") as archive:
        archive.add(runs, "runs", filter=lambda member: None if "/checkpoints" in member.name else member)
    for run in (folder for folder in runs.iterdir() if folder.is_dir()):
        saved = sorted((run / "checkpoints").glob("*"), key=lambda path: path.stat().st_mtime)
        for old in saved[:-1]:
            shutil.rmtree(old)
        if size(run) <= LIMIT:
            with tarfile.open(out / f"{run.name}.tar", "w") as archive:
                archive.add(run, run.name)
        else:
            print(f"{run.name}: {size(run) / 2**20:.0f} MiB with its checkpoint, which stays behind")


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    tyro.cli(main)
