"""Trains the classifier whose features the metrics of digits are taken in.

python experiments/features/train_classifier.py [--epochs 60] [--out gan_jax/nets/weights/digits.npz]

400 of the 500 packaged images of each digit train it, moved, turned and stretched anew each time; the last 100 of each
are held out, and what is printed is the share of them that the weights, as written, get right. The same command gives
the same weights on the same machine.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from jax.scipy.ndimage import map_coordinates
from tqdm import trange

from gan_jax import parallel
from gan_jax.data import digits
from gan_jax.data.source import to_float
from gan_jax.nets.classifier import Classifier, classify, read, write
from gan_jax.types import Array, Params

HELD_OUT = 100  # of each digit


def main(
    epochs: int = 60,
    batch_size: int = 100,
    learning_rate: float = 2e-3,
    seed: int = 0,
    out: Path = Path("gan_jax/nets/weights/digits.npz"),
) -> None:
    """Train the classifier, and keep its weights.

    Args:
      epochs: Passes over the 4,000 training images.
      batch_size: Images a step; it must divide 4,000.
      learning_rate: Of AdamW, falling to 0 along a cosine.
      seed: Of the initial weights, the order, and the movements.
      out: File for the weights.
    """
    images, labels = digits.load()
    held_out = np.arange(len(images)) % 500 >= 500 - HELD_OUT
    x, y = to_float(jnp.asarray(images[~held_out])), jnp.asarray(labels[~held_out])
    steps = epochs * len(x) // batch_size
    optimizer = optax.adamw(optax.cosine_decay_schedule(learning_rate, steps), weight_decay=1e-2)

    def step(state: tuple[Params, optax.OptState], index: Array, key: Array) -> tuple[tuple, Array]:
        params, opt_state = state

        def loss(params: Params) -> Array:
            keys = jax.random.split(key, batch_size)
            logits = classify(params, jax.vmap(moved)(keys, x[index])).logits
            smooth = optax.smooth_labels(jax.nn.one_hot(y[index], 10), 0.05)
            return optax.softmax_cross_entropy(logits, smooth).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    key, order = jax.random.key(seed), np.random.default_rng(seed)
    params = Classifier().init(key, x[:1])["params"]
    state = params, optimizer.init(params)
    compiled = jax.jit(step, donate_argnums=0, compiler_options=parallel.compiler_options())
    bar = trange(epochs, unit="epoch")
    for epoch in bar:
        for number, index in enumerate(order.permutation(len(x)).reshape(-1, batch_size)):
            state, value = compiled(state, index, jax.random.fold_in(key, epoch * len(x) + number))
        bar.set_postfix(loss=float(value))
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as stream:
        write(state[0], stream)
    seen = classify(read(out), to_float(jnp.asarray(images[held_out])))
    right = np.asarray(seen.logits.argmax(1)) == labels[held_out]
    print(f"{out}: {right.mean():.1%} of {right.size} held-out digits, {out.stat().st_size / 1e6:.2f} MB")


def moved(key: Array, image: Array) -> Array:
    """The image [28, 28, 1] turned by up to 12 degrees, stretched and shifted by up to a tenth; -1 beyond its edge."""
    angle, shear, *sizes, down, right = jax.random.uniform(key, (6,), minval=-1.0)
    turn = 0.21 * angle
    rotation = jnp.array([[jnp.cos(turn), -jnp.sin(turn)], [jnp.sin(turn), jnp.cos(turn)]])
    stretch = jnp.array([[1 + 0.12 * sizes[0], 0.2 * shear], [0.0, 1 + 0.12 * sizes[1]]])
    grid = jnp.stack(jnp.meshgrid(jnp.arange(28.0), jnp.arange(28.0), indexing="ij")) - 13.5
    to = jnp.tensordot(rotation @ stretch, grid, 1) + 13.5 + 2.5 * jnp.array([down, right])[:, None, None]
    return map_coordinates(image[..., 0], list(to), order=1, mode="constant", cval=-1.0)[..., None]


if __name__ == "__main__":
    tyro.cli(main)
