"""The peer in TensorFlow: one WGAN-GP iteration of the article's DCGAN, with a graph for each turn."""

from collections.abc import Callable

import tensorflow as tf
from game import Game
from tensorflow import keras


def make_generator(width: int, norm: bool) -> keras.Model:
    layers = keras.layers

    def normed(layer: keras.Layer) -> list[keras.Layer]:
        return [layer, *([layers.BatchNormalization()] if norm else []), layers.LeakyReLU(0.3)]

    transposed = layers.Conv2DTranspose
    return keras.Sequential(
        [
            keras.Input((100,)),
            *normed(layers.Dense(49 * 4 * width, use_bias=False)),
            layers.Reshape((7, 7, 4 * width)),
            *normed(transposed(2 * width, 5, 1, "same", use_bias=False)),
            *normed(transposed(width, 5, 2, "same", use_bias=False)),
            transposed(1, 5, 2, "same", use_bias=False, activation="tanh"),
        ]
    )


def make_critic(width: int, dropout: float) -> keras.Model:
    layers = keras.layers
    drop = [layers.Dropout(dropout)] if dropout else []
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *(layers.Conv2D(width, 5, 2, "same"), layers.LeakyReLU(0.3), *drop),
            *(layers.Conv2D(2 * width, 5, 2, "same"), layers.LeakyReLU(0.3), *drop),
            *(layers.Flatten(), layers.Dense(1)),
        ]
    )


def iteration(game: Game, *, jit_compile: bool) -> Callable[[], None]:
    keras.utils.set_random_seed(0)
    generator, critic = make_generator(game.width, game.norm), make_critic(game.width, game.dropout)
    adams = [keras.optimizers.Adam(1e-4, 0.0, 0.9) for _ in range(2)]
    for adam, net in zip(adams, (generator, critic)):
        adam.build(net.trainable_variables)
    generator_adam, critic_adam = adams
    reals = tf.unstack(tf.random.uniform((game.critic_steps, game.batch_size, 28, 28, 1), -1, 1))

    def penalty(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        weight = tf.random.uniform((game.batch_size, 1, 1, 1))
        points = weight * real + (1 - weight) * fake
        with tf.GradientTape() as tape:
            tape.watch(points)
            logits = critic(points, training=True)
        gradient = tf.reshape(tape.gradient(logits, points), (game.batch_size, -1))
        return tf.reduce_mean((tf.norm(gradient, axis=1) - 1) ** 2)

    @tf.function(jit_compile=jit_compile)
    def critic_turn(real: tf.Tensor) -> None:
        fake = generator(tf.random.normal((game.batch_size, 100)), training=True)
        with tf.GradientTape() as tape:
            logits = [tf.reduce_mean(critic(x, training=True)) for x in (real, fake)]
            loss = logits[1] - logits[0] + 10 * penalty(real, fake)
        critic_adam.apply(tape.gradient(loss, critic.trainable_variables))

    @tf.function(jit_compile=jit_compile)
    def generator_turn() -> None:
        with tf.GradientTape() as tape:
            fake = generator(tf.random.normal((game.batch_size, 100)), training=True)
            loss = -tf.reduce_mean(critic(fake, training=True))
        generator_adam.apply(tape.gradient(loss, generator.trainable_variables))

    def step() -> None:
        for real in reals:
            critic_turn(real)
        generator_turn()
        generator.trainable_variables[0].numpy()

    return step
