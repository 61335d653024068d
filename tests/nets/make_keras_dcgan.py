"""Makes keras_dcgan.npz: the networks of TensorFlow's DCGAN tutorial at width 8, weights and outputs.

Run with tensorflow-cpu 2.21 (Keras 3): python tests/nets/make_keras_dcgan.py
"""

import pathlib

import keras
import numpy as np
from keras import layers

WIDTH, LATENT, BATCH = 8, 10, 4


def make_generator():
    width = WIDTH
    return keras.Sequential(
        [
            keras.Input((LATENT,)),
            layers.Dense(7 * 7 * 4 * width, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Reshape((7, 7, 4 * width)),
            layers.Conv2DTranspose(2 * width, (5, 5), strides=(1, 1), padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Conv2DTranspose(width, (5, 5), strides=(2, 2), padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Conv2DTranspose(1, (5, 5), strides=(2, 2), padding="same", use_bias=False, activation="tanh"),
        ]
    )


def make_critic():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(WIDTH, (5, 5), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Dropout(0.3),
            layers.Conv2D(2 * WIDTH, (5, 5), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


def main():
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    generator, critic = make_generator(), make_critic()
    for weight in (*generator.weights, *critic.weights):
        if len(weight.shape) == 1:  # nontrivial scales, biases and statistics
            noise = random.uniform(0.5, 1.5, weight.shape)
            weight.assign(noise if weight.name in ("gamma", "moving_variance") else noise - 1)
    z = random.normal(size=(BATCH, LATENT)).astype(np.float32)
    arrays = {f"generator_{i}": w for i, w in enumerate(generator.get_weights())}
    arrays |= {f"critic_{i}": w for i, w in enumerate(critic.get_weights())}
    arrays |= {"z": z, "images": np.asarray(generator(z, training=False))}
    arrays |= {"logits": np.asarray(critic(arrays["images"], training=False))[:, 0]}
    arrays |= {"train_images": np.asarray(generator(z, training=True))}
    after = [w.numpy() for w in generator.weights if w.name.startswith("moving")]
    arrays |= {f"moved_{i}": w for i, w in enumerate(after)}
    np.savez_compressed(pathlib.Path(__file__).with_name("keras_dcgan.npz"), **arrays)


if __name__ == "__main__":
    main()
