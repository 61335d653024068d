"""`gan-jax evaluate`, `compare` and `neighbours`, as a person types them, and evaluation as a run trains."""

import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from command_line import EVERY, MEASURED, TINY, files, lines, refused
from PIL import Image

from gan_jax.cli import main as cli
from gan_jax.evaluation.result_file import load

IMAGES = (
    TINY.replace("gaussians8()", "digits()")
    .replace("points2d import gaussians8", "digits import digits")
    .replace("generator(width", "generator((28, 28, 1), width")
    .replace("        view=views.points,\n", "")
)
OWN = """
def patches(x):
    return x.reshape(len(x), 7, 4, 7, 4, -1).mean((2, 4, 5)).reshape(len(x), -1)


def twice(x):
    return patches(x.repeat(2, 0))


def same(x):
    return 0 * patches(x)

def broken(x):
    return x.no_such_method()
"""


def train(tmp_path_factory, text: str, *arguments: str) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "tiny.py").write_text(text)
    cli.main(["train", str(folder / "tiny.py"), "--run-dir", str(folder / "run"), *EVERY, *arguments])
    (folder / "own.py").write_text(OWN)
    (folder / "leaves.py").write_text("raise SystemExit(0)")
    return folder / "run"


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    return train(tmp_path_factory, MEASURED)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    return train(tmp_path_factory, MEASURED, "--num-seeds", "3", "--seed", "4")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return train(tmp_path_factory, IMAGES)


