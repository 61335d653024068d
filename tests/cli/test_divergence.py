"""What a run does when a value is not finite."""

import json
import re
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from command_line import EVERY, TINY, lines

from gan_jax.cli import main as cli
from gan_jax.runs import checkpoint
from gan_jax.runs.games import keys_of

EXPLODING = TINY.replace(
    "optax.sgd(learning_rate)", "optax.sgd(lambda count: jnp.where(count < 5, learning_rate, LATER))"
).replace("import optax", "import jax.numpy as jnp\nimport optax")
ROLLBACK = [*EVERY, "--save-every", "2", "--on-divergence", "rollback"]


@pytest.mark.parametrize("later", ["jnp.nan", pytest.param("1e38", marks=pytest.mark.exhaustive)])
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


@pytest.mark.exhaustive
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


def test_a_rollback_changes_the_games_key_alone():
    before, after = keys_of(3), keys_of(3, rollbacks=1)
    assert jax.random.key_data(before.game).tolist() != jax.random.key_data(after.game).tolist()
    for name in ("init", "data", "samples"):
        np.testing.assert_array_equal(*[jax.random.key_data(getattr(keys, name)) for keys in (before, after)])
