"""A file of the user's as an example such as a model makes, to invert."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from gan_jax.data.folders import images, sounds
from gan_jax.data.found import Unusable
from gan_jax.data.source import to_float
from gan_jax.data.voxels import Up, voxelise
from gan_jax.errors import Missing, UserError
from gan_jax.metrics.mel import QUIETEST, log_mel
from gan_jax.models.model import Model
from gan_jax.types import Array, Seen


def read_target(model: Model, file: Path, up: Up = "y") -> np.ndarray:
    """Reads an image, a sound or a mesh in the shape of the model's samples, [...].

    Args:
      model: The model.
      file: The file. Of an image the middle is taken, of a sound the beginning.
      up: The axis that points up in a mesh.

    Raises:
      Missing: There is no such file.
      UserError: The file can't be used, or the model makes something else.
    """
    if not file.is_file():
        raise Missing(f"{file}: no such file; name an image, a sound or a mesh")
    try:
        return read(model, file, up)
    except UserError:
        raise
    except Exception as error:  # a broken mesh may raise any error of trimesh's
        raise UserError(f"{file} {error if isinstance(error, Unusable) else f'is broken ({error})'}") from error


def read(model: Model, file: Path, up: Up) -> np.ndarray:
    shape = model.shape
    match model.view.recipe:
        case {"kind": "images"}:
            return np.asarray(to_float(jnp.asarray(images.read(file, (shape[0], shape[1]), shape[2]))))
        case {"kind": "sounds", "rate": rate}:
            return np.asarray(sounds.to_float(jnp.asarray(sounds.read(file, rate, shape[0])[1][0])))
        case {"kind": "shapes"}:
            return np.where(voxelise(file, shape[0], up), 1.0, -1.0).astype(np.float32)[..., None]
    raise UserError(f"{file}: only generators of images, sounds and shapes can be inverted")


def spectrograms(rate: int) -> Any:
    """The features of sounds [B, T, 1] that inversion looks through: log-mel spectrograms, from 0 for silence."""

    def look(sounds: Array) -> Seen:
        loudness = log_mel(sounds[..., 0], rate=rate) / -QUIETEST + 1
        return Seen(loudness.reshape(loudness.shape[0], -1))

    return look
