"""Untrained models of every kind of sample and condition."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import priors, views
from gan_jax.models.model import Model
from gan_jax.nets import convlstm, dcgan, gan3d, language, mlp, stylegan2, wavegan
from gan_jax.types import Condition, Mode, Network, Prior, Variables, View

ALPHABET, WORDS = " ab", frozenset({"a", "ba"})


def model(
    network: Network,
    view: View,
    *,
    prior: Prior | None = None,
    conditions: Condition = None,
    classes: int = 0,
) -> Model:
    """A model of random variables."""
    prior = priors.normal(6) if prior is None else prior
    conditions = np.arange(classes, dtype=np.int32) if classes else conditions
    z = jax.vmap(prior)(jax.random.split(jax.random.key(0), 2))
    one = jax.tree.map(lambda leaf: leaf[:2], conditions)
    variables = Variables(*network.init(jax.random.key(1), z, one))
    return Model("tiny", 7, network, variables, prior, conditions, classes, view)


def following() -> Network:
    """Images that are their condition, an image held out, with a little of z."""

    def init(key, z, condition):
        del key, condition
        return {"kernel": jnp.full((z.shape[1], 1), 0.01)}, {}

    def apply(params, stats, z, condition, mode: Mode):
        return condition["photo"] + (z @ params["kernel"])[:, None, None], stats

    return Network(init, apply)


PHOTOS = np.random.default_rng(0).uniform(-1, 1, (3, 4, 4, 1)).astype(np.float32)

MODELS: dict[str, Callable[[], Model]] = {
    "points": lambda: model(mlp.generator(width=4, depth=1), views.points),
    "images": lambda: model(dcgan.generator(width=2, shape=(8, 8, 1)), views.images),
    "images of classes": lambda: model(dcgan.generator(width=2, shape=(8, 8, 1), classes=3), views.images, classes=3),
    "images of styles": lambda: model(
        stylegan2.generator(widths=(4, 2), size=5, depth=1, shape=(8, 8, 3)), views.images
    ),
    "images beside photos": lambda: model(following(), views.beside(PHOTOS), conditions={"photo": PHOTOS}),
    "sounds": lambda: model(wavegan.generator(width=2, length=4096), views.sounds(8000), prior=priors.uniform(6)),
    "text": lambda: model(language.generator(width=4, shape=(8, 3)), views.text(ALPHABET, WORDS)),
    "clips": lambda: model(convlstm.generator(width=2, shape=(2, 16, 16, 1)), views.videos),
    "shapes": lambda: model(gan3d.generator(width=1), views.shapes),
    "codes": lambda: model(
        mlp.generator(width=4, depth=1), views.points, prior=priors.with_codes(priors.normal(2), priors.Codes((3,), 1))
    ),
}
