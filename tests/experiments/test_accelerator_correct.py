"""correct.py on made-up reports: its groups, its order, its exit code, what it saves, and that its lists name tests."""

import ast
import importlib
import json
import re
import signal
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
UPDATE, PENALTIES = "tests/test_update.py", "tests/test_penalties.py"
STAMP = {"card": "A Card", "commit": "a" * 40}
NOTHING = {"groups": {}, "passed": {}, "warnings": {}}


@pytest.fixture
def correct(monkeypatch, tmp_path) -> ModuleType:
    """The script beside a made-up card, whose earlier results are to be in a folder of the test's."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments" / "accelerator"))
    monkeypatch.setenv("OUT", str(tmp_path))
    stamp, correct = map(importlib.import_module, ("stamp", "correct"))
    monkeypatch.setattr(stamp, "ROOT", tmp_path)
    monkeypatch.setattr(stamp, "stamp", lambda rehearsal: STAMP)
    monkeypatch.setattr(correct, "REHEARSAL", False)
    return correct


def report(test: str, outcome: str, text: object = None, when: str = "call", seconds: float = 1.0) -> pytest.TestReport:
    return pytest.TestReport(test, ("", None, ""), {}, outcome, text, when, duration=seconds)


@pytest.fixture
def record(correct):
    """Of four tests of the update one passed, one failed and one was skipped; of the penalties none was reached."""
    record = correct.Record(STAMP, NOTHING)
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
    assert groups["convolutions"]["skipped"].keys() == {
        "tests/nets/conv/test_fourier.py",
        "tests/nets/conv/test_phases.py",
    }
    assert groups["penalties"]["not_reached"] == [f"{PENALTIES}::test_e[1-2]"]


def test_the_summary_has_a_line_a_group_and_one_a_failure(correct, record):
    lines = list(correct.summary(record.groups()))
    assert "update           1 passed, 1 failed, 1 skipped, 1 not reached; 6 s" in lines
    assert f"  FAILED {UPDATE}::test_b: assert 3 < 2" in lines
    assert len(lines) == len(correct.GROUPS) + 1


def test_what_fails_after_its_call_or_cannot_be_collected_has_failed(correct):
    record = correct.Record(STAMP, NOTHING)
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
    name = "runs/test_games.py::test_games_share_nothing_across_devices"
    assert correct.why_skipped(f"tests/{name}[points]") == correct.SKIPPED[name]
    other = "tests/runs/test_games.py::test_games_have_their_own_start_and_data"
    assert correct.why_skipped(other) is None
    marks = collected(correct, [f"tests/{name}[points]", other], [])
    assert ["skip" in mark for mark in marks.values()] == [True, False]


def test_a_rehearsal_has_the_last_test_of_each_file_and_the_last_that_is_skipped(correct):
    skipped = "tests/runs/test_games.py::test_games_share_nothing_across_devices[points]"
    tests = [skipped, *(f"tests/runs/test_games.py::test_{i}" for i in range(9)), "tests/test_update.py::test_a"]
    assert correct.rehearsed(tests) == {skipped, *tests[-2:]}


class Item(SimpleNamespace):
    """A collected test that remembers its marks."""

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.marks[mark.name] = mark.args


def collected(correct: ModuleType, tests: list[str], urgent: list[str]) -> dict[str, dict[str, tuple]]:
    """The marks of tests, in the order in which they are to run."""
    items = [Item(nodeid=test, marks={}) for test in tests]
    correct.pytest_collection_modifyitems(SimpleNamespace(workerinput={"urgent": urgent}), items)
    return {item.nodeid: item.marks for item in items}


def test_tests_that_share_programs_run_in_one_process_and_others_in_any(correct):
    parallel = "tests/test_parallel.py::test_update_by_update_agrees_with_a_scan_on_one_device"
    apart = "tests/nets/test_families.py::test_a[1]"
    ways = [f"{parallel}[{way}-{row}]" for way in ("pmap", "seeds") for row in ("hinge+alone", "hinge+r1")]
    marks = collected(correct, [*ways, f"{UPDATE}::test_a[1]", f"{UPDATE}::test_a[2]", f"{UPDATE}::test_b", apart], [])
    groups = [marks[test]["xdist_group"] for test in marks if test != apart]
    assert groups[0] == groups[1] != groups[2] == groups[3]
    assert groups[4] == groups[5] != groups[6]
    assert marks[apart] == {}


def test_the_longest_test_of_the_parallel_forms_has_the_way_for_its_first_parameter():
    module = ast.parse((ROOT / "tests" / "test_parallel.py").read_text(encoding="utf-8"))
    (longest,) = [node for node in module.body if getattr(node, "name", "").startswith("test_update_by_update")]
    assert ast.unparse(longest.decorator_list[-1]).startswith("pytest.mark.parametrize(('way', ")


def test_urgent_tests_run_first_and_apart_from_the_rest_of_their_function(correct):
    tests = [f"{UPDATE}::test_a[{i}]" for i in range(4)]
    marks = collected(correct, tests, tests[2:])
    assert list(marks) == [*tests[2:], *tests[:2]]
    assert len({mark["xdist_group"] for mark in marks.values()}) == 2


@pytest.fixture
def call(correct, monkeypatch, tmp_path):
    """Runs main, in which each test has the given outcome; returns the exit code and what came home."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(outcomes: dict[str, str | None], code: pytest.ExitCode = pytest.ExitCode.OK) -> tuple[int, dict]:
        def main(arguments: list[str], plugins: list) -> pytest.ExitCode:
            (record,) = plugins
            assert {"-pcorrect", "--dist=loadgroup"} <= set(arguments)  # or else nothing is skipped or grouped
            record.pytest_xdist_node_collection_finished(list(outcomes))
            for test, outcome in outcomes.items():
                if outcome:
                    record.pytest_runtest_logreport(report(test, outcome, "E   no"))
            return code

        monkeypatch.setattr(pytest, "main", main)
        return correct.main(), json.loads((tmp_path / "correct_a_card.json").read_text(encoding="utf-8"))

    return run


