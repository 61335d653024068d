"""`--track`: a record at W&B (offline) and in MLflow holds what the run's folder holds, and never harms the run."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from command_line import EVERY, TINY, lines, refused
from PIL import Image

from gan_jax.cli import main as cli
from gan_jax.errors import UserError
from gan_jax.runs import track
from gan_jax.runs.divergence import Diverged
from gan_jax.runs.folder import Run, open_run
from gan_jax.runs.interrupts import Stopped
from gan_jax.runs.options import Options
from gan_jax.runs.track import Record, check_tracker

pytestmark = [  # of the trackers' own packages
    pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("DeprecationWarning", "FutureWarning", "ResourceWarning")
]
SIGNALLED = (
    TINY.replace("=views.points", '=views.points._replace(together={".png": drawn})').replace(
        "import optax", "import os\nimport signal\n\nimport optax"
    )
    + """

def drawn(samples, path):
    views.points.together[".png"](samples, path)
    os.kill(os.getpid(), signal.SIGTERM)
"""
)
EXPLODING = TINY.replace(
    "optax.sgd(learning_rate)", "optax.sgd(lambda count: jnp.where(count < 5, learning_rate, jnp.nan))"
).replace("import optax", "import jax.numpy as jnp\nimport optax")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder to work in, with tiny.py, where nobody is logged in."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("WANDB_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    Path("tiny.py").write_text(TINY)


@pytest.fixture(params=["wandb", "mlflow"])
def tracker(request):
    pytest.importorskip(request.param)
    return request.param


def train(tracker: str, *arguments: str) -> None:
    cli.main(["train", "tiny.py", "--run-dir", "runs/a", "--track", tracker, *EVERY, *arguments])


class Read(NamedTuple):
    """A record as its tracker reads it: points are (step, value) by name, pictures are pixels by (name, step)."""

    points: dict[str, list[tuple[int, float]]]
    pictures: dict[tuple[str, int], np.ndarray]
    settings: dict[str, Any]
    ending: str
    status: str


def read_wandb(run: Path) -> Read:
    """Reads all parts of the record, in their order."""
    parts = sorted((run / "wandb").glob("offline-run-*"))
    points, pictures, settings, ending, status = {}, {}, {}, "", ""
    for part in parts:
        for record in map(json.loads, inspected(part)):
            match record["type"]:
                case "run":
                    assert {"run_id": read_id(run), "resume": True}.items() <= record["run"].items()
                    settings |= record["run"]["config"]["update"]
                case "history":
                    item = record["history"]["item"]
                    for name, value in item.items():
                        if name.endswith("picture.path"):
                            picture = part / "files" / value
                            pictures[name.removesuffix(".path"), item["step"]] = np.asarray(Image.open(picture))
                        elif name != "step" and not name.startswith("_") and "picture." not in name:
                            points.setdefault(name, []).append((item["step"], value))
                case "summary":
                    ending = record["summary"]["update"].get("ending", ending)
                case "exit":
                    status = "finished" if record["exit"]["exit_code"] == 0 else "failed"
    return Read(points, pictures, settings["arguments"] | settings["options"], ending, status)


def inspected(part: Path) -> list[str]:
    """The lines of W&B's own reader."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(part)]
    said = subprocess.run(command, env=os.environ | {"WANDB_ERROR_REPORTING": "false"}, capture_output=True, check=True)
    return said.stdout.decode().splitlines()


