"""Convolutions that are fast on a CPU too, and resampling, in one to three dimensions: functions and Flax modules."""

from gan_jax.nets.conv.convolution import Conv, ConvTranspose, conv, conv_transpose
from gan_jax.nets.conv.resample import downsample, smooth, upfirdn, upsample

__all__ = ["Conv", "ConvTranspose", "conv", "conv_transpose", "downsample", "smooth", "upfirdn", "upsample"]
