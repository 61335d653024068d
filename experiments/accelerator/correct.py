"""The tests that make sense on one GPU, by groups: what passes, what fails, and what isn't run, and why.

    bash experiments/accelerator/correct.sh [--rehearse]

Several processes share the card, and what the deadline leaves is named: $OUT/correct_CARD.json has all. A rehearsal
runs the last tests of each file, on a CPU. The exit code is 1 if anything failed.

pytest loads this file in each of its processes too: what is skipped is skipped there.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Iterable
from typing import Any

import pytest

REHEARSAL = os.environ.get("JAX_PLATFORMS") == "cpu"
DEADLINE = 150  # seconds; to begin and to end takes up to 25 more
PROCESSES = 2 if REHEARSAL else 8
REHEARSED = 2  # tests of a file

GROUPS = {  # files of tests/, in the order in which they are begun: those that one process runs come early
    "against float64": ["test_against_float64.py"],
    "parallel forms": ["test_parallel.py"],
    "update": ["test_update.py", "test_games.py", "test_train.py"],
    "penalties": ["test_penalties.py"],
    "precision": ["test_precision.py"],
    "losses": ["test_losses.py", "test_objectives.py"],
    "spectral norm": ["test_constraints.py", "nets/test_spectral_norm.py"],
    "convolutions": [f"nets/test_{name}.py" for name in ("convolution", "planes", "phases", "fourier")],
    "networks": [f"nets/test_{name}.py" for name in ("layers", "resnet", "dcgan", "families")],
}

# Files whose tests share no compiled programs, so that several processes may run them; other files are one's.
APART = {"test_against_float64.py", "nets/test_convolution.py", "nets/test_spectral_norm.py", "nets/test_families.py"}

DEVICES = "it needs several devices"
FORM = "it is of a form of convolutions that only CPUs take"
SKIPPED = {  # files, and tests with all of their parameters -> why not on one GPU
    "nets/test_fourier.py": FORM,
    "nets/test_phases.py": FORM,
    "nets/test_planes.py::test_the_three_maps_are_those_of_xla": FORM,
    "nets/test_planes.py::test_a_program_for_any_number_of_examples_is_exported": "it runs what is exported for a CPU",
    "test_games.py::test_games_share_nothing_across_devices": DEVICES,
    "test_parallel.py::test_noise_differs_between_devices_and_is_that_of_one_device": DEVICES,
    "test_parallel.py::test_mesh_holds_all_devices": DEVICES,
    "test_parallel.py::test_batch_is_split_and_the_state_is_whole_on_each_device": DEVICES,
    "test_parallel.py::test_jit_splits_the_generators_turn_though_its_loss_looks_at_no_real_example": DEVICES,
    "test_parallel.py::test_spread_gives_each_device_its_run_of_neighbours": DEVICES,
    "test_parallel.py::test_compiler_options_are_accepted_and_change_no_result": "the options are a CPU's",
}


# ---- In each process.


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what is skipped, and what one process runs; a rehearsal leaves out most."""
    for item in items:
        if why := why_skipped(item.nodeid):
            item.add_marker(pytest.mark.skip(reason=why))
        if (file := file_of(item.nodeid)) not in APART:
            item.add_marker(pytest.mark.xdist_group(file))
    if REHEARSAL:
        kept = rehearsed([item.nodeid for item in items])
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
        items[:] = [item for item in items if item.nodeid in kept]


def rehearsed(tests: Iterable[str]) -> set[str]:
    """The last few tests of each file that are run, and the last few that are skipped."""
    by_file: dict[tuple[str, bool], list[str]] = {}
    for test in tests:
        by_file.setdefault((file_of(test), why_skipped(test) is None), []).append(test)
    return {test for some in by_file.values() for test in some[-REHEARSED:]}


def file_of(test: str) -> str:
    return test.removeprefix("tests/").partition("::")[0]


def why_skipped(test: str) -> str | None:
    return SKIPPED.get(test.removeprefix("tests/").partition("[")[0])


# ---- In the one that hands out the tests.


class Record:
    """What pytest reports, by the names of the tests."""

    def __init__(self) -> None:
        self.planned: list[str] = []
        self.passed: set[str] = set()
        self.failed: dict[str, dict[str, str]] = {}  # the first line of the error, and the end of what is known of it
        self.skipped = {f"tests/{file}": why for file, why in SKIPPED.items() if "::" not in file}
        self.seconds: dict[str, float] = {}
        self.warnings: dict[str, str] = {}  # and the first test that each came from

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self.planned = [named(test) for test in ids]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.fail(report.nodeid, report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = named(report.nodeid)
        self.seconds[test] = self.seconds.get(test, 0.0) + report.duration
        if report.failed:
            self.fail(test, report.longreprtext)
        elif report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped[test] = why.removeprefix("Skipped: ")
        elif report.when == "call":
            self.passed.add(test)

    def pytest_warning_recorded(self, warning_message: Any, nodeid: str) -> None:
        self.warnings.setdefault(f"{warning_message.category.__name__}: {warning_message.message}", named(nodeid))

    def fail(self, test: str, text: str) -> None:
        self.passed.discard(test)
        self.failed[test] = {"error": first_error(text), "text": text[-4000:]}

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


def main() -> int:
    """Runs them, prints the summary and saves it. Returns the exit code."""
    import jax
    import stamp

    if not REHEARSAL and jax.default_backend() != "gpu":
        sys.exit(f"correct.sh: JAX sees a {jax.default_backend()} and no GPU: --rehearse runs a part on a CPU")
    begun, record = time.monotonic(), Record()
    stamped = stamp.stamp(rehearsal=REHEARSAL)
    files = [f"tests/{file}" for files in GROUPS.values() for file in files if file not in SKIPPED]
    signal.signal(signal.SIGALRM, signal.default_int_handler)  # pytest ends its processes as after ^C
    signal.alarm(DEADLINE)
    spread = [
        f"--numprocesses={PROCESSES}",
        f"--maxprocesses={PROCESSES}",
        "--dist=loadgroup",
        "--no-loadscope-reorder",
    ]
    quiet = ["-q", "--no-header", "--tb=no", "--no-summary", "--disable-warnings", "-Wdefault", "-pno:cacheprovider"]
    code = pytest.main([*spread, *quiet, "--continue-on-collection-errors", "-pcorrect", *files], [record])
    signal.alarm(0)
    groups = record.groups()
    result = {
        "stamp": stamped,
        "seconds": round(time.monotonic() - begun, 1),
        "processes": PROCESSES,
        "ended": pytest.ExitCode(code).name.lower(),  # interrupted: by the deadline
        "groups": groups,
        "warnings": record.warnings,
    }
    print("\n".join(["", *summary(groups)]))
    print(stamp.save("correct", result))
    broken = code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)
    return int(broken or any(found["failed"] for found in groups.values()))


if __name__ == "__main__":
    sys.exit(main())
