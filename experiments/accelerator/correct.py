"""Runs the tests that make sense on one GPU, and says for each group which passed, failed, were skipped or not reached.

    bash experiments/accelerator/correct.sh [--rehearse]

Several processes share the card. $OUT/correct_CARD.json is saved every few seconds, so a call that is cut short keeps
its results. Once that file lies in experiments/results/accelerator, the next call on the same commit and card begins
with the tests that failed or weren't reached, and adds its results to the earlier ones. A rehearsal runs one test of
each file on a CPU. The exit code is 1 if a test failed; in a rehearsal, also if one wasn't reached.

pytest loads this file in each of its processes too, to order, group and skip the tests there.

Tests that share compiled programs run in one process: those of one function, and in test_parallel.py, whose longest
test compiles a program for each way to run an update, those of one way. Whole files would leave seven processes waiting
for that test; single tests would make all eight compile the same programs.
"""

import json
import math
import os
import re
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import pytest

REHEARSAL = os.environ.get("JAX_PLATFORMS") == "cpu"
PROCESSES = 2 if REHEARSAL else 8
SAVE_EVERY = 5  # seconds

GROUPS = {  # files of tests/, the slowest first
    "against float64": ["test_against_float64.py"],
    "parallel forms": ["test_parallel.py"],
    "update": [
        *(f"test_update{part}.py" for part in ("", "_turns", "_state", "_refused")),
        "test_dirac_gan.py",
        "runs/test_games.py",
        "runs/test_loop.py",
    ],
    "penalties": ["test_penalties.py"],
    "precision": ["test_precision.py"],
    "losses": ["test_losses.py", "test_objectives.py"],
    "spectral norm": ["test_constraints.py", "nets/test_spectral_norm.py"],
    "convolutions": [f"nets/conv/test_{name}.py" for name in ("convolution", "planes", "phases", "fourier")],
    "networks": [f"nets/test_{name}.py" for name in ("layers", "resnet", "dcgan", "families")],
}

# Files whose tests share no compiled programs, so any process may run any of them.
APART = {
    "test_against_float64.py",
    "nets/conv/test_convolution.py",
    "nets/test_spectral_norm.py",
    "nets/test_families.py",
}

DEVICES = "it needs several devices"
FORM = "it is of a form of convolutions that only CPUs take"
SKIPPED = {  # files, and tests with all of their parameters -> why not on one GPU
    "nets/conv/test_fourier.py": FORM,
    "nets/conv/test_phases.py": FORM,
    "nets/conv/test_planes.py::test_the_three_maps_are_those_of_xla": FORM,
    "nets/conv/test_planes.py::test_a_program_for_any_number_of_examples_is_exported": "it runs an export for CPUs",
    "runs/test_games.py::test_games_share_nothing_across_devices": DEVICES,
    "test_parallel.py::test_noise_differs_between_devices_and_is_that_of_one_device": DEVICES,
    "test_parallel.py::test_mesh_holds_all_devices": DEVICES,
    "test_parallel.py::test_batch_is_split_and_the_state_is_whole_on_each_device": DEVICES,
    "test_parallel.py::test_jit_splits_the_generators_turn_though_its_loss_looks_at_no_real_example": DEVICES,
    "test_parallel.py::test_spread_gives_each_device_its_run_of_neighbours": DEVICES,
    "test_parallel.py::test_compiler_options_are_accepted_and_change_no_result": "the options are a CPU's",
}


