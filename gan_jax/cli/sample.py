"""`gan-jax sample`: draw samples into files."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional, arg

from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.terminal import bad_input
from gan_jax.errors import UserError
from gan_jax.runs.trained import Which

if TYPE_CHECKING:
    from gan_jax.types import View, Write


def sample(
    model: Positional[Path],
    num: int = 64,
    seed: int = 0,
    out: Path = Path("samples.png"),
    suffix: str | None = None,
    interpolate: FlagCreatePairsOff[bool] = False,
    frames: int = 16,
    truncation: float | None = None,
    condition: int | None = None,
    game: int = 0,
    checkpoint: Which = "latest",
    provenance: bool = True,
    sign: Annotated[tuple[Path, ...], arg(metavar="CERT KEY")] = (),
    compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
) -> None:
    """Draw samples from the averaged (EMA) generator of a run or a bundle. The same seed gives the same samples.

    Where there are classes, sample i is of class i modulo their number: all are equally frequent, whatever the data.
    Other conditions are those that the run holds out, one after the other.

    Args:
      model: A run's folder, a bundle that `gan-jax export` wrote, or zoo:NAME.
      num: Number of samples, or of walks.
      seed: Seed of the samples.
      out: A file for all samples, in a format of their kind, or a folder (an existing one, or a name without a suffix)
        for a file each.
      suffix: Format of the files in a folder, such as .png, where the kind has several.
      interpolate: Walk from each latent example to the next, and from the last to the first. A .png has a row for each
        walk; images, video and shapes can also be a .gif or .mp4, shapes a .glb, sounds a .wav.
      frames: Samples along each walk.
      truncation: Draw latents nearer to their mean, for better and less varied samples: where there are styles, their
        distance from the mean style relative to before, from 0 to 1; otherwise the largest entry of z, such as 0.7.
      condition: The class of all samples, or the number of the condition held out.
      game: Which game of a run of several, from 0.
      checkpoint: The newest, or the best of a run that was evaluated during training.
      provenance: Note in each file that it is synthetic and what made it; `gan-jax inspect FILE` reads the note.
      sign: Sign each PNG, GIF, MP4 or WAV by C2PA, with a certificate and its private key (PEM), so that others can see
        who signed it and whether it was changed since.
      compiled: Where compiled programs are kept.
    """
    from gan_jax.evaluation.bars import each
    from gan_jax.models.model import check_finite
    from gan_jax.models.open import open_model
    from gan_jax.models.truncation import truncated
    from gan_jax.storage import signature
    from gan_jax.storage.provenance import SIDECAR, Origin, hash_of, lines_of
    from gan_jax.storage.provenance_formats import FORMATS
    from gan_jax.storage.samples import write_samples
    from gan_jax.trees import rows

    with bad_input(model / "experiment.py"):
        if min(num, frames) < 1 or not 0 <= seed < 2**32:
            raise UserError(
                f"num {num}, frames {frames}, seed {seed}: num and frames must be 1 or more, and seed 0 or more, below "
                "2**32"
            )
        if sign and len(sign) != 2:
            raise UserError("--sign takes two files: the certificate, and its private key")
        if sign and not provenance:
            raise UserError("--sign states the origin, which --no-provenance leaves out: drop one of them")
        keep(compiled)
        whole = open_model(model, game, checkpoint)
        opened = whole if condition is None else whole.under(condition)
        opened = opened if truncation is None else truncated(opened, truncation)
        write, ending = format_of(opened.view, out, suffix, interpolate)
        # bad certificates are found before the work
        signer = signature.open_signer(sign[0], sign[1], ending or out.suffix) if sign else None
        samples = opened.walk(seed, num, frames) if interpolate else opened.sample(seed, num)
        check_finite(samples, opened)
        if provenance and (ending or out.suffix) not in FORMATS:
            lines_of((out.parent if ending is None else out) / SIDECAR)  # finds a broken file before the work
        origin = Origin(opened.name, hash_of(opened.variables), opened.step, seed)
        if ending is None:
            files = [(out, partial(write, samples))]
        else:
            files = [(out / f"{number:05d}{ending}", partial(write, rows(samples, number))) for number in range(num)]
        with made(files[0][0].parent):
            write_samples(each(files, "writing", "file"), origin if provenance else None, signer)
    what = f"{num} walks of {frames} frames" if interpolate else f"{num} samples"
    by = ", signed" if signer else ""
    print(f"{out}: {what} of {model} at step {opened.step}, seed {seed}, model {origin.model[:12]}{by}")


def format_of(view: "View", out: Path, suffix: str | None, interpolate: bool) -> "tuple[Write, str | None]":
    """Chooses how samples are written.

    Returns:
      The writer, and the suffix of each sample's file; None where all samples go into one file.

    Raises:
      UserError: The kind has no such format.
    """
    together = view.walks if interpolate else view.together
    if interpolate and not together:
        raise UserError("there are no walks for samples of this kind")
    if out.suffix in together and not out.is_dir():
        if suffix is not None:
            raise UserError(f"--suffix {suffix}: {out} holds all samples; give a folder for a file each")
        return together[out.suffix], None
    endings = " or ".join(f"{out.stem or 'samples'}{ending}" for ending in together)
    if interpolate:
        raise UserError(f"{out}: walks go into one file, {endings}")
    if (out.suffix or out.is_file()) and not out.is_dir():
        raise UserError(f"{out}: samples of this kind are written to one file, {endings}, or to a folder, a file each")
    ending = next(iter(view.single)) if suffix is None else f".{suffix.removeprefix('.')}"
    if ending not in view.single:
        raise UserError(f"--suffix {suffix}: samples of this kind are written as {' or '.join(view.single)}")
    return view.single[ending], ending


@contextlib.contextmanager
def made(folder: Path) -> Iterator[None]:
    """Makes a folder, and removes it again if nothing was written there."""
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if new and not any(folder.iterdir()):
            folder.rmdir()
