"""Trains the classifiers whose features the metrics of 28x28 images use.

python experiments/features/train_classifier.py digits
python experiments/features/train_classifier.py fashion_mnist --steps 4800 --movement 0.25 [--data-dir FOLDER]

Training images are moved, turned and stretched at random each time. The script prints the accuracy of the written
weights on the test images. The same command gives the same weights on the same machine.
"""

from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from jax.scipy.ndimage import map_coordinates
from tqdm import tqdm

from gan_jax import parallel
from gan_jax.data.packaged.digits import digits
from gan_jax.data.tfds.images import tfds_images
from gan_jax.features.classifier import Classifier, classify
from gan_jax.features.packaged import read, write
from gan_jax.types import Array, Batch, Params


def main(
    data: tyro.conf.Positional[Literal["digits", "fashion_mnist"]],
    steps: int = 2400,
    batch_size: int = 100,
    learning_rate: float = 2e-3,
    movement: float = 1.0,
    seed: int = 0,
    data_dir: Path | None = None,
    out: Path | None = None,
) -> None:
    """Train a classifier, and keep its weights.

    Args:
      data: The packaged digits, or Fashion-MNIST as `gan-jax prepare fashion_mnist` leaves it.
      steps: Batches in all.
      batch_size: Images per step.
      learning_rate: Rate of AdamW, which falls to 0 along a cosine.
      movement: How far images are moved, relative to what suits handwriting.
      seed: Seed of the initial weights, the order, and the movements.
      data_dir: Where the prepared Fashion-MNIST is; by default TFDS' own folder.
      out: File for the weights; by default the package's own.
    """
    source = digits() if data == "digits" else tfds_images("fashion_mnist", data_dir=data_dir)
    optimizer = optax.adamw(optax.cosine_decay_schedule(learning_rate, steps), weight_decay=1e-2)

    def step(state: tuple[Params, optax.OptState], batch: Batch, key: Array) -> tuple[tuple, Array]:
        params, opt_state = state

        def loss(params: Params) -> Array:
            x = jax.vmap(moved, (0, 0, None))(jax.random.split(key, batch_size), batch.x, movement)
            logits = classify(params, x).logits
            return optax.softmax_cross_entropy_with_integer_labels(logits, batch.condition).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    init_key, data_key, move_key = jax.random.split(jax.random.key(seed), 3)
    params = Classifier(source.classes).init(init_key, jnp.zeros((1, 28, 28, 1)))["params"]
    state = params, optimizer.init(params)
    compiled = jax.jit(step, donate_argnums=0, compiler_options=parallel.compiler_options())
    batches = source.stream(data_key, 0, batch_size)
    bar = tqdm(range(steps), unit="step")
    for number in bar:
        state, value = compiled(state, next(batches), jax.random.fold_in(move_key, number))
        if number % 50 == 0:
            bar.set_postfix(loss=float(value))
    out = out or Path(f"gan_jax/features/weights/{data.removesuffix('_mnist')}.npz")
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as stream:
        write(state[0], stream)
    assert source.split is not None
    test = source.split("test")
    x, label, _ = next(test.stream(data_key, 0, test.size or 0))
    right = [np.asarray(jax.jit(classify)(read(out), part).logits.argmax(1)) for part in np.array_split(x, 10)]
    share = np.mean(np.concatenate(right) == np.asarray(label))
    print(f"{out}: {share:.2%} of {test.size} test images, {out.stat().st_size / 1e6:.2f} MB")


def moved(key: Array, image: Array, movement: float) -> Array:
    """Turns an image [28, 28, 1] by up to 12 degrees, stretches and shifts it by up to a tenth; -1 beyond its edge."""
    angle, shear, *sizes, down, right = movement * jax.random.uniform(key, (6,), minval=-1.0)
    turn = 0.21 * angle
    rotation = jnp.array([[jnp.cos(turn), -jnp.sin(turn)], [jnp.sin(turn), jnp.cos(turn)]])
    stretch = jnp.array([[1 + 0.12 * sizes[0], 0.2 * shear], [0.0, 1 + 0.12 * sizes[1]]])
    grid = jnp.stack(jnp.meshgrid(jnp.arange(28.0), jnp.arange(28.0), indexing="ij")) - 13.5
    to = jnp.tensordot(rotation @ stretch, grid, 1) + 13.5 + 2.5 * jnp.array([down, right])[:, None, None]
    return map_coordinates(image[..., 0], list(to), order=1, mode="constant", cval=-1.0)[..., None]


if __name__ == "__main__":
    tyro.cli(main)
