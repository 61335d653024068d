"""The kept results and what is drawn from them: nothing in a table is typed by hand."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "results"
sys.path.insert(0, str(RESULTS))

import draw  # noqa: E402
import measure  # noqa: E402

FILES = [file for group in measure.PLANS for file in sorted((RESULTS / group).glob("*.json"))]


def test_the_tables_are_what_the_results_give():
    for path, text in draw.texts().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run experiments/results/draw.py"


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_result_says_how_it_was_made(file):
    result = json.loads(file.read_text(encoding="utf-8"))
    plan = measure.PLANS[file.parent.name][file.stem]
    steps = "" if plan.cost is None else r" --steps \d+"
    assert re.fullmatch(re.escape(f"gan-jax train {plan.train}") + steps, result["command"])
    assert len(result["results"]) == len(result["evaluations"]) == len(plan.evaluations)
    assert len(result["commit"].split()[0]) == 40
    assert result["train_seconds"] > 1
    for one in result["results"]:
        assert one["made"]["games"] == len(next(iter(one["figures"].values())))
        assert one["protocol"]["generated"] >= (158 if file.stem.startswith("furniture") else 1000)  # as many as real
        assert one["made"]["versions"]["jax"]


def test_every_plan_is_a_command_that_can_be_typed():
    for group in measure.PLANS.values():
        for plan in group.values():
            file, *options = shlex.split(plan.train)
            assert (ROOT / file).is_file()
            assert "--num-seeds" in options


def test_numbers_have_three_digits_or_all_before_the_point():
    assert [draw.number(value) for value in (1000.0, 999.7, 1234.5, 909.0, 8.0, 0.00172, 0.45)] == [
        "1,000", "1,000", "1,234", "909", "8", "0.00172", "0.45",
    ]  # fmt: skip


def test_a_part_between_marks_is_replaced_and_a_missing_mark_is_named():
    text = "a\n<!-- t: drawn by experiments/results/draw.py -->\nold\n<!-- /t -->\nb"
    assert draw.between(text, "t", "new") == text.replace("old", "new")
    with pytest.raises(ValueError, match="put them where the table belongs"):
        draw.between("a", "t", "new")
