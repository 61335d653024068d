"""What a run reports as it trains: metrics in its log, warnings on stderr, and a progress bar."""

import contextlib
import sys
from collections.abc import Iterator

import jax
import numpy as np
from tqdm import tqdm

from gan_jax.play import LOSS, Metrics, metric_name
from gan_jax.runs.divergence import check_metrics
from gan_jax.runs.folder import Run
from gan_jax.runs.log import Log
from gan_jax.runs.processes import is_first
from gan_jax.runs.track import Tracking
from gan_jax.runs.watch import Watch

LOSSES = metric_name("critic", LOSS), metric_name("generator", LOSS)


class Progress:
    """Reports an update's metrics one step late, so that the device never waits for the host.

    Of several processes the first alone has a log, and a record if the run is tracked.
    """

    def __init__(self, log: Log | None, tracking: Tracking | None, log_every: int, bar: "tqdm[None]"):
        self.log, self.tracking, self.log_every, self.bar = log, tracking, log_every, bar
        self.watch = Watch()
        self.unread: tuple[int, Metrics, bool] | None = None

    def put(self, step: int, metrics: Metrics, *, log: bool) -> None:
        """Takes an update's metrics, and reports those of the update before.

        Raises:
          Diverged: The metrics of the update before aren't all finite in any game.
        """
        self.flush()
        self.unread = step, metrics, log

    def flush(self) -> None:
        """Waits for the newest metrics, and reports them.

        Raises:
          Diverged: They aren't all finite in any game.
        """
        if self.unread is None:
            return
        (step, metrics, log), self.unread = self.unread, None
        values = {name: np.ravel(value) for name, value in jax.device_get(metrics).items()}
        check_metrics(step, values)
        self.bar.update()
        if log:
            self.write(step, self.log_every, {name: value.tolist() for name, value in values.items()})
            self.bar.set_postfix({name: f"{np.nanmedian(values[name]):.3g}" for name in LOSSES})

    def write(self, step: int, every: int, metrics: dict[str, list[float | None]]) -> None:
        """Logs metrics that are due every so many steps, a value for each game, and warns of bad signs among them."""
        if self.log:
            self.log.write(step, metrics, last=step % every > 0)
            if self.tracking:
                self.tracking.log(step, metrics)
            for sign in self.watch.look(metrics):
                self.bar.write(f"gan-jax: step {step}: {sign}", file=sys.stderr)

    def show(self, step: int) -> None:
        """Tracks the pictures of a step's samples."""
        if self.tracking:
            self.tracking.show(step)

    def sync(self) -> None:
        """Puts the log on the disk."""
        if self.log:
            self.log.sync()


@contextlib.contextmanager
def progress_of(run: Run, first: int, last: int) -> Iterator[Progress]:
    """Opens the progress of a run that goes from the step `first` to the step `last`."""
    with contextlib.ExitStack() as open_files:
        log = tracking = None
        if is_first():
            events, games = run.folder / "tensorboard", run.options.num_seeds
            log = open_files.enter_context(Log(run.metrics, events, first_step=first, games=games))
            if run.options.track:
                tracking = open_files.enter_context(Tracking(run))
        with tqdm(total=last, initial=first, unit="step", dynamic_ncols=True, disable=not is_first()) as bar:
            yield Progress(log, tracking, run.options.log_every, bar)
