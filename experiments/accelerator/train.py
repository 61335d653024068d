"""Trains the image experiments on CIFAR-10 for a few minutes, as `gan-jax train` does, then evaluates and samples each.

Of each run home come its rate, its figures, a grid of samples, its folder without checkpoints (runs.tar.gz), and its
last checkpoint if that is small (NAME.tar): one that is put into .accelerator/1 is resumed by the next call.
"""

import contextlib
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
from stamp import ROOT, save, stamp
from tyro.conf import FlagCreatePairsOff, Positional

from gan_jax.types import Array

FINISHING = 75  # seconds that evaluations and samples get, all side by side
LIMIT = 15 * 2**20  # bytes of a checkpoint that comes home
EVERY = "--sample-every 5000 --save-every 5000"
TOY = "--width 4 --batch-size 4 --log-every 1"


class Case(NamedTuple):
    experiment: str
    precision: str
    share: float  # of the time for training

    @property
    def name(self) -> str:
        return f"{self.experiment}_{self.precision}"


CASES = [
    Case("sngan_cifar10", "bf16", 0.4),
    Case("sngan_cifar10", "f32", 0.2),
    Case("wgan_gp_cifar10", "bf16", 0.25),
    Case("wgan_gp_cifar10", "f32", 0.15),
]


def main(seconds: Positional[float] = 300.0, rehearse: FlagCreatePairsOff[bool] = False) -> None:
    """Train, evaluate and sample.

    Args:
      seconds: In all.
      rehearse: Two tiny games on noise, for 12 seconds each.
    """
    cases, toy, start = CASES, "", time.monotonic()
    evaluation = "--features effnet --num 10000"
    if rehearse:
        cases, toy = [CASES[0]._replace(share=0.5), CASES[-1]._replace(share=0.5)], TOY
        evaluation = f"--features {Path(__file__)}:brightness --num 20"
        seconds = 24
    kept, out = Path(os.environ["KEPT"]), Path(os.environ["OUT"])
    bring_in(kept / "runs")
    training = seconds if rehearse else seconds - FINISHING
    rows, until = [], start
    for case in cases:
        until += case.share * training
        rows.append(train(case, kept, toy, until))
        print(told(rows[-1]), flush=True)
    left = 600.0 if rehearse else max(start + seconds - time.monotonic(), 30)
    with ThreadPoolExecutor() as pool:
        finished = pool.map(lambda row: finish(row, kept / "runs", out, evaluation, left), rows)
    rows = list(finished)
    bring_home(kept / "runs", out)
    file = save("train", {"stamp": stamp(rehearsal=rehearse), "seconds": seconds, "rows": rows})
    print("\n".join(map(told, rows)), file, sep="\n")
    if any(row["error"] for row in rows):
        sys.exit(1)


def brightness(x: Array) -> Array:
    """The features of a rehearsal: of images [B, H, W, C] the means of channels and of quarters, [B, C + 4]."""
    quarters = [jnp.mean(x[:, i : i + 16, j : j + 16], axis=(1, 2, 3)) for i in (0, 16) for j in (0, 16)]
    return jnp.concatenate([jnp.mean(x, axis=(1, 2)), jnp.stack(quarters, axis=1)], axis=1)


def train(case: Case, kept: Path, toy: str, until: float) -> dict[str, Any]:
    """Starts or resumes a run, and stops it when its time is over, but not before its first line of metrics."""
    run, log = kept / "runs" / case.name, kept / "runs" / f"{case.name}.log"
    if run.is_dir():
        command = f"resume {run}"
    else:
        file = f"experiments/{case.experiment}.py"
        command = f"train {file} --precision {case.precision} --data-dir {kept / 'tfds'} --run-dir {run} {EVERY} {toy}"
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
        "command": shlex.join(["gan-jax", *shlex.split(command.replace(str(kept), "KEPT"))]),
        "updates": last_step(run),
        "of": steps_of(run),
        "seconds": time.monotonic() - start,
        "first_line_after": seen[1][0] if seen[1:] else None,
        "updates_a_second": rate(seen[1:]),
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


def finish(row: dict[str, Any], runs: Path, out: Path, evaluation: str, seconds: float) -> dict[str, Any]:
    """The row with what `gan-jax evaluate` measured; and a grid of samples, OUT/NAME.png."""
    if row["error"]:
        return row
    run, log, end = runs / row["name"], runs / f"{row['name']}_finish.log", time.monotonic() + seconds
    with log.open("w", encoding="utf-8") as text:
        for command in (f"sample {run} --out {out / row['name']}.png", f"evaluate {run} {evaluation}"):
            process = gan_jax(command, stdout=text, stderr=subprocess.STDOUT)
            try:
                code = process.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                return {**row, "error": f"no time was left for gan-jax {shlex.split(command)[0]}"}
            if code:
                return {**row, "error": last_line(log)}
    return {**row, "results": json.loads((run / "result.json").read_text(encoding="utf-8"))["results"]}


def told(row: dict[str, Any]) -> str:
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
