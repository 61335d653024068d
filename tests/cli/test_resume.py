"""`gan-jax resume`: a run goes on exactly where it was."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import EVERY, files, lines, refused

from gan_jax.cli import main as cli
from gan_jax.runs.lock import held


def test_train_then_resume_gives_what_one_go_gives(tiny, capsys):
    cli.main(["train", "tiny.py", "--run-dir", "whole", "--steps", "8", *EVERY])
    cli.main(["train", "tiny.py", "--run-dir", "halves", "--steps", "5", *EVERY])
    ends = [json.loads(line) for line in lines(Path("halves/metrics.jsonl"))[-2:]]
    assert [(end["step"], end["last"]) for end in ends] == [(5, True)] * 2
    assert {"critic/loss", "samples/diversity"} < ends[0].keys() | ends[1].keys()
    cli.main(["resume", "halves", "--steps", "8"])

    whole, halves = Path("whole"), Path("halves")
    assert (whole / "metrics.jsonl").read_bytes() == (halves / "metrics.jsonl").read_bytes()
    for step in (3, 6, 8):
        name = f"samples/step_{step:07d}.png"
        assert (whole / name).read_bytes() == (halves / name).read_bytes()
    cli.main(["sample", "whole", "--num", "5", "--out", "whole_samples"])
    cli.main(["sample", "halves", "--num", "5", "--out", "halves_samples"])
    assert list(files(Path("whole_samples")).values()) == list(files(Path("halves_samples")).values())


def test_lines_and_samples_after_the_checkpoint_are_not_kept_twice(trained, tmp_path):
    from gan_jax.runs.log import keep_until

    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text('{"step": 2}\n{"step": 4}\n{"step": 4, "last": true}\n{"step": 6}\n{"ste')
    keep_until(metrics, 4)
    assert metrics.read_text() == '{"step": 2}\n{"step": 4}\n'


def test_a_number_of_steps_already_reached_is_no_error(trained, capsys):
    before = files(trained)
    cli.main(["resume", str(trained), "--steps", "6"])
    assert "step 6 already" in capsys.readouterr().out
    assert files(trained) == before


def test_a_broken_line_of_metrics_is_named(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "run")
    first, *rest = Path("run/metrics.jsonl").read_text().splitlines(keepends=True)
    Path("run/metrics.jsonl").write_text("".join([first, "\0\0\0\n", *rest]))
    assert "run/metrics.jsonl, line 2, is broken: remove it" in refused(capsys, "resume", "run", "--steps", "9")


def test_a_run_that_ends_before_its_first_interval_goes_on_from_step_0(tiny):
    cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "0"])
    cli.main(["sample", "run", "--out", "samples.png"])
    cli.main(["resume", "run", "--steps", "2"])
    cli.main(["train", "tiny.py", "--run-dir", "whole", "--steps", "2"])
    assert Path("run/samples/step_0000002.png").read_bytes() == Path("whole/samples/step_0000002.png").read_bytes()


@pytest.fixture
def damaged(trained, tmp_path, monkeypatch):
    """A copy of a run whose newest checkpoint is cut short."""
    shutil.copytree(trained, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    for path in Path("run/checkpoints/6").rglob("d/*"):
        path.write_bytes(path.read_bytes()[:-20])
    return Path("run")


def test_a_run_goes_on_from_the_newest_whole_checkpoint(damaged, trained, capfd):
    cli.main(["resume", "run"])
    assert "gan-jax: checkpoint run/checkpoints/6 is damaged" in capfd.readouterr().err
    for name in ("metrics.jsonl", "samples/step_0000006.png"):
        assert (damaged / name).read_bytes() == (trained / name).read_bytes()
    cli.main(["sample", "run", "--out", "samples.png"])
    assert "at step 6" in capfd.readouterr().out
    assert (damaged / "checkpoints" / "aside" / "6").is_dir()


@pytest.mark.parametrize("command", ["resume run --steps 9", "sample run"])
def test_a_run_without_a_whole_checkpoint_is_named(damaged, capfd, command):
    for path in Path("run/checkpoints/3").rglob("d/*"):
        path.unlink()
    before = files()
    with pytest.raises(SystemExit) as exit_:
        cli.main(command.split())
    assert exit_.value.code == 2
    *damage, line = capfd.readouterr().err.splitlines()
    assert [line.split()[2] for line in damage] == ["run/checkpoints/6", "run/checkpoints/3"]
    assert line == "gan-jax: run/checkpoints: no checkpoint is whole; start the run again with `gan-jax train`"
    assert files() == before


def test_a_run_whose_checkpoints_are_gone_does_not_start_afresh(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "run")
    shutil.rmtree("run/checkpoints")
    assert "run/checkpoints: no finished checkpoint in it" in refused(capsys, "resume", "run")


def test_a_run_killed_before_its_first_checkpoint_was_saved_begins(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "run")
    for name in ("checkpoints", "samples", "tensorboard"):
        shutil.rmtree(Path("run", name))
    Path("run/samples").mkdir()
    Path("run/checkpoints/0.orbax-checkpoint-tmp").mkdir(parents=True)
    Path("run/metrics.jsonl").write_text("")
    cli.main(["resume", "run"])
    assert Path("run/metrics.jsonl").read_bytes() == (trained / "metrics.jsonl").read_bytes()


def test_two_processes_do_not_train_in_one_folder(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "run")
    with held(Path("run")):
        assert "run: another process trains in it" in refused(capsys, "resume", "run", "--steps", "9")
        cli.main(["sample", "run", "--out", "samples.png"])
    cli.main(["resume", "run", "--steps", "9"])
