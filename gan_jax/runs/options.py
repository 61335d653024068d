"""The options of the command line that every run has, beside the arguments of its experiment."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from gan_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of every run, beside the arguments of its experiment.

    Attributes:
      seed: Seed of every random number of the run.
      parallel: How the update is spread over the devices.
      precision: Precision of the networks in training; by default the experiment's, or else f32. bf16 halves the memory
        of activations on accelerators.
      log_every: Steps between lines of metrics.
      sample_every: Steps between pictures of samples.
      save_every: Steps between checkpoints; the last step is always saved.
      num_samples: Samples in a picture.
      num_seeds: Independent games trained side by side; game i equals a run with --seed SEED + i.
      evaluate_every: Steps between evaluations by the experiment's measure; the best checkpoint is kept. 0: none.
      evaluate_num: Samples of each evaluation.
      on_divergence: When a value isn't finite, stop, or rollback to the last good checkpoint with another key.
      max_rollbacks: Most rollbacks of a run.
      rollback_rate: Factor on both players' steps, and thus on their learning rates, at each rollback.
      init_from: A run whose weights this one starts from: both players and the averaged generator, where names and
        shapes agree. With --num-seeds, game i starts from game i modulo the number of its games.
      init_checkpoint: Which checkpoint of that run: the latest, or the best.
      freeze: Layers that stay as --init-from gives them, such as critic/Conv_0,critic/Conv_1 (FreezeD). A name that
        doesn't exist lists those that do.
      track: Log metrics and pictures to Weights & Biases or MLflow too.
    """

    seed: int = 0
    parallel: Literal["jit", "pmap"] = "jit"
    precision: Literal["f32", "bf16"] | None = None
    log_every: int = 50
    sample_every: int = 500
    save_every: int = 500
    num_samples: int = 64
    num_seeds: int = 1
    evaluate_every: int = 0
    evaluate_num: int = 1000
    on_divergence: Literal["stop", "rollback"] = "stop"
    max_rollbacks: int = 3
    rollback_rate: float = 1.0
    init_from: Path | None = None
    init_checkpoint: Literal["latest", "best"] = "latest"
    freeze: str | None = None
    track: Literal["wandb", "mlflow"] | None = None


def check_counts(arguments: dict[str, Any], options: Options) -> None:
    """Raises UserError for an option that is out of range."""
    counts = {"batch_size": arguments["batch_size"]}
    counts |= {
        name: getattr(options, name) for name in ("log_every", "sample_every", "save_every", "num_samples", "num_seeds")
    }
    for name, count in counts.items():
        if count < 1:
            raise UserError(f"{name} {count}: it must be 1 or more")
    if options.evaluate_every < 0 or options.evaluate_num < 10:
        raise UserError(
            f"evaluate_every {options.evaluate_every}, evaluate_num {options.evaluate_num}: 0 or more, and 10 or more"
        )
    if options.max_rollbacks < 0 or not 0 < options.rollback_rate <= 1:
        raise UserError(
            f"max_rollbacks {options.max_rollbacks}, rollback_rate {options.rollback_rate}: 0 or more, and above 0 up "
            "to 1"
        )
    if options.on_divergence == "rollback" and options.num_seeds > 1:
        raise UserError("--on-divergence rollback is for one game: several that diverge are left alone")
    if options.freeze is not None and options.init_from is None:
        raise UserError("--freeze keeps layers as another run left them: add --init-from RUN")
    largest = 2**32 - options.num_seeds  # JAX's keys take 32 bits of a seed
    if not 0 <= options.seed <= largest:
        raise UserError(f"seed {options.seed}: it must be from 0 to {largest}")
    if arguments["steps"] < 0:
        raise UserError(f"steps {arguments['steps']}: it must be 0 or more")


@dataclasses.dataclass(frozen=True)
class Processes:
    """Options to find the other processes that train together.

    Attributes:
      distributed: Train in several processes, which all run this same command.
      coordinator: HOST:PORT of the first process. On TPU pods, SLURM, Open MPI and Kubernetes, JAX finds it and the
        next two options by itself.
      num_processes: Number of processes.
      process_id: Number of this process, from 0.
      start_timeout: Seconds to wait for the others.
    """

    distributed: bool = False
    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
    start_timeout: int = 300
