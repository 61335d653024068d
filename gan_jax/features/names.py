"""The networks for metrics of images, by their names in `gan-jax evaluate --features`."""

from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.features import classifier, efficientnet, inception_v3 as inception
from gan_jax.storage import user_file as program
from gan_jax.storage.files import sha256_of
from gan_jax.types import Features, Seen

NAMED: dict[str, Callable[[], Features]] = {
    "digits": classifier.digits,
    "fashion": classifier.fashion,
    "effnet": efficientnet.efficientnet_lite0,
    "inception": inception.inception,
}


def named(name: str, weights: Path | None = None) -> Features:
    """A network by its name.

    Args:
      name: A key of NAMED, or FILE.py:FUNCTION for your own function from images [B, H, W, C] in [-1, 1] to features
        [B, D]. JAX traces it. The protocol's hash covers FILE.py, but not the files that it loads.
      weights: The file of Inception's weights, if it isn't in its usual place.

    Raises:
      ValueError: There is no such name or function.
      FileNotFoundError: There is no such file, or the weights must be downloaded first.
    """
    if weights is not None:
        if name != "inception":
            raise UserError(f"--weights {weights}: only inception takes a file, {name} comes with its weights")
        return inception.inception(weights)
    if name in NAMED:
        return NAMED[name]()
    if ".py:" in name:
        return of_file(*name.rsplit(":", 1))
    raise UserError(f"features {name!r}: there are {', '.join(NAMED)}, and FILE.py:FUNCTION for your own")


def fetch() -> Path:
    """Downloads the weights of FID's Inception-v3, and returns their file."""
    return inception.fetch()


def of_file(file: str, function: str) -> Features:
    """A user's own function as `Features`."""
    path = Path(file)
    module = program.load(path)
    own = getattr(module, function, None)
    if not callable(own):
        raise UserError(f"{path} defines no function {function}: it maps images [B, H, W, C] to features [B, D]")
    digest = sha256_of(path)
    return Features(
        f"{path.name}:{function}", digest, "its own", lambda x: Seen(jnp.asarray(own(x)).astype(jnp.float32))
    )
