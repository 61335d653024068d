"""Convolutions that are fast on a CPU too, in one to three dimensions: functions and Flax modules."""

from gan_jax.nets.conv.convolution import Conv, ConvTranspose, conv, conv_transpose

__all__ = ["Conv", "ConvTranspose", "conv", "conv_transpose"]
