"""`gan-jax export`: a run's generator as one file that travels."""

from pathlib import Path

from tyro.conf import FlagCreatePairsOff, Positional

from gan_jax.cli.terminal import bad_input
from gan_jax.errors import UserError
from gan_jax.runs.trained import Which


def export(
    run: Positional[Path],
    out: Path | None = None,
    half: FlagCreatePairsOff[bool] = False,
    licence: str | None = None,
    game: int = 0,
    checkpoint: Which = "latest",
) -> None:
    """Write a run's averaged (EMA) generator as a bundle: one file to draw from without the run, its data or code.

    `sample`, `explore`, `directions`, `invert` and `inspect` take a bundle in the place of a run. It holds the
    generator as programs for CPUs, CUDA GPUs and TPUs, its variables, and a model card, which `gan-jax inspect` prints.

    Args:
      run: The run's folder.
      out: The bundle, which ends in .ganjax; by default named after the experiment.
      half: Store the variables in half precision: half the size, and samples that differ by about a thousandth.
      licence: The licence of the data, for the card; by default the one that the data set states.
      game: Which game of a run of several, from 0.
      checkpoint: The newest, or the best of a run that was evaluated during training.
    """
    from gan_jax.evaluation import result_file
    from gan_jax.models import bundle
    from gan_jax.models.card import card_of
    from gan_jax.models.open import model_of
    from gan_jax.runs.folder import open_run
    from gan_jax.runs.trained import open_trained_to_sample

    with bad_input(run / "experiment.py"):
        opened = open_run(run)
        out = Path(f"{opened.name}{bundle.SUFFIX}") if out is None else out
        if out.suffix != bundle.SUFFIX or out.is_dir():
            raise UserError(f"{out}: name a bundle, such as {out.with_suffix(bundle.SUFFIX)}")
        trained = open_trained_to_sample(run, checkpoint)
        model = model_of(opened.name, trained, game)
        results = result_file.load(opened.result) if opened.result.exists() else []
        out.parent.mkdir(parents=True, exist_ok=True)
        bundle.write(model, card_of(model, opened, trained.experiment, results, licence), out, half=half)
    size = out.stat().st_size / 1e6
    print(f"{out}: the generator of {run} at step {model.step}, {size:.1f} MB; `gan-jax inspect {out}` prints its card")
