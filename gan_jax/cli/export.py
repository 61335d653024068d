"""`gan-jax export`: a run's generator as one file that travels."""

from pathlib import Path

from tyro.conf import FlagCreatePairsOff, Positional

from gan_jax.cli.terminal import bad_input, say
from gan_jax.errors import UserError
from gan_jax.runs.trained import Which


def export(
    run: Positional[Path],
    out: Path | None = None,
    half: FlagCreatePairsOff[bool] = False,
    onnx: FlagCreatePairsOff[bool] = False,
    licence: str | None = None,
    game: int = 0,
    checkpoint: Which = "latest",
) -> None:
    """Write a run's averaged (EMA) generator as a bundle: one file to draw from without the run, its data or code.

    `sample`, `explore`, `directions`, `invert` and `inspect` take a bundle in the place of a run. It holds the
    generator as programs for CPUs, CUDA GPUs and TPUs, its variables, and a model card, which `gan-jax inspect` prints.

    Args:
      run: The run's folder.
      out: The bundle, which ends in .ganjax (with --onnx, in .onnx); by default named after the run.
      half: Store the variables in half precision: half the size, and samples that differ by about a thousandth.
      onnx: Write an ONNX program instead, for onnxruntime and others: from z, and the condition if there is one, to
        samples. It draws no latents and adds no noise. It needs `pip install 'gan-jax[onnx]'`.
      licence: The licence of the data, for the card; by default the one that the data set states.
      game: Which game of a run of several, from 0.
      checkpoint: The newest, or the best of a run that was evaluated during training.
    """
    import jax
    import numpy as np

    from gan_jax.models import bundle, onnx as programs
    from gan_jax.models.card import card_of
    from gan_jax.models.open import model_of
    from gan_jax.runs.folder import open_run
    from gan_jax.runs.trained import open_trained_to_sample

    with bad_input(run / "experiment.py"):
        opened = open_run(run)
        suffix = programs.SUFFIX if onnx else bundle.SUFFIX
        out = Path(f"{run.resolve().name}{suffix}") if out is None else out
        if out.suffix != suffix or out.is_dir():
            raise UserError(
                f"{out}: name {'an ONNX program' if onnx else 'a bundle'}, such as {out.with_suffix(suffix)}"
            )
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"--out {out}: {error.strerror}; name a file in another folder") from error
        if onnx and half:
            raise UserError("an ONNX program is in single precision: leave --half out")
        trained = open_trained_to_sample(run, checkpoint)
        whole = model_of(opened.name, trained, game)
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(whole.variables)):
            raise UserError(f"the generator of {run} at step {whole.step} isn't finite: it has diverged")
        model = bundle.rounded(whole) if half else whole
        card = card_of(model, opened, trained.experiment, licence, game)
        say(f"exporting the generator of {run} at step {model.step}")
        if onnx:
            apart = programs.write(model, card, out)
            note = f"onnxruntime's samples differ from JAX's by {apart:.0e} of the largest value"
        else:
            bundle.write(model, card, out, half=half)
            note = f"`gan-jax inspect {out}` prints its card"
    size = out.stat().st_size / 1e6
    print(f"{out}: the generator of {run} at step {model.step}, {size:.1f} MB; {note}")
