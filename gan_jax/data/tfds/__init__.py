"""TensorFlow Datasets (TFDS), read without TensorFlow."""