# ---- In each process.


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the urgent tests first, and marks what to skip and what to run in one process. A rehearsal drops most."""
    urgent = set(config.workerinput["urgent"])  # type: ignore[attr-defined]
    items.sort(key=lambda item: item.nodeid not in urgent)
    for item in items:
        if why := why_skipped(item.nodeid):
            item.add_marker(pytest.mark.skip(reason=why))
        if file_of(item.nodeid) not in APART:
            part = sharing(item.nodeid)
            item.add_marker(pytest.mark.xdist_group(f"{part} urgent" if item.nodeid in urgent else part))
    if REHEARSAL:
        kept = rehearsed([item.nodeid for item in items])
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
        items[:] = [item for item in items if item.nodeid in kept]


def sharing(test: str) -> str:
    """Names the tests that share its compiled programs: its function's; in test_parallel.py, its first parameter's."""
    function, _, parameters = test.partition("[")
    return f"{function} {parameters.partition('-')[0]}" if file_of(test) == "test_parallel.py" else function


def rehearsed(tests: Iterable[str]) -> set[str]:
    """The last test of each file that is run, and the last that is skipped."""
    return set({(file_of(test), why_skipped(test) is None): test for test in tests}.values())


def file_of(test: str) -> str:
    return test.removeprefix("tests/").partition("::")[0]


def why_skipped(test: str) -> str | None:
    return SKIPPED.get(test.removeprefix("tests/").partition("[")[0])


# ---- In the one that hands out the tests.


class Record:
    """The outcome of each test: this call's, or that of an earlier call where this one hasn't run it."""

    def __init__(self, stamped: dict[str, Any], earlier: dict[str, Any]) -> None:
        groups = earlier["groups"].values()
        self.stamped = stamped
        self.begun, self.saved = time.monotonic(), -math.inf
        self.ran: set[str] = set()  # in this call
        self.planned: list[str] = [test for group in groups for test in group["not_reached"]]
        self.passed: set[str] = set(earlier["passed"])
        self.failed: dict[str, dict[str, str]] = {}  # the first line of the error, and the end of pytest's report
        self.skipped = {f"tests/{file}": why for file, why in SKIPPED.items() if "::" not in file}
        for group in groups:
            # A file that couldn't be collected is collected again.
            self.failed |= {test: why for test, why in group["failed"].items() if "::" in test}
            self.skipped |= group["skipped"]
        self.urgent = [*self.failed, *self.planned]
        self.seconds: dict[str, float] = dict(earlier["passed"])
        self.warnings: dict[str, str] = dict(earlier["warnings"])  # and the first test that each came from

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["urgent"] = self.urgent  # a process that replaces a crashed one needs the same order

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self.planned = [named(test) for test in ids]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.fail(report.nodeid, report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = named(report.nodeid)
        before = 0.0 if report.when == "setup" else self.seconds.get(test, 0.0)
        self.seconds[test] = before + report.duration
        if report.when == "call" or not report.passed:  # until then an earlier outcome stands
            self.forget(test)
        if report.failed:
            self.fail(test, report.longreprtext)
        elif report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped[test] = why.removeprefix("Skipped: ")
        elif report.when == "call":
            self.passed.add(test)
        if time.monotonic() > self.saved + SAVE_EVERY:
            self.save("running")

    def pytest_warning_recorded(self, warning_message: Any, nodeid: str) -> None:
        self.warnings.setdefault(f"{warning_message.category.__name__}: {warning_message.message}", named(nodeid))

    def forget(self, test: str) -> None:
        """Drops an earlier outcome, since there is a new one."""
        self.ran.add(test)
        self.passed.discard(test)
        self.failed.pop(test, None)
        self.skipped.pop(test, None)

    def fail(self, test: str, text: str) -> None:
        self.passed.discard(test)
        self.failed[test] = {"error": first_error(text), "text": text[-4000:]}

    def save(self, ended: str) -> Path:
        import stamp

        self.saved = time.monotonic()
        result = {
            "stamp": self.stamped,
            "seconds": round(self.saved - self.begun, 1),
            "processes": PROCESSES,
            "ended": ended,
            "groups": self.groups(),
            "passed": {test: round(self.seconds[test], 2) for test in sorted(self.passed)},
            "warnings": self.warnings,
        }
        return stamp.save("correct", result)

    def groups(self) -> dict[str, dict[str, Any]]:
        """By group: how many passed; which failed and were skipped, and why; which weren't reached; the seconds."""
        return {group: self.group({f"tests/{file}" for file in files}) for group, files in GROUPS.items()}

    def group(self, files: set[str]) -> dict[str, Any]:
        def own(tests: Iterable[str]) -> list[str]:
            return [test for test in tests if test.partition("::")[0] in files]

        return {
            "passed": len(own(self.passed)),
            "failed": {test: self.failed[test] for test in own(self.failed)},
            "skipped": {test: self.skipped[test] for test in own(self.skipped)},
            "not_reached": [
                test for test in own(self.planned) if test not in self.passed | self.failed.keys() | self.skipped.keys()
            ],
            "seconds": round(sum(self.seconds[test] for test in own(self.seconds)), 1),
        }


def named(test: str) -> str:
    """Without the group that pytest-xdist adds to a test's name."""
    return re.sub(r"@[^\]]*$", "", test)


def first_error(text: str) -> str:
    """The first line that says what went wrong."""
    lines = text.splitlines() or [""]
    return next((line[1:].strip() for line in lines if re.match(r"E\s+\S", line)), lines[-1])[:300]


def summary(groups: dict[str, dict[str, Any]]) -> Iterable[str]:
    """A line a group, and one for each failure."""
    for group, found in groups.items():
        counts = ", ".join(
            f"{found[name] if name == 'passed' else len(found[name])} {name.replace('_', ' ')}"
            for name in ("passed", "failed", "skipped", "not_reached")
        )
        yield f"{group:16} {counts}; {found['seconds']:.0f} s"
        yield from (f"  FAILED {test}: {why['error']}" for test, why in found["failed"].items())


def earlier(stamped: dict[str, Any]) -> dict[str, Any]:
    """The result of an earlier call on the same card and commit. Uncommitted changes have no name to compare."""
    import stamp

    file = stamp.ROOT / "experiments" / "results" / "accelerator" / stamp.file_name("correct", stamped["card"])
    if file.is_file() and re.fullmatch("[0-9a-f]{40}", stamped["commit"]):
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["stamp"]["commit"] == stamped["commit"]:
            return found
    return {"groups": {}, "passed": {}, "warnings": {}}


def exit_code(ended: pytest.ExitCode, record: Record) -> int:
    """1 if a test failed, none ran, or pytest broke; in a rehearsal, also if a test wasn't reached."""
    broken = ended not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    missed = REHEARSAL and any(found["not_reached"] for found in record.groups().values())
    return int(broken or missed or bool(record.failed) or record.ran <= record.skipped.keys())


def stop(*_: Any) -> NoReturn:
    """Ends pytest as ^C does. timeout signals twice."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    """Runs the tests, prints the summary and saves it. Returns the exit code."""
    signal.signal(signal.SIGTERM, stop)
    import stamp

    stamped = stamp.stamp(rehearsal=REHEARSAL)
    record = Record(stamped, earlier(stamped))
    files = [f"tests/{file}" for files in GROUPS.values() for file in files if file not in SKIPPED]
    spread = [
        f"--numprocesses={PROCESSES}",
        f"--maxprocesses={PROCESSES}",
        "--dist=loadgroup",
        "--no-loadscope-reorder",
    ]
    quiet = ["-q", "--no-header", "--tb=no", "--no-summary", "--disable-warnings", "-Wdefault", "-pno:cacheprovider"]
    code = pytest.main([*spread, *quiet, "-m", "", "--continue-on-collection-errors", "-pcorrect", *files], [record])
    ended = pytest.ExitCode(code)
    file = record.save(ended.name.lower())  # interrupted: by the deadline
    print("\n".join(["", *summary(record.groups()), str(file)]))
    return exit_code(ended, record)


if __name__ == "__main__":
    sys.exit(main())
