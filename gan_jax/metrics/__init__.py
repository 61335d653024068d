"""Figures of merit: one file each, pure functions of features or samples."""

from typing import TYPE_CHECKING

from gan_jax.lazy import face

if TYPE_CHECKING:
    from gan_jax.metrics import (
        classes as classes,
        frechet as frechet,
        kernel as kernel,
        manifold as manifold,
        matching as matching,
        mel as mel,
        mixtures as mixtures,
        motion as motion,
        neighbours as neighbours,
        ngrams as ngrams,
        overlap as overlap,
    )

NAMES = {
    __name__: "classes frechet kernel manifold matching mel mixtures motion neighbours ngrams overlap",
}
__all__, __getattr__, __dir__ = face(__name__, NAMES)
