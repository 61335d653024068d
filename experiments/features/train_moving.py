"""Trains the network whose features the metrics of video use.

python experiments/features/train_moving.py

Each clip of a batch is new and shows one of the 4,000 training digits. On 4,096 clips of the other 1,000 digits, the
script prints the written weights' accuracy of digits and mean error of steps, beside the mean length of a step. The
same command gives the same weights on the same machine.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import optax
import tyro
from tqdm import tqdm

from gan_jax import parallel
from gan_jax.data.packaged.moving_digits import Scene, scenes
from gan_jax.features.moving_digits import FRAMES, SIDE, Mover, predict
from gan_jax.features.packaged import read, write
from gan_jax.types import Array, Params

WAY = SIDE - SIDE * 9 // 16  # pixels from one side to the other


def main(
    steps: int = 3000,
    batch_size: int = 32,
    learning_rate: float = 2e-3,
    seed: int = 0,
    out: Path = Path("gan_jax/features/weights/moving_digits.npz"),
) -> None:
    """Train the network, and keep its weights.

    Args:
      steps: Batches in all.
      batch_size: Clips per step.
      learning_rate: Rate of AdamW, which falls to 0 along a cosine.
      seed: Seed of the initial weights and the clips.
      out: File for the weights.
    """
    optimizer = optax.adamw(optax.cosine_decay_schedule(learning_rate, steps), weight_decay=1e-2)
    draw = scenes("train")

    def step(state: tuple[Params, optax.OptState], key: Array) -> tuple[tuple, Array]:
        params, opt_state = state

        def loss(params: Params) -> Array:
            scene = jax.vmap(draw)(jax.random.split(key, batch_size))
            predicted = predict(params, scene.clip)
            wrong = optax.softmax_cross_entropy_with_integer_labels(predicted.logits, scene.label[:, 0])
            return wrong.mean() + jnp.mean((predicted.steps - steps_of(scene)) ** 2)

        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    init_key, train_key, test_key = jax.random.split(jax.random.key(seed), 3)
    params = Mover().init(init_key, jnp.zeros((1, FRAMES, SIDE, SIDE, 1)))["params"]
    state = params, optimizer.init(params)
    compiled = jax.jit(step, donate_argnums=0, compiler_options=parallel.compiler_options())
    bar = tqdm(range(steps), unit="step")
    for number in bar:
        state, value = compiled(state, jax.random.fold_in(train_key, number))
        if number % 50 == 0:
            bar.set_postfix(loss=float(value))
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as stream:
        write(state[0], stream)

    @jax.jit
    def judged(params: Params, key: Array) -> tuple[Array, Array, Array]:
        scene = jax.vmap(scenes("test"))(jax.random.split(key, 256))
        predicted = predict(params, scene.clip)
        right = jnp.argmax(predicted.logits, 1) == scene.label[:, 0]
        off = jnp.linalg.norm(predicted.steps - steps_of(scene), axis=-1)
        return right.mean(), off.mean(), jnp.linalg.norm(steps_of(scene), axis=-1).mean()

    found = jnp.stack([jnp.stack(judged(read(out), key)) for key in jax.random.split(test_key, 16)]).mean(0)
    size = out.stat().st_size / 1e3
    print(f"{out}: {found[0]:.2%} right, steps off by {found[1]:.3f} of {found[2]:.3f} pixels, {size:.0f} kB")


def steps_of(scene: Scene) -> Array:
    """Returns the digits' steps [B, frames - 1, 2], in pixels."""
    return WAY * jnp.diff(scene.places[:, 0], axis=1)


if __name__ == "__main__":
    tyro.cli(main)