def read_mlflow(run: Path) -> Read:
    """Reads the only record in the store, which must have the id that the run's folder holds."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{run.absolute().parent / 'mlflow.db'}")
    (record,) = client.search_runs([one.experiment_id for one in client.search_experiments()])
    number = record.info.run_id
    assert number == read_id(run)
    points = {
        name: [(one.step, one.value) for one in client.get_metric_history(number, name)] for name in record.data.metrics
    }
    pictures = {}
    for file in Path(client.download_artifacts(number, "images")).glob("*.png"):
        name, _, step, *_ = file.name.split("+")
        pictures[name.replace("~", "/"), int(step)] = np.asarray(Image.open(file))
    tags = record.data.tags
    return Read(points, pictures, record.data.params | tags, tags["ending"], record.info.status.lower())


READ = {"wandb": read_wandb, "mlflow": read_mlflow}


def read_id(run: Path) -> str:
    (number,) = json.loads((run / "record.json").read_text()).values()
    return number


def expected(run: Path) -> dict[str, list[tuple[int, float]]]:
    """The points in metrics.jsonl, by the names of games where there are several."""
    points: dict[str, list[tuple[int, float]]] = {}
    for line in map(json.loads, lines(run / "metrics.jsonl")):
        step = line.pop("step")
        line.pop("last", None)
        for name, value in line.items():
            each = (
                {f"game_{game:02d}/{name}": one for game, one in enumerate(value)}
                if type(value) is list
                else {name: value}
            )
            for full, one in each.items():
                if one is not None:
                    points.setdefault(full, []).append((step, one))
    return points


def test_a_record_holds_the_runs_metrics_pictures_and_settings(tracker):
    train(tracker, "--width", "4")
    record = READ[tracker](Path("runs/a"))
    assert record.points == expected(Path("runs/a"))
    assert {step for step, _ in record.points["critic/loss"]} == {2, 4, 6}
    assert record.pictures.keys() == {("samples/picture", 3), ("samples/picture", 6)}
    for (_, step), pixels in record.pictures.items():
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(f"runs/a/samples/step_{step:07d}.png")))
    assert {name: int(record.settings[name]) for name in ("width", "num_samples")} == {"width": 4, "num_samples": 9}
    assert (record.ending, record.status) == ("done", "finished")


def test_a_resumed_run_goes_on_in_the_same_record_and_logs_steps_that_it_makes_again_with_the_same_values(tracker):
    train(tracker, "--log-every", "1", "--save-every", "4")
    before = read_id(Path("runs/a"))
    shutil.rmtree("runs/a/checkpoints/6")  # as if it had been killed after the sixth step
    cli.main(["resume", "runs/a", "--steps", "8"])
    record = READ[tracker](Path("runs/a"))
    assert read_id(Path("runs/a")) == before
    assert [step for step, _ in record.points["critic/loss"]].count(6) == 2 or tracker == "mlflow"
    assert {name: sorted(set(points)) for name, points in record.points.items()} == expected(Path("runs/a"))
    assert {step for _, step in record.pictures} == {3, 6, 8}
    assert int(record.settings["steps"]) == 8
    assert (record.ending, record.status) == ("done", "finished")


@pytest.mark.exhaustive
def test_each_of_several_games_has_names_of_its_own_in_the_one_record(tracker):
    train(tracker, "--num-seeds", "2")
    record = READ[tracker](Path("runs/a"))
    assert record.points == expected(Path("runs/a"))
    assert {name.partition("/")[0] for name in record.points} == {"game_00", "game_01"}
    for (name, step), pixels in record.pictures.items():
        picture = Path("runs/a/samples", name.partition("/")[0], f"step_{step:07d}.png")
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(picture)))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("experiment", "code", "ending", "killed"),
    [(SIGNALLED, 143, "interrupted", "killed"), (EXPLODING, 3, "diverged", "failed")],
)
def test_the_record_says_how_the_run_ended(tracker, experiment, code, ending, killed):
    Path("tiny.py").write_text(experiment)
    with pytest.raises(SystemExit) as exit_:
        train(tracker, "--steps", "50")
    assert exit_.value.code == code
    record = READ[tracker](Path("runs/a"))
    assert record.points == expected(Path("runs/a"))
    assert (record.ending, record.status) == (ending, killed if tracker == "mlflow" else "failed")


@pytest.mark.exhaustive
def test_a_run_that_goes_back_stays_in_its_record(tracker):
    Path("tiny.py").write_text(EXPLODING.replace("jnp.nan)", "1e20)"))
    train(tracker, "--steps", "8", "--save-every", "5", "--on-divergence", "rollback", "--rollback-rate", "1e-20")
    record = READ[tracker](Path("runs/a"))
    assert record.points["samples/diversity"][-1] == expected(Path("runs/a"))["samples/diversity"][-1]
    assert (record.ending, record.status) == ("done", "finished")


def test_wandb_without_a_key_stays_offline_says_how_to_upload_and_never_asks(monkeypatch, capfd):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asks"))
    train("wandb")
    said = "gan-jax: --track wandb: offline (no API key was found); `wandb sync runs/a/wandb/offline-run-*` uploads"
    assert said in capfd.readouterr().err


def test_wandb_gets_neither_code_nor_facts_about_the_machine():
    pytest.importorskip("wandb")
    train("wandb")
    (part,) = Path("runs/a/wandb").glob("offline-run-*")
    files = [file for file in (part / "files").rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".png"}
    record = (part / f"run-{read_id(Path('runs/a'))}.wandb").read_bytes()
    for private in (socket.gethostname(), str(Path.cwd()), "import optax", sys.executable):
        assert private.encode() not in record


def test_mlflow_stores_where_it_is_told_to(monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path('other.db').absolute()}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    train("mlflow")
    assert not Path("runs/mlflow.db").exists()
    client = mlflow.MlflowClient()
    (record,) = client.search_runs([client.get_experiment_by_name("mine").experiment_id])
    assert (record.info.run_id, record.info.run_name) == (read_id(Path("runs/a")), "a")


@pytest.fixture
def untracked():
    """The bytes of metrics.jsonl of a run without a record."""
    cli.main(["train", "tiny.py", "--run-dir", "untracked", *EVERY])
    return Path("untracked/metrics.jsonl").read_bytes()


@pytest.mark.exhaustive
def test_the_run_leaves_the_same_metrics_with_a_record_and_without(tracker, untracked):
    train(tracker)
    assert Path("runs/a/metrics.jsonl").read_bytes() == untracked


@pytest.fixture
def logged(monkeypatch):
    """A tracker that takes W&B's place: what it was given, in its order."""
    logged: list[tuple] = []
    monkeypatch.setitem(sys.modules, "wandb", json)  # any package that is there
    monkeypatch.setitem(
        track.OPEN,
        "wandb",
        lambda run: Record(*(lambda *given, kind=kind: logged.append((kind, *given)) for kind in Record._fields)),
    )
    return logged


