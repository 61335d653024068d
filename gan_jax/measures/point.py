"""Measures of points in the plane."""

from numpy.typing import NDArray

from gan_jax.measures.common import MANIFOLD, NEIGHBOURS, all_of
from gan_jax.metrics import manifold, mixtures
from gan_jax.types import Measure, Protocol

TRANSPORTED = 1000  # points: the time of an exact assignment grows with the third power


def mixture(centres: NDArray, sigma: float, *, num: int = 2500) -> Measure:
    """Measure points of a mixture of Gaussians by modes covered, share of high quality, reverse KL, and W₁.

    A generator has collapsed if it covers fewer than half of the modes.

    Args:
      centres: The means [K, D] of the Gaussians.
      sigma: Their standard deviation.
      num: The number of samples, by default PacGAN's (Lin et al. 2018, section 4.1).
    """

    def compare(real: NDArray, fake: NDArray) -> dict[str, float]:
        found = mixtures.mixture(fake, centres, sigma)
        return {
            "covered": found.covered,
            "high_quality": found.high_quality,
            "reverse_kl": found.modes.kl,
            "reverse_kl_floor": found.modes.floor,
            "wasserstein": transport(real, fake),
        }

    def protocol(real: int) -> Protocol:
        del real
        return {"measure": f"{len(centres)} modes", "sigma": sigma, "wasserstein": f"of {TRANSPORTED}"}

    return Measure(
        look=lambda batch: batch,
        summarise=all_of,
        compare=compare,
        collapsed=lambda figures: figures["covered"] < len(centres) / 2,
        better={"covered": "higher", "high_quality": "higher", "reverse_kl": "lower", "wasserstein": "lower"},
        best="wasserstein",
        num=num,
        protocol=protocol,
    )


def plane(*, num: int = 2500) -> Measure:
    """Measure points [N, D] by W₁, precision, recall, density and coverage, for distributions without modes.

    A generator has collapsed if its coverage is below 0.1.

    Args:
      num: The number of samples, by default.
    """

    def compare(real: NDArray, fake: NDArray) -> dict[str, float]:
        return {"wasserstein": transport(real, fake), **manifold.manifold(real, fake, k=NEIGHBOURS)._asdict()}

    def protocol(real: int) -> Protocol:
        del real
        return {"measure": "points", "wasserstein": f"of {TRANSPORTED}", "neighbours": NEIGHBOURS}

    return Measure(
        look=lambda batch: batch,
        summarise=all_of,
        compare=compare,
        collapsed=lambda figures: figures["coverage"] < 0.1,
        better={"wasserstein": "lower", **MANIFOLD},
        best="wasserstein",
        num=num,
        protocol=protocol,
    )


def transport(real: NDArray, fake: NDArray) -> float:
    """W₁ between the first points of both."""
    count = min(TRANSPORTED, len(real), len(fake))
    return mixtures.wasserstein(real[:count], fake[:count])
