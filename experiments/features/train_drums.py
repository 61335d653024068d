"""Trains the classifier whose features the metrics of sounds use, on the packaged drums.

python experiments/features/train_drums.py

Each hit is made higher or lower, later, quieter and noisier at random each time. The script prints the accuracy of the
written weights on the test hits. The same command gives the same weights on the same machine.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from tqdm import tqdm

from gan_jax import parallel
from gan_jax.data.packaged.drums import drums
from gan_jax.features.drum_classifier import LENGTH, SoundClassifier, classify
from gan_jax.features.packaged import read, write
from gan_jax.types import Array, Batch, Params


def main(
    steps: int = 600,
    batch_size: int = 67,
    learning_rate: float = 2e-3,
    seed: int = 0,
    out: Path = Path("gan_jax/features/weights/drums.npz"),
) -> None:
    """Train the classifier, and keep its weights.

    Args:
      steps: Batches in all.
      batch_size: Hits per step; by default all of them.
      learning_rate: Rate of AdamW, which falls to 0 along a cosine.
      seed: Seed of the initial weights, the order, and the changes of the hits.
      out: File for the weights.
    """
    source = drums()
    optimizer = optax.adamw(optax.cosine_decay_schedule(learning_rate, steps), weight_decay=1e-2)

    def step(state: tuple[Params, optax.OptState], batch: Batch, key: Array) -> tuple[tuple, Array]:
        params, opt_state = state

        def loss(params: Params) -> Array:
            logits = classify(params, jax.vmap(changed)(jax.random.split(key, batch_size), batch.x)).logits
            return optax.softmax_cross_entropy_with_integer_labels(logits, batch.condition).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    init_key, data_key, change_key = jax.random.split(jax.random.key(seed), 3)
    params = SoundClassifier(source.classes).init(init_key, jnp.zeros((1, LENGTH, 1)))["params"]
    state = params, optimizer.init(params)
    compiled = jax.jit(step, donate_argnums=0, compiler_options=parallel.compiler_options())
    batches = source.stream(data_key, 0, batch_size)
    bar = tqdm(range(steps), unit="step")
    for number in bar:
        state, value = compiled(state, next(batches), jax.random.fold_in(change_key, number))
        if number % 50 == 0:
            bar.set_postfix(loss=float(value))
    with out.open("wb") as stream:
        write(state[0], stream)
    test = drums("test")
    x, label, _ = next(test.stream(data_key, 0, test.size or 0))
    found = np.asarray(jax.jit(classify)(read(out), x).logits.argmax(1))
    right = int((found == np.asarray(label)).sum())
    print(f"{out}: {right} of {test.size} test hits, {out.stat().st_size / 1e6:.2f} MB")


def changed(key: Array, x: Array) -> Array:
    """Makes a hit [T, 1] up to 3 semitones higher or lower, 50 ms later, 18 dB quieter; adds noise of -90 to -50 dB."""
    pitch_key, shift_key, gain_key, level_key, noise_key = jax.random.split(key, 5)
    pitch = 2 ** jax.random.uniform(pitch_key, minval=-0.25, maxval=0.25)
    places = (jnp.arange(len(x)) - jax.random.uniform(shift_key, maxval=800.0)) * pitch
    moved = jnp.interp(places, jnp.arange(len(x)), x[:, 0], left=0.0, right=0.0)[:, None]
    gain, level = (
        10 ** (jax.random.uniform(key, minval=low, maxval=high) / 20)
        for key, low, high in ((gain_key, -18.0, 0.0), (level_key, -90.0, -50.0))
    )
    return gain * moved + level * jax.random.normal(noise_key, x.shape)


if __name__ == "__main__":
    tyro.cli(main)
