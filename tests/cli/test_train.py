"""`gan-jax train`: what a run leaves in its folder."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from command_line import EVERY, TINY, files, lines, refused
from PIL import Image

from gan_jax.cli import main as cli
from gan_jax.runs import folder
from gan_jax.tpu_plan import compile as compile_plan, report


def test_a_run_holds_all_that_it_says(trained):
    config = json.loads((trained / "config.json").read_text())
    assert config["experiment"] == "tiny"
    assert config["arguments"] == {"steps": 6, "batch_size": 16, "width": 8, "learning_rate": 0.1}
    assert config["options"]["seed"] == 0
    assert config["versions"]["jax"] == jax.__version__
    assert (trained / "experiment.py").read_text() == TINY
    records = [json.loads(line) for line in lines(trained / "metrics.jsonl")]
    assert [record["step"] for record in records if "critic/loss" in record] == [2, 4, 6]
    assert [record["step"] for record in records if "samples/diversity" in record] == [3, 6]
    assert sorted(path.name for path in (trained / "samples").iterdir()) == [
        "step_0000003.png",
        "step_0000006.png",
    ]
    assert any((trained / "tensorboard").glob("events.out.tfevents.*"))
    assert {"3", "6"} <= {path.name for path in (trained / "checkpoints").iterdir()}


def test_pmap_trains_as_jit_does(tiny):
    for form in ("jit", "pmap"):
        cli.main(["train", "tiny.py", "--run-dir", form, "--parallel", form, *EVERY])
    values = [
        [value for line in lines(Path(form, "metrics.jsonl")) for value in json.loads(line).values()]
        for form in ("jit", "pmap")
    ]
    np.testing.assert_allclose(*values, rtol=1e-4, atol=1e-6)


def test_a_default_run_goes_to_a_new_folder_below_runs(tiny):
    for _ in range(2):
        cli.main(["train", "tiny.py", "--steps", "1"])
    assert sorted(path.name for path in Path("runs").iterdir()) == ["tiny", "tiny_2"]


def test_paths_and_tuples_come_back_as_they_were(tiny):
    Path("tiny.py").write_text(
        TINY.replace("import optax", "import optax\nfrom pathlib import Path")
        .replace("width: int = 8,", "width: int = 8, folder: Path = Path('.'), sizes: tuple[int, ...] = (1, 2),")
        .replace("    optimizer =", "    assert isinstance(folder / 'x', Path) and sizes == (1, 2)\n    optimizer =")
    )
    cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "1"])
    cli.main(["resume", "run", "--steps", "2"])
    assert Path("run/checkpoints/2").is_dir()


def test_a_run_killed_as_its_folder_was_made_is_made_again(tiny, capsys):
    Path("run/samples").mkdir(parents=True)
    Path("run/unfinished").touch()
    Path("run/experiment.py").write_text("cut sh")
    cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "1"])
    assert Path("run/experiment.py").read_text() == TINY
    assert not Path("run/unfinished").exists()
    Path("other").mkdir()
    Path("other/thesis.tex").write_text("")
    assert "other is not an empty folder" in refused(capsys, "train", "tiny.py", "--run-dir", "other")


def test_a_run_whose_folder_could_not_be_made_is_made_again(tiny, monkeypatch):
    def full(file, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    arguments = ["train", "tiny.py", "--run-dir", "run", "--steps", "1"]
    with monkeypatch.context() as small:
        small.setattr(folder, "write_whole", full)
        with pytest.raises(SystemExit):
            cli.main(arguments)
    cli.main(arguments)
    assert Path("run/config.json").exists()


USES = {  # what an experiment may do with its data while it is built
    "split": 'digits().split("test")',
    "stream": "(source := digits(), next(source.stream(jax.random.key(0), 0, 4)))[0]",
    "size": "(source := digits(), source.size // 2)[0]",
}


@pytest.mark.parametrize("use", USES)
def test_an_experiment_may_use_its_data_while_it_is_built(tiny, monkeypatch, use):
    text = TINY.replace("data=gaussians8()", f"data={USES[use]}").replace("=views.points", "=views.images")
    text = text.replace("generator(width", "generator((28, 28, 1), width").replace(
        "import optax", "import jax\nimport optax"
    )
    Path("tiny.py").write_text(text.replace("points2d import gaussians8", "digits import digits"))
    cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "1", *EVERY])
    cli.main(["sample", "run", "--num", "2"])
    planned = []
    monkeypatch.setattr(compile_plan, "plan_for", lambda built, *_: planned.append(built.data.example.x.shape))
    monkeypatch.setattr(report, "print_plan", lambda *_: None)
    cli.main(["plan", "tiny.py", "--topology", "v5e:2x2"])
    assert planned == [(28, 28, 1)]


@pytest.mark.exhaustive
def test_the_main_job_as_a_person_types_it(tmp_path):
    """In processes of their own, on one device, by both names of the program."""
    digits = Path(__file__).parents[2] / "experiments" / "wgan_gp_digits.py"

    def run(*command: str) -> str:
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return result.stdout + result.stderr

    program = str(Path(sys.executable).parent / "gan-jax")
    small = ["--batch-size", "8", "--width", "4"]
    small += ["--log-every", "1"]
    assert "4/4" in run(program, "train", str(digits), "--steps", "4", "--run-dir", "run", *small, "--save-every", "3")
    before = files(tmp_path / "run" / "samples"), (tmp_path / "run" / "metrics.jsonl").read_bytes()
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "4")
    assert "4/4" in run(sys.executable, "-m", "gan_jax", "resume", "run")
    assert before == (files(tmp_path / "run" / "samples"), (tmp_path / "run" / "metrics.jsonl").read_bytes())
    run(program, "sample", "run", "--num", "64", "--seed", "0", "--out", "samples.png")
    grid = np.asarray(Image.open(tmp_path / "samples.png"))
    assert grid.shape == (2 * (8 * 30 - 2), 2 * (8 * 30 - 2))
