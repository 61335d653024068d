"""`--track`: a record of the run at Weights & Biases or in MLflow, of the metrics and pictures that its folder holds.

A thread of its own opens the record and writes it, so that training never waits; an error there ends the record and not
the run. RUN/record.json holds the record's id, so that a resumed run goes on in the same one. It logs the steps that it
makes again, with the same values where it continues exactly; both trackers keep both.
"""

import contextlib
import importlib.util
import json
import logging
import math
import os
import queue
import secrets
import shlex
import sys
import threading
import time
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import quote

from PIL import Image
from tqdm import tqdm

from gan_jax.errors import UserError
from gan_jax.runs.divergence import Diverged
from gan_jax.runs.folder import Run, game_name
from gan_jax.runs.interrupts import Stopped
from gan_jax.storage.files import read_json, write_whole

PATIENCE = 60  # seconds that a run waits at its end for an answer
MOST_METRICS = 1000  # that MLflow takes at once

Ending = Literal["done", "interrupted", "diverged", "failed"]
ENDINGS: dict[type[BaseException] | None, Ending] = {None: "done", Stopped: "interrupted", Diverged: "diverged"}


class Record(NamedTuple):
    """A record that is open.

    Attributes:
      log: (step, values by name) logs metrics.
      show: (step, name, file) logs a picture.
      end: Closes the record, and says in it how the run ended.
    """

    log: Callable[[int, dict[str, float]], None]
    show: Callable[[int, str, Path], None]
    end: Callable[[Ending], None]


class Tracking:
    """Hands on what a run reports to its record, in a thread of its own."""

    def __init__(self, run: Run):
        self.run = run
        self.jobs: queue.SimpleQueue[Callable[[Record], None] | None] = queue.SimpleQueue()
        self.ending: Ending = "failed"
        self.thread = threading.Thread(target=self.work, name="track", daemon=True)
        self.thread.start()

    def __enter__(self) -> Self:
        """Ends the record at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits for what is on its way, as long as some of it arrives."""
        self.ending = ENDINGS.get(kind, "failed")
        self.jobs.put(None)
        left: float = math.inf
        while self.thread.is_alive() and self.jobs.qsize() < left:
            left = self.jobs.qsize()
            self.thread.join(PATIENCE)
        if self.thread.is_alive():
            say(f"--track {self.run.options.track}: no answer for {PATIENCE} s; the last entries may be missing there")

    def log(self, step: int, metrics: dict[str, list[float | None]]) -> None:
        """Logs metrics, a value for each game; those that aren't finite are left out."""
        values = {
            self.name(name, game): value
            for name, each in metrics.items()
            for game, value in enumerate(each)
            if value is not None and math.isfinite(value)
        }
        self.put(methodcaller("log", step, values))

    def show(self, step: int) -> None:
        """Logs each game's picture of samples, which lies in the run's folder."""
        for game in range(self.run.options.num_seeds):
            name, picture = self.name("samples/picture", game), self.run.picture(step, game)
            self.put(methodcaller("show", step, name, picture))

    def name(self, name: str, game: int) -> str:
        """The name in the record, where each of several games has a part of its own, as in TensorBoard."""
        return name if self.run.options.num_seeds == 1 else f"{game_name(game)}/{name}"

    def put(self, job: Callable[[Record], None]) -> None:
        if self.thread.is_alive():
            self.jobs.put(job)

    def work(self) -> None:
        """Does the jobs in their order, until None comes or one fails."""
        tracker = self.run.options.track
        assert tracker is not None
        try:
            record = OPEN[tracker](self.run)
            for job in iter(self.jobs.get, None):
                job(record)
            record.end(self.ending)
        except Exception as error:  # of whatever a tracker does
            say(f"--track {tracker}: {type(error).__name__}: {error}; the run goes on, and logs nothing more there")


def check_tracker(tracker: str | None) -> None:
    """Raises UserError if the package of a tracker is missing."""
    found = importlib.util.find_spec(tracker) if tracker else None
    if tracker and (found is None or found.origin is None):  # a folder ./wandb is found too, without an origin
        raise UserError(f"--track {tracker} needs another package: pip install 'gan-jax[{tracker}]'")


