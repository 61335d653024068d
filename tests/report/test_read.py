"""A run's folder is read as it is, whole or not."""

import json

import numpy as np
import pytest
from tensorboardX import SummaryWriter

from gan_jax.report.read import names_of, pictures_of, read_runs, times_of
from gan_jax.runs.watch import PATIENCE


def add(run, *lines: str) -> None:
    with (run / "metrics.jsonl").open("a") as file:
        file.write("".join(lines))


def test_metrics_have_a_column_for_each_game_at_the_steps_where_they_were_logged(one_game, three_games):
    one, three = read_runs([one_game, three_games])
    assert one.metrics["critic/loss"].steps.tolist() == [2, 4, 6]
    assert one.metrics["critic/loss"].values.shape == (3, 1)
    assert one.metrics["samples/diversity"].steps.tolist() == [3, 6]
    assert three.metrics["generator/loss"].values.shape == (3, 3)
    assert three.metrics["evaluation/wasserstein"].steps.tolist() == [3, 6]
    assert (one.step, three.step) == (6, 6)
    assert not one.unread


def test_a_line_that_is_being_written_is_left_out(run):
    add(run, '{"step": 8, "critic/loss": 1.0}\n', '{"step": 10, "critic/lo')
    (record,) = read_runs([run])
    assert record.metrics["critic/loss"].steps[-1] == record.step == 8
    assert not record.unread


def test_lines_that_no_run_writes_are_counted(run):
    add(
        run,
        "[]\n",
        "rubbish\n",
        '{"step": 1e400}\n',
        f'{{"step": {10**30}, "critic/loss": 1.0}}\n',
        '{"step": 8, "critic/loss": "high"}\n',
        '{"step": 8, "critic/loss": [1.0, 2.0]}\n',
    )
    (record,) = read_runs([run])
    assert record.step == 6
    assert sum(record.unread.values()) == 6
    assert all("metrics.jsonl" in what for what in record.unread)


def test_null_is_nan(run):
    add(run, '{"step": 8, "critic/loss": null}\n')
    (record,) = read_runs([run])
    assert np.isnan(record.metrics["critic/loss"].values[-1])


def test_signs_of_collapse_are_warnings_with_their_steps(run):
    add(run, *[json.dumps({"step": 7 + look, "samples/diversity": 0.01}) + "\n" for look in range(PATIENCE)])
    (record,) = read_runs([run])
    ((step, what),) = record.warnings
    assert step == 6 + PATIENCE
    assert "mode collapse" in what


def test_rollbacks_and_skipped_files_are_told(run):
    (run / "rollbacks.jsonl").write_text('{"to": 4, "why": "step 5: critic/loss is nan"}\n{"to": 4')
    (run / "skipped.txt").write_text("a.png: too small\n")
    (record,) = read_runs([run])
    assert record.rollbacks == [(4, "step 5: critic/loss is nan")]
    assert record.skipped == ["a.png: too small"]


def test_a_broken_file_of_results_is_a_sentence(run):
    (run / "result.json").write_text("{")
    (record,) = read_runs([run])
    assert record.results == []
    assert "result.json is broken" in str(record.unread)


@pytest.mark.parametrize("name", ["metrics.jsonl", "tensorboard", "samples", "checkpoints"])
def test_whatever_is_missing_a_run_is_read(run, name):
    (run / name).rename(run.parent / name)
    (record,) = read_runs([run])
    assert record.step == 6


def test_runs_have_the_shortest_names_that_differ(tmp_path):
    assert names_of([tmp_path / "a"]) == ["a"]
    assert names_of([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
    assert names_of([tmp_path / "x" / "a", tmp_path / "y" / "a"]) == ["x/a", "y/a"]


def test_the_time_of_a_run_is_that_between_its_first_and_its_last_event(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for step, time in enumerate([1e9, 1e9 + 60, 1e9 + 3600]):
            writer.add_scalar("loss", 1.0, step, walltime=time)
    (file,) = tmp_path.iterdir()
    first, last = times_of(file)
    assert last == 1e9 + 3600
    assert first > 1e9  # the file's own header is of today
    cut = tmp_path / "events.cut"
    cut.write_bytes(file.read_bytes()[:-10])
    assert times_of(cut)[1] == 1e9 + 60
    cut.write_bytes(b"\xff" * 100)
    assert times_of(cut) == (0, 0)


def test_pictures_are_found_for_each_game_in_the_order_of_their_steps(one_game, three_games):
    one, three = read_runs([one_game, three_games])
    ((*_, last),) = pictures_of(one.run)
    assert last[0] == 6
    assert [[step for step, _ in game] for game in pictures_of(three.run)] == [[3, 6]] * 3
