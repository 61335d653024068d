"""`gan-jax evaluate`: the figures of a run, with their protocol."""

from pathlib import Path

from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional

from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.features import file_of, measure_of
from gan_jax.cli.terminal import bad_input
from gan_jax.errors import UserError
from gan_jax.runs.trained import Which, open_trained


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
      num: Samples; by default as many as is usual for the measure.
      num_real: Real examples to compare with; by default all of the split. Fewer are faster, but
        not comparable with results on all.
      features: digits, fashion, effnet, inception, or FILE.py:FUNCTION (images [B, H, W, C] in [-1, 1] -> [B, D],
        traced by JAX); by default those of the experiment's measure.
      weights: File of Inception's weights.
      split: Real examples to compare with: train (as is usual), test, or another split of the data.
      seed: Seed of the samples.
      checkpoint: The newest, or the best of a run that was evaluated during training.
      json: Print the saved JSON and nothing else.
      data: Where the run's data lie now, if they were moved.
      compiled: Where compiled programs are kept.
    """
    from gan_jax.evaluation import report, result_file
    from gan_jax.evaluation.result import evaluate_games

    with bad_input(run / "experiment.py", *file_of(features)):
        if not 0 <= seed < 2**32:
            raise UserError(f"seed {seed}: it must be from 0 to 2**32 - 1")
        keep(compiled)
        built, generators, step = open_trained(run, checkpoint, data)
        measure = measure_of(built, features, weights)
        file = run / "result.json"
        if file.exists():
            result_file.load(file)  # finds a broken file before the work
        result = evaluate_games(
            built,
            measure,
            generators,
            split=split,
            num=measure.num if num is None else num,
            num_real=num_real,
            seed=seed,
            made={"run": run.resolve().name, "step": step, "checkpoint": checkpoint},
        )
        result_file.save(result, file)
    if json:
        print(result_file.as_text(result))
    else:
        report.print_result(result, f"{run} at step {step}")
        print(f"saved in {file}")
