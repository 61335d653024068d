"""SIGINT and SIGTERM end a run between two steps."""

import contextlib
import signal
import threading
from collections.abc import Iterator


class Stopped(Exception):
    """A signal ended the run; the state is saved."""

    def __init__(self, step: int, number: int):
        super().__init__(f"stopped at step {step} by {signal.Signals(number).name}")
        self.number = number


@contextlib.contextmanager
def signals() -> Iterator[list[int]]:
    """Yields a list that receives the first SIGINT or SIGTERM; a second signal ends the process at once."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # only the main thread may set handlers
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _frame: object) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, note)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
