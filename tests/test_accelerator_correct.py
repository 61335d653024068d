"""correct.py on made-up reports: its groups and their summary, what isn't reached, and that its lists name what is."""

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
UPDATE, PENALTIES = "tests/test_update.py", "tests/test_penalties.py"


@pytest.fixture
def correct(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "experiments" / "accelerator"))
    return importlib.import_module("correct")


def report(test: str, outcome: str, text: object = None, when: str = "call", seconds: float = 1.0) -> pytest.TestReport:
    return pytest.TestReport(test, ("", None, ""), {}, outcome, text, when, duration=seconds)


@pytest.fixture
def record(correct):
    """Of four tests of the update one passed, one failed and one was skipped; of the penalties none was reached."""
    record = correct.Record()
    planned = [f"{UPDATE}::test_{name}@test_update.py" for name in "abc"] + [f"{UPDATE}::test_d[x@y]"]
    record.pytest_xdist_node_collection_finished([*planned, f"{PENALTIES}::test_e[1-2]@test_penalties.py"])
    for when in ("setup", "call", "teardown"):
        record.pytest_runtest_logreport(report(planned[0], "passed", when=when))
    record.pytest_runtest_logreport(report(planned[1], "passed", when="setup"))
    record.pytest_runtest_logreport(
        report(planned[1], "failed", "x = 3\n>   assert x < 2\nE   assert 3 < 2\nE    more")
    )
    record.pytest_runtest_logreport(report(planned[2], "skipped", ("file", 3, "Skipped: a CPU's"), when="setup"))
    return record


def test_a_group_has_what_passed_failed_was_skipped_and_was_not_reached(record):
    groups = record.groups()
    update = groups["update"]
    assert update["passed"] == 1
    assert {test: why["error"] for test, why in update["failed"].items()} == {f"{UPDATE}::test_b": "assert 3 < 2"}
    assert update["skipped"] == {f"{UPDATE}::test_c": "a CPU's"}
    assert update["not_reached"] == [f"{UPDATE}::test_d[x@y]"]
    assert update["seconds"] == 6.0
    assert groups["convolutions"]["skipped"].keys() == {"tests/nets/test_fourier.py", "tests/nets/test_phases.py"}
    assert groups["penalties"]["not_reached"] == [f"{PENALTIES}::test_e[1-2]"]


def test_the_summary_has_a_line_a_group_and_one_a_failure(correct, record):
    lines = list(correct.summary(record.groups()))
    assert "update           1 passed, 1 failed, 1 skipped, 1 not reached; 6 s" in lines
    assert f"  FAILED {UPDATE}::test_b: assert 3 < 2" in lines
    assert len(lines) == len(correct.GROUPS) + 1


def test_what_fails_after_its_call_or_cannot_be_collected_has_failed(correct):
    record = correct.Record()
    record.pytest_runtest_logreport(report(f"{UPDATE}::test_a", "passed"))
    record.pytest_runtest_logreport(report(f"{UPDATE}::test_a", "failed", "E   late", when="teardown"))
    record.pytest_collectreport(pytest.CollectReport(PENALTIES, "failed", "E   no such module", []))
    assert record.groups()["update"]["passed"] == 0
    assert list(record.groups()["update"]["failed"]) == [f"{UPDATE}::test_a"]
    assert record.groups()["penalties"]["failed"][PENALTIES]["error"] == "no such module"


def test_every_file_is_in_one_group_and_every_test_that_is_skipped_exists(correct):
    files = [file for files in correct.GROUPS.values() for file in files]
    assert len(set(files)) == len(files)
    tests = {file: functions_of(ROOT / "tests" / file) for file in files}
    for name, why in correct.SKIPPED.items():
        file, _, test = name.partition("::")
        assert why
        assert not test or test in tests[file], name
    assert set(files) >= correct.APART


def functions_of(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_what_needs_several_devices_is_skipped(correct):
    """Tests say by DEVICES, or by a literal 8, that they need what conftest.py simulates."""
    needy = set()
    for file in (file for files in correct.GROUPS.values() for file in files):
        for node in ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and re.search(r"\bDEVICES\b|device_set\) == ", ast.unparse(node)):
                needy.add(f"{file}::{node.name}")
    assert needy <= set(correct.SKIPPED)
    assert needy


def test_a_test_is_skipped_with_all_of_its_parameters(correct):
    name = "test_games.py::test_games_share_nothing_across_devices"
    assert correct.why_skipped(f"tests/{name}[points]") == correct.SKIPPED[name]
    assert correct.why_skipped("tests/test_games.py::test_games_have_their_own_start_and_data") is None


def test_a_rehearsal_has_the_last_tests_of_each_file_and_those_that_are_skipped(correct):
    skipped = "tests/test_games.py::test_games_share_nothing_across_devices[points]"
    tests = [skipped, *(f"tests/test_games.py::test_{i}" for i in range(9)), "tests/test_update.py::test_a"]
    assert correct.rehearsed(tests) == {skipped, *tests[-3:]}
