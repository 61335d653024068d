"""The commands that measure a run that was trained: evaluate, compare, neighbours."""

from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional

from gan_jax.compiled import BY_DEFAULT, Compiled, keep
from gan_jax.terminal import bad_input
from gan_jax.trained import Which, open_trained

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment
    from gan_jax.types import Measure


def evaluate(
    run: Positional[Path],
    num: int | None = None,
    num_real: int | None = None,
    features: str | None = None,
    weights: Path | None = None,
    split: str = "train",
    seed: int = 0,
    checkpoint: Which = "latest",
    json: FlagCreatePairsOff[bool] = False,
    data: Path | None = None,
    compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
) -> None:
    """Measure a run's averaged (EMA) generator against real examples, and save the figures in RUN/result.json.

    Args:
      run: The run's folder.
      num: Samples; by default as many as the measure's users take.
      num_real: Real examples compared with; by default all of the split. Fewer are quicker, and another protocol.
      features: digits, fashion, effnet, inception, or FILE.py:FUNCTION (images [B, H, W, C] in [-1, 1] -> [B, D],
        traced by JAX); by default what the experiment names.
      weights: File of Inception's weights.
      split: Which real examples: train (as the field does), test, or another that the data have.
      seed: Seed of the samples.
      checkpoint: The newest, or the best of a run that was evaluated as it trained.
      json: Print what is saved, and nothing else.
      data: Where the run's data lie now, if they were moved.
      compiled: Where compiled programs are kept.
    """
    from gan_jax import compare, evaluate

    with bad_input(run / "experiment.py", *file_of(features)):
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed {seed}: it must be from 0 to 2**32 - 1")
        keep(compiled)
        built, generators, step = open_trained(run, checkpoint, data)
        measure = measure_of(built, features, weights)
        file = run / "result.json"
        if file.exists():
            evaluate.load(file)  # what is broken is found before the work
        result = evaluate.evaluate(
            built,
            measure,
            generators,
            split=split,
            num=measure.num if num is None else num,
            num_real=num_real,
            seed=seed,
            made={"run": run.resolve().name, "step": step, "checkpoint": checkpoint},
        )
        evaluate.save(result, file)
    if json:
        print(evaluate.as_text(result))
    else:
        compare.print_result(result, f"{run} at step {step}")
        print(f"saved in {file}")


def compare(runs: Positional[tuple[Path, ...]], out: Path = Path("compare.png")) -> None:
    """Print the figures of evaluated runs in one table, and draw them, if they were measured by the same protocol.

    Args:
      runs: The runs' folders, or result files.
      out: The picture.
    """
    from gan_jax.compare import comparable, figures_of, plot, print_table

    with bad_input():
        if not runs:
            raise ValueError("no runs: name the folders of two or more that `gan-jax evaluate` measured")
        check_picture(out)
        groups = comparable({str(run): run if run.is_file() else run / "result.json" for run in runs})
        for number, group in enumerate(groups):
            path = out if number == 0 else out.with_stem(f"{out.stem}_{number + 1}")
            print_table(group)
            if figures_of(group):
                plot(group, path)
                print(f"{path}: the plot of it\n")
            else:
                print("no plot: every game of every run has diverged\n")


def neighbours(
    run: Positional[Path],
    num: int = 8,
    features: str | None = None,
    weights: Path | None = None,
    seed: int = 0,
    out: Path = Path("neighbours.png"),
    game: int = 0,
    checkpoint: Which = "latest",
    data: Path | None = None,
    compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
) -> None:
    """Draw samples, each beside the training examples nearest to it: does the generator only repeat them?

    Args:
      run: The run's folder.
      num: Samples, a row each: first the sample, then its num - 1 nearest, nearest first.
      features: Where distances are taken: as in `evaluate`.
      weights: File of Inception's weights.
      seed: Seed of the samples.
      out: The picture.
      game: Which game of a run of several, from 0.
      checkpoint: The newest, or the best of a run that was evaluated as it trained.
      data: Where the run's data lie now, if they were moved.
      compiled: Where compiled programs are kept.
    """
    from gan_jax.evaluate import nearest_training_examples

    with bad_input(run / "experiment.py", *file_of(features)):
        if num < 2 or not 0 <= seed < 2**32:
            raise ValueError(f"num {num}, seed {seed}: num must be 2 or more, and seed 0 or more, below 2**32")
        check_picture(out)
        keep(compiled)
        trained = open_trained(run, checkpoint, data)
        built, step = trained.experiment, trained.step
        samples = trained.sample(game, seed, num)
        look = measure_of(built, features, weights).look
        found = nearest_training_examples(built, look, samples, num - 1)
        if built.view.rows:
            built.view.rows(found, out)
        else:
            built.view.together[".png"](found.reshape(-1, *found.shape[2:]), out)
    print(f"{out}: {num} samples of {run} at step {step}, a row each, with the training examples nearest to them")


def check_picture(path: Path) -> None:
    """Makes the folder of a picture, or raises ValueError where it can't be one."""
    if path.suffix != ".png" or path.is_dir():
        raise ValueError(f"{path}: name a picture, such as {path.with_suffix('.png')}")
    path.parent.mkdir(parents=True, exist_ok=True)


def file_of(features: str | None) -> list[Path]:
    """FILE.py of FILE.py:FUNCTION, if the features are that."""
    file, colon, _ = (features or "").rpartition(":")
    return [Path(file)] if colon else []


def measure_of(experiment: "Experiment", features: str | None, weights: Path | None) -> "Measure":
    """The experiment's own measure, or that of images in the features named."""
    from gan_jax import measures
    from gan_jax.features import named

    if features is not None:
        if len(experiment.data.example.x.shape) != 3:
            raise ValueError(f"--features {features}: only images have these, and the data are no images")
        return measures.images(named(features, weights))
    if weights is not None:
        raise ValueError(f"--weights {weights}: say which network's, by --features inception")
    if experiment.measure is None:
        raise ValueError(
            "the experiment names no measure: give it one, or for images add --features effnet or inception"
        )
    return experiment.measure
