"""Convolutions that are quick on a CPU too, in any number of dimensions: functions, and Flax modules."""

from gan_jax.nets.conv.convolution import Conv, ConvTranspose, conv, conv_transpose

__all__ = ["Conv", "ConvTranspose", "conv", "conv_transpose"]
