"""`gan-jax sweep`: a grid of runs, as a person types it."""

import json
import os
import shutil
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro
from command_line import EVERY, MEASURED, files, refused

from gan_jax.cli import main as cli
from gan_jax.cli.arguments import with_arguments_of, with_several_values
from gan_jax.errors import UserError
from gan_jax.evaluation.sweep_pictures import axis_of
from gan_jax.runs.folder import create, open_run
from gan_jax.runs.options import Options
from gan_jax.runs.sweep import by_protocol, points_of, word

STOPPED = (
    MEASURED.replace("=views.points", '=views.points._replace(together={".png": drawn})').replace(
        "import optax", "import os\nimport signal\nfrom pathlib import Path\n\nimport optax", 1
    )
    + """

def drawn(samples, path):
    views.points.together[".png"](samples, path)
    if Path("stop").exists() and "_0.01/samples/game_01/" in str(path) and path.name == "step_0000003.png":
        os.kill(os.getpid(), signal.SIGTERM)
"""
)
RATES = ["--learning-rate", "0.1", "0.01"]


def sweep(*arguments: str) -> None:
    cli.main(["sweep", "tiny.py", *EVERY, "--num-seeds", "2", *arguments, "--out", "grid"])


def fails_with(code: int, *arguments: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        sweep(*arguments)
    assert exit_.value.code == code


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder with tiny.py and a finished sweep of two points, and what it printed."""
    folder, before = tmp_path_factory.mktemp("sweep"), Path.cwd()
    os.chdir(folder)
    Path("tiny.py").write_text(STOPPED)
    sweep(*RATES)
    os.chdir(before)
    return folder


@pytest.fixture
def again(done, tmp_path, monkeypatch):
    """A copy of that folder to work in."""
    monkeypatch.chdir(shutil.copytree(done, tmp_path / "copy"))
    return Path("grid")


def test_each_point_is_the_run_that_train_makes_of_its_arguments(again):
    cli.main(["train", "tiny.py", *EVERY, "--num-seeds", "2", "--learning-rate", "0.01", "--run-dir", "alone"])
    alone, point = Path("alone"), again / "learning_rate_0.01"
    written = ["metrics.jsonl", "config.json", "data.json", "experiment.py", "samples/game_01/step_0000006.png"]
    assert [(point / name).read_bytes() for name in written] == [(alone / name).read_bytes() for name in written]
    cli.main(["resume", str(point), "--steps", "7"])
    cli.main(["evaluate", str(point)])


def test_a_finished_sweep_prints_its_table_again_and_nothing_else_is_done(again, capsys):
    before = files(again)
    sweep(*RATES)
    out, err = capsys.readouterr()
    assert err.count("was trained already") == 2
    assert out.startswith("run ")  # the table: nothing is resumed or evaluated
    table = [line.split()[0] for line in out.splitlines() if line.startswith("learning_rate_")]
    assert table == ["learning_rate_0.1", "learning_rate_0.01"]
    assert files(again) == before
    assert {"compare.png", "curves.png", "samples.png"} <= before.keys() | {path.name for path in again.iterdir()}


def test_a_grid_that_grows_keeps_its_points_and_trains_the_new_ones(again, capsys):
    before = files(again, "learning_rate_*/**/*")
    sweep("--learning-rate", "1", "0.1", "0.01")
    assert "point 1 of 3: learning_rate_1\n" in capsys.readouterr().err
    assert before.items() <= files(again).items()
    assert open_run(again / "learning_rate_1").arguments["learning_rate"] == 1


def test_runs_are_known_by_their_arguments_when_another_one_varies_too(again):
    values = {"steps": [6], "batch_size": [16], "width": [8, 9], "learning_rate": [0.1, 0.01]}
    options = open_run(again / "learning_rate_0.1").options
    folders = [point.folder.name for point in points_of(again, Path("tiny.py"), values, options)]
    new = ["width_9_learning_rate_0.1", "width_9_learning_rate_0.01"]
    assert folders == ["learning_rate_0.1", "learning_rate_0.01", *new]


def test_a_signal_ends_the_sweep_and_the_same_command_goes_on_as_if_undisturbed(again, capsys):
    point = again / "learning_rate_0.01"
    undisturbed = point.rename("undisturbed")
    (again / "compare.png").unlink()
    Path("stop").touch()
    fails_with(143, *RATES)
    assert capsys.readouterr().err.endswith("gan-jax: the same command with --out grid goes on with the sweep\n")
    assert not (again / "compare.png").exists()
    Path("stop").unlink()
    sweep(*RATES)
    assert (again / "compare.png").exists()
    for name in ("metrics.jsonl", "result.json", "samples/game_01/step_0000006.png"):
        assert (point / name).read_bytes() == (undisturbed / name).read_bytes()


def test_a_point_that_diverges_is_named_at_the_end_and_the_others_are_compared(again, capsys):
    fails_with(3, "--learning-rate", "nan", "0.1")
    out, err = capsys.readouterr()
    assert err.endswith("gan-jax: learning_rate_nan diverged: 1 of 2 points; the others are compared\n")
    assert [line.split()[0] for line in out.splitlines() if line.startswith("learning_rate_")] == ["learning_rate_0.1"]


def test_points_can_be_compared_with_examples_that_are_held_out(again):
    with_test = "gaussians8()._replace(split=lambda name: gaussians8()._replace(name=f'held out for {name}'))"
    Path("tiny.py").write_text(MEASURED.replace("gaussians8(),", f"{with_test},"))
    cli.main(["sweep", "tiny.py", *EVERY, *RATES, "--compare-split", "test", "--out", "other"])
    for point in ("learning_rate_0.1", "learning_rate_0.01"):
        (result,) = json.loads(Path("other", point, "result.json").read_text())["results"]
        assert result["protocol"]["data"] == "held out for test"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--learning-rate"], "--learning-rate has no value"),
        (["--learning-rate", "0.1", "0.1"], "the grid has one point"),
        (["--gamma", "1", "2"], "Unrecognized options: --gamma"),
        (["--learning-rate", "0.1", "much"], "['0.1', 'much']"),
        ([*RATES, "--width", "8", "0"], "gan-jax: width_0_learning_rate_0.1: "),
        ([*RATES, "--width", "8", "-1"], "width_-1_learning_rate_0.1: TypeError"),
        ([*RATES, "--steps", "6", "-1"], "steps_-1_learning_rate_0.1: steps -1: it must be 0 or more"),
        ([*RATES, "--compare-num", "3"], "learning_rate_0.1: 3 samples against 3 of gaussians8"),
        ([*RATES, "--compare-split", "test"], "learning_rate_0.1: gaussians8 has no split 'test'"),
        ([*RATES, "--features", "effnet"], "only images have these"),
        ([*RATES, "--width", "9"], "grid/learning_rate_0.01 has --width 8, not 9: keep that, or give another --out"),
        ([*RATES, "--seed", "1"], "grid/learning_rate_0.01 has --seed 0, not 1"),
        ([*RATES, "--steps", "7"], "has --steps 6, not 7: keep that, move that run away if it was resumed alone, or"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_trained(again, capsys, arguments, says):
    fixed = [*EVERY, "--num-seeds", "2", "--out", "grid"]
    assert says in refused(capsys, "sweep", "tiny.py", *arguments, *fixed)


def test_a_point_whose_last_checkpoint_is_damaged_is_trained_again_to_its_end(again, capfd):
    point = again / "learning_rate_0.1"
    (point / "result.json").unlink()
    last = max(
        (path for path in (point / "checkpoints").iterdir() if path.name.isdigit()), key=lambda path: int(path.name)
    )
    next(path for path in last.rglob("*") if path.is_file() and path.stat().st_size > 100).write_bytes(b"damaged")
    sweep(*RATES)
    assert "learning_rate_0.1 was trained already" not in capfd.readouterr().err
    assert (point / "result.json").exists()


def test_an_experiment_that_has_changed_is_refused(again, capsys):
    Path("tiny.py").write_text(f"{STOPPED}\n# changed\n")
    says = refused(capsys, "sweep", "tiny.py", *RATES, *EVERY, "--num-seeds", "2", "--out", "grid")
    assert "was made from another experiment than tiny.py is now" in says


def test_a_sweep_without_a_measure_is_refused(tiny, capsys):
    assert "the experiment names no measure" in refused(capsys, "sweep", "tiny.py", *RATES)


def test_help_has_the_arguments_of_the_experiment_with_several_values(again, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["sweep", "tiny.py", "--help"])
    assert exit_.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--width [INT [INT ...]] Hidden units. (default: 8)" in text


def test_arguments_of_every_kind_take_several_values_but_lists_stay_as_they_are():
    given = {}

    def experiment(
        *,
        kind: Literal["a", "b"] = "a",
        flag: bool = False,
        rate: Annotated[float | None, tyro.conf.arg(help="The rate.")] = None,
        folder: Path = Path("x"),
        sizes: tuple[int, ...] = (1, 2),
    ): ...

    def noted(file: Path, **arguments):
        given.update(arguments)

    several, lists = with_several_values(experiment)
    command = with_arguments_of(several, noted, file=Path(), what="sweep")
    words = "--kind b a --flag True False --rate None 1e-3 --folder u v --sizes 3 4 5"
    tyro.cli(command, args=["tiny.py", *words.split()])
    assert lists == {"sizes"}
    expected = {"kind": ("b", "a"), "flag": (True, False), "rate": (None, 1e-3), "sizes": (3, 4, 5)}
    assert given == {**expected, "folder": (Path("u"), Path("v"))}


def test_points_named_alike_are_refused():
    values = {"steps": [1], "folder": [Path("a/b"), Path("a_b")]}
    with pytest.raises(ValueError, match="two points of the grid are named folder_a_b"):
        points_of(Path("nowhere"), Path("tiny.py"), values, Options())


@pytest.mark.parametrize(
    ("value", "name"),
    [(1.0, "1"), (0.1, "0.1"), (1e-5, "1e-05"), (0.12345678, "0.12345678"), (True, "True"), (None, "None"),
     (Path("/data/my photos"), "data_my_photos")],
)  # fmt: skip
def test_a_value_has_a_short_name_of_its_own(value, name):
    assert word(value) == name


def test_a_run_of_other_values_that_is_named_alike_is_refused(tmp_path):
    file = tmp_path / "e.py"
    file.write_text("def experiment(*, text, steps, batch_size): ...")
    once = {"steps": [1], "batch_size": [1]}
    for point in points_of(tmp_path / "grid", file, {"text": ["my photos", "x"]} | once, Options()):
        create(point.folder, file, point.arguments, Options(), "data", [], None)
    with pytest.raises(UserError, match="text_my_photos is the run of --text my photos: give values whose"):
        points_of(tmp_path / "grid", file, {"text": ["my_photos", "x"]} | once, Options())


def test_a_folder_with_something_else_is_refused_by_the_option_that_sweep_has(tmp_path):
    (tmp_path / "grid" / "a_1").mkdir(parents=True)
    (tmp_path / "grid" / "a_1" / "note.txt").touch()
    with pytest.raises(UserError, match="a_1 is not an empty folder: give another --out"):
        points_of(tmp_path / "grid", tmp_path / "e.py", {"a": [1, 2], "steps": [1]}, Options())


def test_points_of_different_data_arent_compared():
    def of(data: str):
        return {"protocol": {"data": data}}

    results = {"a": of("x"), "b": of("y"), "c": of("x")}
    assert [list(group) for group in by_protocol(results)] == [["a", "c"], ["b"]]


def test_curves_are_drawn_against_the_number_with_the_most_values():
    def varied(*choices: dict):
        return {str(number): choice for number, choice in enumerate(choices)}

    assert axis_of(varied({"n": 1, "g": 0.1}, {"n": 2, "g": 0.1}, {"n": 2, "g": 1.0}, {"n": 2, "g": 9.0})) == "g"
    assert axis_of(varied({"word": "a", "flag": True, "rate": None}, {"word": "b", "flag": False, "rate": 1.0})) is None


def test_the_run_that_points_start_from_may_be_named_from_here(tiny):
    rates, options = (0.1, 0.2), Options(init_from=Path("source"))
    values = {"steps": (2,), "batch_size": (16,), "learning_rate": rates}
    first, _ = points_of(Path("grid"), tiny, values, options)
    create(first.folder, tiny, first.arguments, options, "data")
    assert [point.is_run for point in points_of(Path("grid"), tiny, values, options)] == [True, False]


def test_points_start_from_another_run_and_remember_its_weights(again, capsys):
    start = ["--init-from", str(again / "learning_rate_0.1"), "--steps", "1"]
    cli.main(["sweep", "tiny.py", *EVERY, *RATES, *start, "--out", "started"])
    weights = {run.weights for run in map(open_run, Path("started").glob("learning*"))}
    assert len(weights) == 1
    assert None not in weights
    shutil.rmtree(again)
    cli.main(["sweep", "tiny.py", *EVERY, *RATES, *start, "--out", "started"])  # all are trained already
    assert "isn't a run" in refused(capsys, "sweep", "tiny.py", *EVERY, *RATES, *start, "--out", "another")
