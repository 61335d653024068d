"""`gan-jax directions`: directions in a generator's latent space, and samples along them."""

from functools import partial
from pathlib import Path
from typing import Literal

from tyro.conf import OmitArgPrefixes, Positional

from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.sample import format_of
from gan_jax.cli.terminal import bad_input
from gan_jax.errors import UserError
from gan_jax.runs.trained import Which

WIDEST = 100  # standard deviations


def directions(
    model: Positional[Path],
    method: Literal["principal", "first_layer"] = "principal",
    num: int = 8,
    frames: int = 7,
    span: float = 3.0,
    seed: int = 0,
    number: int = 0,
    out: Path = Path("directions.png"),
    save: Path = Path("directions.npz"),
    game: int = 0,
    checkpoint: Which = "latest",
    compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
) -> None:
    """Find directions in a generator's latent space that change samples most, and move a sample along each.

    They lie in the space of styles where the generator has them, as StyleGAN2's does, or else in that of z.

    Args:
      model: A run's folder, a bundle that `gan-jax export` wrote, or zoo:NAME.
      method: principal: the principal components of styles, or of samples where there are no styles (GANSpace).
        first_layer: the directions that move the first layer's outputs most (SeFa).
      num: Number of directions.
      frames: Samples along each direction.
      span: How far from the sample, on both sides, in standard deviations of latents.
      seed: Seed of the samples.
      number: The sample of that seed to move, from 0.
      out: A file for all samples: a .png has a row for each direction; images, video and shapes can also be a
        .gif or .mp4, shapes a .glb, sounds a .wav.
      save: A file for the directions, which `gan-jax explore --directions` takes.
      game: Which game of a run of several, from 0.
      checkpoint: The newest, or the best of a run that was evaluated during training.
      compiled: Where compiled programs are kept.
    """
    from gan_jax.models.directions import directions_of, named_space, save as save_directions, walks_along
    from gan_jax.models.model import check_finite
    from gan_jax.models.open import open_model
    from gan_jax.storage.provenance import Origin, hash_of
    from gan_jax.storage.samples import write_samples

    with bad_input(model / "experiment.py"):
        if min(num, frames) < 1 or not 0 <= seed < 2**32 or not 0 <= number < 2**31 or not 0 < span <= WIDEST:
            raise UserError(
                f"num {num}, frames {frames}, span {span}, seed {seed}, number {number}: num and frames must be 1 or "
                f"more, span above 0 and at most {WIDEST}, seed and number 0 or more, below 2**32 and 2**31"
            )
        if save.suffix != ".npz" or save.is_dir():
            raise UserError(f"--save {save}: name a file of arrays, such as {save.with_suffix('.npz')}")
        keep(compiled)
        opened = open_model(model, game, checkpoint)
        write, _ = format_of(opened.view, out, None, interpolate=True)
        found = directions_of(opened, method, num, seed, number)
        walks = walks_along(opened, found, seed, number, frames, span)
        check_finite(walks, opened)
        for file in (out, save):
            file.parent.mkdir(parents=True, exist_ok=True)
        origin = Origin(opened.name, hash_of(opened.variables), opened.step, seed)
        write_samples([(out, partial(write, walks))], origin)
        save_directions(found, opened, save)
    of = "the variance" if method == "principal" else "the first layer's kernels"
    print(f"Directions of {named_space(opened)}, and their shares of {of}:")
    print("  ".join(f"{share:.1%}" for share in found.shares))
    print(f"{out}: sample {number} of seed {seed}, moved by up to {span:g} σ along each direction")
    print(f"{save}: the directions, for `gan-jax explore {model} --directions {save}`")