@pytest.fixture
def run(request, tmp_path, monkeypatch):
    """A copy of a run to work on."""
    shutil.copytree(request.getfixturevalue(request.param), tmp_path / "run")
    for file in ("own.py", "leaves.py"):
        shutil.copy(request.getfixturevalue(request.param).parent / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return Path("run")


def of(name: str):
    return pytest.mark.parametrize("run", [name], indirect=True)


@of("points")
def test_no_figure_without_its_protocol(run, capsys):
    cli.main(["evaluate", "run"])
    out = capsys.readouterr().out
    assert "wasserstein ↓" in out
    assert "data gaussians8; real 100; generated 100; generator EMA; measure 8 modes" in out
    (result,) = load(run / "result.json")
    assert result["protocol"]["generated"] == 100
    assert result["made"]["seed"] == 0
    assert result["made"]["step"] == 6
    assert result["made"]["versions"]["jax"] == jax.__version__
    assert result["floor"]["data"] == "gaussians8"
    assert result["floor"]["figures"]["covered"] == 8


@of("points")
def test_json_alone_is_printed_where_it_is_asked_for_and_is_what_is_saved(run, capsys):
    cli.main(["evaluate", "run", "--json"])
    assert [json.loads(capsys.readouterr().out)] == load(run / "result.json")


@of("points")
def test_the_same_evaluation_gives_the_same_bytes_and_another_protocol_is_added(run):
    cli.main(["evaluate", "run"])
    first = (run / "result.json").read_bytes()
    cli.main(["evaluate", "run"])
    assert (run / "result.json").read_bytes() == first
    cli.main(["evaluate", "run", "--num", "50"])
    assert [one["protocol"]["generated"] for one in load(run / "result.json")] == [100, 50]


@pytest.mark.exhaustive
@of("images")
def test_images_are_held_against_the_split_asked_for_in_features_of_ones_own(run, capsys):
    for split, size, other in (("train", 300, "digits test"), ("test", 1000, "digits train")):
        cli.main(["evaluate", "run", "--features", "own.py:patches", "--num", "60", "--split", split,
                  "--num-real", str(size)])  # fmt: skip
        result = load(run / "result.json")[-1]
        assert result["protocol"]["data"] == f"digits {split}"
        assert result["protocol"]["real"] == size
        assert result["floor"]["data"] == other
        assert result["floor"]["examples"] == 60
        assert result["protocol"]["features"] == "own.py:patches"
        assert result["figures"]["frechet_distance"][0] > result["floor"]["figures"]["frechet_distance"]


@of("several")
def test_several_games_have_quartiles_and_a_share_that_collapsed(run, capsys):
    cli.main(["evaluate", "run"])
    assert "of 3" in capsys.readouterr().out
    (result,) = load(run / "result.json")
    values = result["figures"]["wasserstein"]
    assert len(set(values)) == 3
    np.testing.assert_allclose(result["quartiles"]["wasserstein"], np.quantile(values, (0.25, 0.5, 0.75)))
    assert result["collapsed"] == sum(covered < 4 for covered in result["figures"]["covered"]) / 3


@of("several")
def test_a_run_of_several_games_holds_each_ones_metrics_pictures_and_samples(run):
    records = [json.loads(line) for line in lines(run / "metrics.jsonl")]
    assert len(records) == 3 + 2
    assert all(len(values) == 3 for record in records for name, values in record.items() if name != "step")
    for game in ("game_00", "game_01", "game_02"):
        assert (run / "samples" / game / "step_0000006.png").is_file()
        assert any((run / "tensorboard" / game).iterdir())
    cli.main(["sample", "run", "--num", "5", "--out", "first"])
    cli.main(["sample", "run", "--num", "5", "--game", "2", "--out", "third"])
    assert list(files(Path("first")).values()) != list(files(Path("third")).values())


@of("several")
def test_a_game_of_several_is_the_run_of_its_seed_alone(run, several):
    cli.main(["train", str(several.parent / "tiny.py"), "--run-dir", "alone", *EVERY, "--seed", "6"])
    for mine, alone in zip(lines(run / "metrics.jsonl"), lines(Path("alone/metrics.jsonl"))):
        for name, value in json.loads(alone).items():
            assert np.isclose(json.loads(mine)[name][2] if name != "step" else value, value, rtol=1e-4, atol=1e-6)


@pytest.mark.exhaustive
@of("several")
def test_several_games_go_on_as_if_undisturbed(run, several):
    cli.main(["resume", "run", "--steps", "9"])
    cli.main(["train", str(several.parent / "tiny.py"), "--run-dir", "whole", *EVERY, "--seed", "4",
              "--num-seeds", "3", "--steps", "9"])  # fmt: skip
    assert (run / "metrics.jsonl").read_bytes() == Path("whole/metrics.jsonl").read_bytes()
    name = "samples/game_02/step_0000009.png"
    assert (run / name).read_bytes() == Path("whole", name).read_bytes()


@pytest.mark.exhaustive
def test_games_that_diverge_count_as_collapsed_and_the_others_play_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    broken = MEASURED.replace("prior=priors.normal(2)", "prior=sometimes").replace(
        "def experiment",
        "def sometimes(key):\n    z = jax.random.normal(key, (2,))\n    return jnp.where(z[0] > 2.2, jnp.nan, z)\n\n\n"
        "def experiment",
    )
    Path("tiny.py").write_text(broken.replace("import optax", "import jax\nimport jax.numpy as jnp\nimport optax"))
    cli.main(["train", "tiny.py", "--run-dir", "run", "--num-seeds", "8", "--steps", "2", "--log-every", "1"])
    last = json.loads(lines(Path("run/metrics.jsonl"))[1])["generator/loss"]
    assert 0 < sum(value is None for value in last) < 8
    cli.main(["evaluate", "run", "--num", "10"])
    (result,) = load(Path("run/result.json"))
    values = result["figures"]["wasserstein"]
    assert all(values[game] is None for game in range(8) if last[game] is None)
    assert result["collapsed"] >= sum(value is None for value in values) / 8


@of("points")
def test_figures_of_one_protocol_stand_side_by_side_and_of_two_are_refused(run, capsys):
    cli.main(["evaluate", "run"])
    shutil.copytree("run", "other")
    capsys.readouterr()
    cli.main(["compare", "run", "other", "--out", "plot.png"])
    out = capsys.readouterr().out
    assert out.count("\nother") == 1
    assert "real (100 of gaussians8)" in out
    assert np.asarray(Image.open("plot.png")).std() > 0
    Path("other/result.json").unlink()
    cli.main(["evaluate", "other", "--num", "50"])
    line = refused(capsys, "compare", "run", "other")
    assert "run and other were measured by different protocols (real 100 / 50; generated 100 / 50)" in line


@of("points")
def test_only_the_protocols_that_all_runs_share_are_compared(run, capsys):
    cli.main(["evaluate", "run"])
    shutil.copytree("run", "other")
    cli.main(["evaluate", "other", "--num", "50"])
    capsys.readouterr()
    cli.main(["compare", "run", "other"])
    out = capsys.readouterr().out
    assert "generated 100" in out
    assert "generated 50" not in out
    assert "made with" not in out
    assert "compare.png: the plot of it" in out
    assert np.asarray(Image.open("compare.png")).std() > 0


@of("images")
def test_each_sample_stands_beside_the_training_examples_nearest_to_it(run):
    cli.main(["neighbours", "run", "--features", "own.py:patches", "--num", "4"])
    assert np.asarray(Image.open("neighbours.png")).shape == (2 * (4 * 30 - 2), 2 * (4 * 30 - 2))


EVALUATED = ["--evaluate-every", "2", "--evaluate-num", "50", "--steps", "12"]


def test_the_best_checkpoint_is_kept_beside_the_latest(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(MEASURED)
    cli.main(["train", "tiny.py", "--run-dir", "run", *EVERY, *EVALUATED])
    figures = {
        json.loads(line)["step"]: json.loads(line)["evaluation/wasserstein"]
        for line in lines(Path("run/metrics.jsonl"))
        if "evaluation" in line
    }
    assert list(figures) == [2, 4, 6, 8, 10, 12]
    best = min(figures, key=figures.get)
    kept = {path.name for path in Path("run/checkpoints").iterdir() if path.name.isdigit()}
    assert {"12", str(best)} <= kept
    assert len(kept) <= 3
    capsys.readouterr()
    cli.main(["evaluate", "run", "--num", "50", "--checkpoint", "best", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["made"]["step"] == best
    np.testing.assert_allclose(result["figures"]["wasserstein"], [figures[best]], rtol=1e-6)
    cli.main(["sample", "run", "--checkpoint", "best", "--out", "best.png"])
    assert f"at step {best}," in capsys.readouterr().out


@pytest.mark.exhaustive
def test_a_resumed_run_evaluates_as_an_undisturbed_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(MEASURED)
    cli.main(["train", "tiny.py", "--run-dir", "whole", *EVERY, *EVALUATED])
    cli.main(["train", "tiny.py", "--run-dir", "halves", *EVERY, *EVALUATED[:-1], "5"])
    cli.main(["resume", "halves", "--steps", "12"])
    assert Path("whole/metrics.jsonl").read_bytes() == Path("halves/metrics.jsonl").read_bytes()


@of("images")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("evaluate nowhere", "nowhere isn't a run"),
        ("evaluate run", "the experiment names no measure: give it one"),
        ("evaluate run --features none", "features 'none': there are digits, fashion, effnet, inception, and FILE.py"),
        ("evaluate run --features none.py:f", "none.py: no such file"),
        ("evaluate run --features own.py:f", "own.py defines no function f"),
        (
            "evaluate run --features own.py:patches --num 3",
            "3 samples against 4000 of digits train: figures of fewer than 10 mean nothing",
        ),
        (
            "evaluate run --features own.py:patches --num 50 --num-real 4001",
            "digits train has 4000 examples: --num-real",
        ),
        (
            "evaluate run --features own.py:patches --num 50 --num-real 3",
            "50 samples against 3 of digits train",
        ),
        ("evaluate run --features own.py:patches --split dev", "the digits have no split 'dev'"),
        ("evaluate run --features digits --weights w.pth", "only inception takes a file"),
        ("evaluate run --features own.py:patches --checkpoint best", "no whole checkpoint was evaluated"),
        ("evaluate run --features own.py:patches --seed -1", "seed -1: it must be from 0 to 2**32 - 1"),
        ("evaluate run --features own.py:patches --split train+tset", "the digits have no split"),
        ("evaluate run --features own.py:twice --num 50", "features of shape [256, 49] for 128 examples"),
        ("evaluate run --features own.py:same --num 50 --num-real 50", "they tell nothing apart"),
        ("evaluate run --features own.py:broken --num 50", "own.py, line 14: AttributeError"),
        ("evaluate run --features leaves.py:f", "leaves.py does not load, line 1: SystemExit"),
        ("neighbours run --features own.py:patches --out n.xyz", "n.xyz: name a picture, such as n.png"),
        ("compare run --out plot", "plot: name a picture, such as plot.png"),
        ("train run/experiment.py --num-seeds 2 --seed 4294967295", "it must be from 0 to 4294967294"),
        ("compare", "no runs: name the folders"),
        ("compare run", "run/result.json: no such file; `gan-jax evaluate run` makes it"),
        ("neighbours run", "the experiment names no measure"),
        ("neighbours run --features own.py:patches --num 1", "num must be 2 or more"),
        ("sample run --game 1", "game 1: the run has 1, from 0"),
        ("train run/experiment.py --evaluate-every 2", "the experiment names no measure"),
        ("train run/experiment.py --evaluate-every -1", "evaluate_every -1"),
        ("train run/experiment.py --num-seeds 0", "num_seeds 0: it must be 1 or more"),
        ("train run/experiment.py --num-seeds 2 --parallel pmap", "leave --parallel pmap out"),
    ],
)
def test_bad_input_gets_one_line_and_code_2(run, capsys, arguments, says):
    assert says in refused(capsys, *arguments.split())


@of("points")
def test_points_have_no_features_of_images_and_no_training_examples(run, capsys):
    assert "only images have these" in refused(capsys, "evaluate", "run", "--features", "digits")
    assert "neighbours are for data that end" in refused(capsys, "neighbours", "run")
    assert "gaussians8 has no split 'test'" in refused(capsys, "evaluate", "run", "--split", "test")


def test_a_broken_result_file_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    lacking = {"protocol": {}, "quartiles": {}, "figures": {}}
    whole = lacking | {"collapsed": 0, "floor": None, "made": {"games": 1, "seed": 0, "versions": {}}}
    broken = [[{}], [lacking], [whole], [whole | {"better": ["up"]}]]
    for text in ("{", "[]", *(json.dumps({"results": results}) for results in broken)):
        Path("run/result.json").write_text(text)
        assert "run/result.json is broken" in refused(capsys, "compare", "run")
    Path("run/result.json").unlink()
    Path("run/result.json").mkdir()
    assert "run/result.json is a folder" in refused(capsys, "compare", "run")


@pytest.fixture
def result(points, tmp_path, monkeypatch):
    """The result of a run, to be changed."""
    shutil.copytree(points, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    cli.main(["evaluate", "run"])
    return load(Path("run/result.json"))[0]


def written(name: str, *results: dict) -> str:
    Path(name).write_text(json.dumps({"results": results}))
    return name


def test_runs_that_share_protocols_in_pairs_only_are_refused(result, capsys):
    other = result | {"protocol": result["protocol"] | {"generated": 7}}
    files = written("a.json", result, other), written("b.json", result), written("c.json", other)
    assert "no protocol is common to a.json, b.json, c.json" in refused(capsys, "compare", *files)
    assert "one of them has no results" in refused(capsys, "compare", "a.json", written("d.json"))


def test_seeds_and_versions_that_differ_are_told_under_the_table(result, capsys):
    made = result["made"] | {"seed": 5, "versions": result["made"]["versions"] | {"jax": "0.1"}}
    capsys.readouterr()
    cli.main(["compare", written("a.json", result), written("b.json", result | {"made": made})])
    assert f"made with seed 0 / 5; jax {jax.__version__} / 0.1\n" in capsys.readouterr().out


def test_figures_of_ones_own_are_drawn_too(result, capsys):
    own = result | {"figures": {"mine": [1.0]}, "quartiles": {"mine": [1.0, 1.0, 1.0]}, "floor": None}
    for better, heading in (({}, "mine  "), ({"mine": "higher"}, "mine ↑  "), ({"mine": "lower"}, "mine ↓  ")):
        capsys.readouterr()
        cli.main(["compare", written("a.json", own | {"better": better})])
        assert heading in capsys.readouterr().out
        assert np.asarray(Image.open("compare.png")).std() > 0


def test_a_run_that_diverged_hides_nobodys_figures(result, capsys):
    diverged = result | {"figures": {}, "quartiles": {}, "collapsed": 1.0}
    capsys.readouterr()
    cli.main(["compare", written("a.json", diverged), written("b.json", result), "--out", "plot.png"])
    out = capsys.readouterr().out
    assert "wasserstein" in out
    assert "yes" in out
    Path("plot.png").unlink()
    cli.main(["compare", "a.json", "--out", "plot.png"])
    assert "no plot: every game of every run has diverged" in capsys.readouterr().out
    assert not Path("plot.png").exists()


FAILING = {
    "best": (
        "_replace(better={'wassersteim': 'lower'}, best='wassersteim')",
        "best 'wassersteim': the measure's figures are covered, high_quality",
    ),
    "compare": ("_replace(compare=lambda real, fake: {}['x'])", "failing.py, line 36: KeyError: 'x'"),
    "features": ("_replace(summarise=lambda batches: checked.rows([[math.nan]]))", "features hold NaN or infinity"),
}


@pytest.mark.parametrize("failing", FAILING)
def test_a_measure_that_fails_on_the_data_is_found_before_the_first_step(tmp_path, monkeypatch, capsys, failing):
    monkeypatch.chdir(tmp_path)
    change, says = FAILING[failing]
    text = MEASURED.replace("num=100)", f"num=100).{change}").replace("import optax", "import math\n\nimport optax")
    text = text.replace("from gan_jax.nets", "from gan_jax.metrics import checked\nfrom gan_jax.nets")
    Path("failing.py").write_text(text)
    assert says in refused(capsys, "train", "failing.py", "--evaluate-every", "2", "--run-dir", "run")
    assert not Path("run").exists()
    cli.main(["train", "failing.py", "--run-dir", "run"])


def test_a_best_figure_without_a_direction_is_refused_with_the_experiment(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for change, says in {
        "best='reverse_kl_floor'": "the measure has in `better`: covered, high_quality, reverse_kl, wasserstein\n",
        "better={'wasserstein': 'low'}": "better 'low': each figure is better 'higher' or 'lower'",
    }.items():
        Path("failing.py").write_text(MEASURED.replace("num=100)", f"num=100)._replace({change})"))
        assert says in refused(capsys, "train", "failing.py", "--run-dir", "run")
        assert not Path("run").exists()


def test_what_a_best_checkpoint_reaches_is_of_another_protocol(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(MEASURED)
    cli.main(["train", "tiny.py", "--run-dir", "run", *EVERY, *EVALUATED[:-1], "2"])
    cli.main(["evaluate", "run"])
    cli.main(["evaluate", "run", "--checkpoint", "best"])
    assert [one["protocol"]["generator"] for one in load(Path("run/result.json"))] == [
        "EMA",
        "EMA, the best of a run by wasserstein",
    ]
