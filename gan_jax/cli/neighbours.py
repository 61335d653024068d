"""`gan-jax neighbours`: samples beside the training examples nearest to them."""

from pathlib import Path

from tyro.conf import OmitArgPrefixes, Positional

from gan_jax.cli.arguments import check_picture
from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.features import file_of, measure_of
from gan_jax.cli.terminal import bad_input
from gan_jax.errors import UserError
from gan_jax.runs.trained import Which, open_trained


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
      num: Number of samples; each row shows one and its num - 1 nearest training examples, nearest first.
      features: Features in which distances are taken, as in `evaluate`.
      weights: File of Inception's weights.
      seed: Seed of the samples.
      out: The picture.
      game: Which game of a run of several, from 0.
      checkpoint: The newest, or the best of a run that was evaluated during training.
      data: Where the run's data lie now, if they were moved.
      compiled: Where compiled programs are kept.
    """
    from gan_jax.evaluation.neighbours import nearest_training_examples
    from gan_jax.models.open import model_of
    from gan_jax.runs.folder import open_run
    from gan_jax.storage.files import aside

    with bad_input(run / "experiment.py", *file_of(features)):
        if num < 2 or not 0 <= seed < 2**32:
            raise UserError(f"num {num}, seed {seed}: num must be 2 or more, and seed 0 or more, below 2**32")
        check_picture(out)
        keep(compiled)
        trained = open_trained(run, checkpoint, data)
        built, step = trained.experiment, trained.step
        samples = model_of(open_run(run).name, trained, game).sample(seed, num)
        look = measure_of(built, features, weights).look
        found = nearest_training_examples(built, look, samples, num - 1)
        with aside(out) as part:
            if built.view.rows:
                built.view.rows(found, part)
            else:
                built.view.together[".png"](found.reshape(-1, *found.shape[2:]), part)
    print(f"{out}: {num} samples of {run} at step {step}, a row each, with the training examples nearest to them")