def tracked(games: int = 1) -> track.Tracking:
    return track.Tracking(Run(Path("run"), "tiny", {}, Options(track="wandb", num_seeds=games), "points"))


def test_values_that_are_not_finite_are_left_out(logged):
    with tracked() as tracking:
        tracking.log(1, {"a": [1.0], "b": [float("nan")], "c": [None], "d": [float("inf")]})
    assert logged == [("log", 1, {"a": 1.0}), ("end", "done")]


def test_games_have_their_own_names_and_pictures(logged):
    with tracked(games=2) as tracking:
        tracking.log(1, {"a": [1.0, 2.0]})
        tracking.show(1)
    assert logged == [
        ("log", 1, {"game_00/a": 1.0, "game_01/a": 2.0}),
        ("show", 1, "game_00/samples/picture", Path("run/samples/game_00/step_0000001.png")),
        ("show", 1, "game_01/samples/picture", Path("run/samples/game_01/step_0000001.png")),
        ("end", "done"),
    ]


@pytest.mark.parametrize(
    ("error", "ending"),
    [(Stopped(3, signal.SIGTERM), "interrupted"), (Diverged("nan"), "diverged"), (OSError("full"), "failed")],
)
def test_an_error_says_how_the_run_ended(logged, error, ending):
    with pytest.raises(type(error)), tracked():
        raise error
    assert logged == [("end", ending)]


@pytest.mark.parametrize("fails", ["open", "log", "show", "end"])
def test_a_tracker_that_fails_costs_one_line_and_not_the_run(logged, monkeypatch, capfd, untracked, fails):
    def failing(*_):
        raise ConnectionError("the server\nis away")

    opened = track.OPEN["wandb"]
    monkeypatch.setitem(
        track.OPEN, "wandb", failing if fails == "open" else lambda run: opened(run)._replace(**{fails: failing})
    )
    train("wandb")
    said = [line for line in capfd.readouterr().err.replace("\r", "\n").splitlines() if "--track" in line]
    assert said == [
        "gan-jax: --track wandb: ConnectionError: the server is away; the run goes on, and logs nothing more there"
    ]
    assert Path("runs/a/metrics.jsonl").read_bytes() == untracked


def test_a_tracker_that_gives_no_answer_holds_up_the_end_of_the_run_only_so_long(logged, monkeypatch, capfd):
    answer = threading.Event()
    opened = track.OPEN["wandb"]
    monkeypatch.setattr(track, "PATIENCE", 0.1)
    monkeypatch.setitem(track.OPEN, "wandb", lambda run: opened(run)._replace(log=lambda *_: answer.wait()))
    train("wandb")
    assert "--track wandb: no answer for 0.1 s; the last entries may be missing there" in capfd.readouterr().err
    answer.set()


def test_a_slow_tracker_gets_all_that_is_on_its_way(logged, monkeypatch):
    opened = track.OPEN["wandb"]
    monkeypatch.setattr(track, "PATIENCE", 0.2)

    def slow(run):
        record = opened(run)
        return record._replace(log=lambda *given: time.sleep(0.1) or record.log(*given))

    monkeypatch.setitem(track.OPEN, "wandb", slow)
    with tracked() as tracking:
        for step in range(8):
            tracking.log(step, {"a": [1.0]})
    assert logged == [*(("log", step, {"a": 1.0}) for step in range(8)), ("end", "done")]


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_is_said_in_a_line_before_anything_is_made(monkeypatch, capsys, name):
    monkeypatch.setitem(sys.modules, name, None)
    said = refused(capsys, "train", "tiny.py", "--run-dir", "run", "--track", name)
    assert said == f"gan-jax: --track {name} needs another package: pip install 'gan-jax[{name}]'\n"
    said = refused(capsys, "sweep", "tiny.py", "--width", "2", "4", "--out", "sweep", "--track", name)
    assert f"'gan-jax[{name}]'" in said


def test_a_folder_of_the_packages_name_is_not_the_package(monkeypatch, tmp_path):
    (tmp_path / "offline_records").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match="--track offline_records needs another package"):
        check_tracker("offline_records")


def test_a_run_from_before_there_were_trackers_opens():
    cli.main(["train", "tiny.py", "--run-dir", "run", *EVERY])
    config = json.loads(Path("run/config.json").read_text())
    assert config["options"].pop("track") is None
    Path("run/config.json").write_text(json.dumps(config))
    assert open_run(Path("run")).options.track is None
    cli.main(["resume", "run", "--steps", "7"])
