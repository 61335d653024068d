"""`gan-jax invert`: the latents that lead a generator to a given image, sound or shape."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import OmitArgPrefixes, Positional

from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.features import file_of
from gan_jax.cli.terminal import bad_input
from gan_jax.errors import UserError
from gan_jax.runs.trained import Which

if TYPE_CHECKING:
    from collections.abc import Callable

    from gan_jax.models.model import Model
    from gan_jax.types import Array, Seen, Write


def invert(
    model: Positional[Path],
    target: Positional[Path],
    starts: int = 8,
    steps: int = 500,
    features: str | None = None,
    weights: Path | None = None,
    condition: int | None = None,
    up: Literal["y", "z"] = "y",
    seed: int = 0,
    out: Path = Path("inversion.png"),
    save: Path = Path("latent.json"),
    game: int = 0,
    checkpoint: Which = "latest",
    compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
) -> None:
    """Find the latent vector whose sample is most like an image, a sound or a mesh of yours.

    Adam moves several latents, or styles where the generator has them, and keeps them plausible. It minimises the
    squared distance of the samples and, for sounds, of their log-mel spectrograms.

    Args:
      model: A run's folder, a bundle that `gan-jax export` wrote, or zoo:NAME.
      target: The image, sound or mesh.
      starts: Latents that the search starts from, the best of 16 times as many; of their ends the best is kept.
      steps: Steps of the search.
      features: Compare images in these features too: digits, fashion, effnet, inception, or FILE.py:FUNCTION.
      weights: File of Inception's weights.
      condition: The class, or the number of the condition held out; by default starts differ in it, and the best wins.
      up: The axis that points up in a mesh.
      seed: Seed of the starts.
      out: The target beside its reconstruction; sounds can also be a .wav, shapes a .glb.
      save: A file for the latent vector, which `gan-jax explore` loads.
      game: Which game of a run of several, from 0.
      checkpoint: The newest, or the best of a run that was evaluated during training.
      compiled: Where compiled programs are kept.
    """
    import numpy as np
    from tqdm import tqdm

    from gan_jax.models.inversion import Kept, as_text, invert as search
    from gan_jax.models.open import open_model
    from gan_jax.models.target import read_target
    from gan_jax.storage.files import aside, write_whole

    with bad_input(model / "experiment.py", *file_of(features)):
        if min(starts, steps) < 1 or not 0 <= seed < 2**32:
            raise UserError(f"starts {starts}, steps {steps}, seed {seed}: 1 or more, and seed from 0 to 2**32 - 1")
        if save.suffix != ".json" or save.is_dir():
            raise UserError(f"--save {save}: name a JSON file, such as {save.with_suffix('.json')}")
        keep(compiled)
        opened = open_model(model, game, checkpoint)
        write = writer_of(opened, out)
        goal = read_target(opened, target, up)
        look, weight = features_of(opened, features, weights)
        numbers, states = search(
            opened, goal, look, starts=starts, steps=steps, seed=seed, number=condition, weight=weight
        )
        with tqdm(total=steps, unit="step", dynamic_ncols=True) as bar:
            for found in states:
                bar.update(found.step - bar.n)
                bar.set_postfix(loss=f"{found.losses.min():.3g}")
        best = found.best
        number = int(numbers[best])
        for file in (out, save):
            file.parent.mkdir(parents=True, exist_ok=True)
        with aside(out) as part:
            write(np.stack([goal, found.samples[best]]), part)
        write_whole(save, as_text(opened, Kept(np.ravel(found.latents[best]), number, (seed, 0))) + "\n")
    of = f", class {number}" if opened.classes else ""
    print(f"{out}: {target} beside its reconstruction; loss {found.losses[best]:.3g}, start {best} of {starts}{of}")
    print(f"{save}: its latent vector")


def writer_of(model: "Model", out: Path) -> "Write":
    """How the target and its reconstruction are written."""
    endings = model.view.together
    if out.suffix not in endings or out.is_dir():
        raise UserError(f"{out}: name a file that ends in {' or '.join(endings)}")
    rows = model.view.rows
    if out.suffix == ".png" and rows is not None:
        return lambda samples, path: rows(samples[None], path)
    return endings[out.suffix]


def features_of(
    model: "Model", features: str | None, weights: Path | None
) -> "tuple[Callable[[Array], Seen] | None, float]":
    """The features that should agree, and the weight of the samples' own distance.

    Of sounds the spectrograms should agree; that of the waveforms depends on phases, which one doesn't hear.
    """
    from gan_jax.features.names import named
    from gan_jax.models.target import spectrograms

    recipe = model.view.recipe or {"kind": "of the user's own"}
    if features is not None:
        if recipe["kind"] != "images":
            raise UserError(f"--features {features}: only images have these")
        return named(features, weights).look, 1.0
    return (spectrograms(recipe["rate"]), 0.1) if recipe["kind"] == "sounds" else (None, 1.0)