A, B, C = (f"{UPDATE}::test_{name}" for name in "abc")


@pytest.mark.parametrize(
    ("outcomes", "ended", "card", "rehearsal"),
    [
        ({A: "passed", B: "skipped"}, "OK", 0, 0),
        ({A: "passed", B: "failed"}, "TESTS_FAILED", 1, 1),
        ({A: "passed", B: None}, "INTERRUPTED", 0, 1),
        ({A: "skipped"}, "OK", 1, 1),
        ({A: None}, "INTERRUPTED", 1, 1),
        ({A: "passed"}, "INTERNAL_ERROR", 1, 1),
    ],
)
def test_the_exit_code_is_1_if_anything_failed_or_none_ran_and_in_a_rehearsal_if_any_was_not_reached(
    correct, call, monkeypatch, outcomes, ended, card, rehearsal
):
    assert call(outcomes, pytest.ExitCode[ended])[0] == card
    monkeypatch.setattr(correct, "REHEARSAL", True)
    assert call(outcomes, pytest.ExitCode[ended])[0] == rehearsal


def test_results_are_saved_while_tests_run_but_not_after_each(correct, monkeypatch, tmp_path):
    now = 0.0
    monkeypatch.setattr(correct.time, "monotonic", lambda: now)
    record = correct.Record(STAMP, NOTHING)

    def saved_after(test: str) -> list[str]:
        record.pytest_runtest_logreport(report(test, "passed"))
        result = json.loads((tmp_path / "correct_a_card.json").read_text(encoding="utf-8"))
        assert result["ended"] == "running"
        return list(result["passed"])

    assert saved_after(A) == [A]
    now = correct.SAVE_EVERY - 1.0
    assert saved_after(B) == [A]
    now = correct.SAVE_EVERY + 1.0
    assert saved_after(C) == [A, B, C]


def test_calls_on_one_commit_and_card_add_up(correct, call, tmp_path):
    folder = tmp_path / "experiments" / "results" / "accelerator"
    folder.mkdir(parents=True)
    _, first = call({A: "passed", B: "failed", C: None, f"{PENALTIES}::test_d": "skipped"}, pytest.ExitCode.INTERRUPTED)
    (folder / "correct_a_card.json").write_text(json.dumps(first), encoding="utf-8")

    record = correct.Record(STAMP, correct.earlier(STAMP))
    record.pytest_xdist_node_collection_finished([A, B, C])
    record.pytest_runtest_logreport(report(B, "passed"))
    record.pytest_runtest_logreport(report(A, "passed", when="setup"))  # cut short
    assert record.passed == {A, B}
    assert record.seconds[A] == 1.0
    node = SimpleNamespace(workerinput={})
    record.pytest_configure_node(node)  # of a process that replaces one that crashed
    assert node.workerinput["urgent"] == [B, C]

    code, second = call({B: "passed", C: "failed", A: None})
    assert code == 1
    assert list(second["passed"]) == [A, B]
    assert second["groups"]["update"]["passed"] == 2
    assert list(second["groups"]["update"]["failed"]) == [C]
    assert second["groups"]["update"]["not_reached"] == []
    assert f"{PENALTIES}::test_d" in second["groups"]["penalties"]["skipped"]
    assert call({A: None}, pytest.ExitCode.INTERRUPTED)[0] == 1  # what failed earlier still counts

    for commit in ("b" * 40, "a" * 40 + "+", "unknown"):
        (folder / "correct_a_card.json").write_text(json.dumps(first | {"stamp": STAMP | {"commit": commit}}))
        assert correct.earlier(STAMP | {"commit": "a" * 40 if commit == "b" * 40 else commit}) == NOTHING


def test_a_file_that_could_be_collected_after_all_has_not_failed(correct):
    failed = {"failed": {PENALTIES: {"error": "no such module"}, A: {"error": "no"}}, "skipped": {}, "not_reached": []}
    record = correct.Record(STAMP, NOTHING | {"groups": {"penalties": failed}})
    assert list(record.failed) == [A]


def test_the_first_sigterm_ends_the_tests_as_an_interrupt_and_the_second_is_ignored(correct, monkeypatch):
    handlers = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(pytest, "main", lambda *_: handlers[signal.SIGTERM]())
    with pytest.raises(KeyboardInterrupt):
        correct.main()
    assert handlers == {signal.SIGTERM: signal.SIG_IGN}


def test_float32_is_of_the_highest_precision_and_a_call_ends_within_175_seconds():
    """The shell's text, since a run takes too long."""
    text = (ROOT / "experiments" / "accelerator" / "correct.sh").read_text(encoding="utf-8")
    assert re.search(r"^export .*JAX_DEFAULT_MATMUL_PRECISION=highest\b", text, re.MULTILINE)
    (limits,) = re.findall(r"exec timeout --preserve-status --kill-after=(\d+) \$\(\((\d+) - SECONDS\)\)", text)
    assert sum(map(int, limits)) == 175
