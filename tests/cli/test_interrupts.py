"""Signals, kills and full disks."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest
from command_line import EVERY, TINY, files

from gan_jax.cli import main as cli

SIGNALLED = (
    TINY.replace("=views.points", '=views.points._replace(together={".png": drawn})')
    + """

def drawn(samples, path):
    views.points.together[".png"](samples, path)
    if path.name.endswith("2.png"):
        os.kill(os.getpid(), signal.SIGTERM)
"""
)


def test_a_signal_while_samples_are_drawn_ends_the_run_after_a_step_that_is_saved(tiny, capsys):
    Path("tiny.py").write_text(SIGNALLED.replace("import optax", "import os\nimport signal\n\nimport optax"))
    intervals = ["--sample-every", "2", "--save-every", "100", "--num-samples", "4"]
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", "tiny.py", "--run-dir", "run", *intervals])
    assert exit_.value.code == 143
    stopped = int(re.search(r"stopped at step (\d+)", capsys.readouterr().err)[1])
    assert Path(f"run/checkpoints/{stopped}/SHA256SUMS").exists()


@pytest.mark.exhaustive
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_run_ended_by_a_signal_goes_on_as_if_undisturbed(tiny, number, code):
    intervals = [*EVERY, "--log-every", "50", "--sample-every", "500", "--save-every", "50"]
    with subprocess.Popen(
        [sys.executable, "-m", "gan_jax", "train", "tiny.py", "--run-dir", "run", "--steps", "100000", *intervals],
        stderr=subprocess.PIPE,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": str(jax.device_count())},
    ) as process:
        while not Path("run/checkpoints/100").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate()
    assert process.returncode == code
    if code > 0:
        assert b"`gan-jax resume run` goes on from there" in err.splitlines()[-1]
    reached = max(int(path.name) for path in Path("run/checkpoints").iterdir() if path.name.isdigit())
    steps = str(reached // 50 * 50 + 100)
    cli.main(["resume", "run", "--steps", steps])
    cli.main(["train", "tiny.py", "--run-dir", "whole", "--steps", steps, *intervals])
    assert Path("run/metrics.jsonl").read_bytes() == Path("whole/metrics.jsonl").read_bytes()
    name = f"samples/step_{int(steps):07d}.png"
    assert Path("run", name).read_bytes() == Path("whole", name).read_bytes()


@pytest.mark.exhaustive
def test_a_run_killed_three_times_leaves_the_same_bytes(tiny):
    faults = Path(__file__).parents[2] / "experiments" / "benchmarks" / "faults.py"
    ran = subprocess.run(
        [sys.executable, faults, "tiny.py", "--kills", "3", "--arguments=--width 4"],
        capture_output=True,
        text=True,
    )
    said = r"3 kills \(\d.* (in a save|between steps|compilation)\), \d+ steps: the same bytes\n"
    assert re.fullmatch(said, ran.stdout), ran.stdout + ran.stderr[-2000:]
    assert ran.returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)  # a file of it may still be open


def of_a_process(*command: str) -> tuple[int, list[str]]:
    """The exit code of gan-jax in a process of its own, and its own lines on stderr."""
    ran = subprocess.run([sys.executable, "-m", "gan_jax", *command], capture_output=True, text=True)
    return ran.returncode, [line for line in ran.stderr.splitlines() if line.startswith("gan-jax:")]


@pytest.mark.exhaustive
def test_a_full_disk_ends_a_run_with_one_line_and_it_goes_on_once_there_is_room(trained, small_disk, tmp_path):
    run, ballast = small_disk / "run", small_disk / "ballast"
    shutil.copytree(trained, run)
    fill = subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=1k"], capture_output=True, text=True)
    assert "No space left on device" in fill.stderr
    os.truncate(ballast, ballast.stat().st_size - 24 * 1024)
    code, lines = of_a_process("resume", str(run), "--steps", "9")
    assert code == 1
    assert len(lines) <= 3
    assert re.fullmatch(rf"gan-jax: .*No space left on device.*`gan-jax resume {run}` goes on", lines[-1])
    ballast.unlink()
    roomy = shutil.copytree(trained, tmp_path / "roomy")
    for folder in (run, roomy):
        code, lines = of_a_process("resume", str(folder), "--steps", "9")
        assert code == 0
        assert lines[-1] == f"gan-jax: {folder}: gaussians8, endless examples"
    assert (run / "metrics.jsonl").read_bytes() == (roomy / "metrics.jsonl").read_bytes()


def test_a_read_only_folder_ends_a_run_with_one_line(trained, small_disk, capfd):
    shutil.copytree(trained, small_disk / "run")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    before = files(small_disk)
    for command in (["resume", str(small_disk / "run"), "--steps", "9"],
                    ["train", str(trained / "experiment.py"), "--run-dir", str(small_disk / "new")]):  # fmt: skip
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            cli.main(command)
        err = capfd.readouterr().err.splitlines()
        assert exit_.value.code == 2
        assert "Read-only file system" in err[-1]
        assert files(small_disk) == before