def open_wandb(run: Run) -> Record:
    """Opens a run's record at Weights & Biases. It stays in RUN/wandb if W&B is offline or there is no key.

    Steps are a metric of their own, since W&B logs each of its own steps only once.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    number = id_of(run, lambda: secrets.token_hex(4))
    told = os.environ.get("WANDB_MODE", "online")
    mode: Any = told if told != "online" or wandb.login(prompt=False, verify=False) else "offline"
    record = wandb.init(
        project=os.environ.get("WANDB_PROJECT", run.name),
        name=run.folder.absolute().name,
        id=number,
        resume="allow",
        reinit="create_new",
        config=read_json(run.config),
        allow_val_change=True,  # of the steps, by `gan-jax resume --steps`
        dir=run.folder.absolute(),  # the process that writes has a working folder of its own
        mode=mode,
        settings=wandb.Settings(
            silent=True,
            host="",
            console="off",
            disable_code=True,
            disable_git=True,
            x_disable_meta=True,
            x_disable_machine_info=True,
            x_disable_stats=True,
            x_save_requirements=False,
            x_transaction_log_flush_interval=1,  # seconds; a kill loses the rest
            finish_timeout=PATIENCE,
        ),
    )
    record.define_metric("step")
    record.define_metric("*", step_metric="step")
    if record.offline:
        why = "" if mode == told else " (no API key was found)"
        say(f"--track wandb: offline{why}; `wandb sync {run.folder}/wandb/offline-run-*` uploads the record")
    elif record.url:
        say(f"--track wandb: {record.url}")

    def end(ending: Ending) -> None:
        record.summary["ending"] = ending
        record.finish(exit_code=0 if ending == "done" else 1)

    return Record(
        log=lambda step, values: record.log({"step": step, **values}),
        show=lambda step, name, picture: record.log({"step": step, name: wandb.Image(str(picture))}),
        end=end,
    )


def open_mlflow(run: Run) -> Record:
    """Opens a run's record in MLflow: where MLFLOW_TRACKING_URI says, or in mlflow.db beside the run's folder."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow
    from mlflow.entities import Metric, RunTag

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    pictures = None  # where the server wants them
    if mlflow.is_tracking_uri_set():
        client = mlflow.MlflowClient()
    else:
        beside = run.folder.absolute().parent
        client, pictures = mlflow.MlflowClient(sqlite(beside)), (beside / "mlflow").as_uri()
        store = shlex.quote(sqlite(run.folder.parent))
        say(f"--track mlflow: `mlflow ui --backend-store-uri {store}` shows the record")
    config = read_json(run.config)
    number = id_of(run, lambda: new_in_mlflow(client, run, config, pictures))
    client.update_run(number, status="RUNNING")
    may_change = {"steps": config["arguments"]["steps"], **config["versions"]}
    client.log_batch(number, tags=[RunTag(name, str(value)) for name, value in may_change.items()])

    def log(step: int, values: dict[str, float]) -> None:
        now = time.time_ns() // 1_000_000
        metrics = [Metric(name, value, now, step) for name, value in values.items()]
        for first in range(0, len(metrics), MOST_METRICS):
            client.log_batch(number, metrics[first : first + MOST_METRICS])

    def show(step: int, name: str, file: Path) -> None:
        with Image.open(file) as picture:
            client.log_image(number, picture, key=name, step=step)

    def end(ending: Ending) -> None:
        client.set_tag(number, "ending", ending)
        client.set_terminated(number, {"done": "FINISHED", "interrupted": "KILLED"}.get(ending, "FAILED"))

    return Record(log, show, end)


def new_in_mlflow(client: Any, run: Run, config: dict[str, Any], pictures: str | None) -> str:
    """Makes a run's record, with its arguments and options in it, and returns its id."""
    from mlflow.entities import Param
    from mlflow.exceptions import MlflowException

    experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", run.name)
    with contextlib.suppress(MlflowException):  # it exists, of an earlier run or one that starts with this one
        client.create_experiment(experiment, pictures)
    found = client.get_experiment_by_name(experiment)
    number = client.create_run(found.experiment_id, run_name=run.folder.absolute().name).info.run_id
    params = {"experiment": run.name, "data": run.data, **config["arguments"], **config["options"]}
    client.log_batch(number, params=[Param(name, str(value)) for name, value in params.items()])
    return number


def sqlite(folder: Path) -> str:
    """The address of the store in a folder."""
    return f"sqlite:///{quote(str(folder / 'mlflow.db'), safe='/ ')}"


OPEN: dict[str, Callable[[Run], Record]] = {"wandb": open_wandb, "mlflow": open_mlflow}


def id_of(run: Run, make: Callable[[], str]) -> str:
    """Returns the id of a run's record, which is made at the first time and remembered in the run's folder."""
    if not run.record.exists():
        write_whole(run.record, json.dumps({run.options.track: make()}) + "\n")
    return read_json(run.record)[run.options.track]


def say(message: str) -> None:
    """Prints one line on stderr, above the progress bar."""
    tqdm.write(f"gan-jax: {' '.join(message.split())}", file=sys.stderr)
