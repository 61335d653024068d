"""A trained generator with everything that drawing from it needs."""

from typing import Any, NamedTuple

import jax

from gan_jax.sample import make_sampler, make_walker
from gan_jax.types import Condition, Network, Prior, Variables, View


class Model(NamedTuple):
    """A trained generator.

    Attributes:
      name: The name of its experiment.
      step: The updates that it has had.
      network: The generator.
      variables: Its variables, averaged over training (EMA).
      prior: Draws its latent examples.
      conditions: The conditions that samples are drawn under, a tree of [N, ...]: sample i gets number i mod N. None in
        an unconditional game.
      classes: The number of classes, if conditions are class numbers; 0 otherwise.
      view: How its samples become files.
    """

    name: str
    step: int
    network: Network
    variables: Variables
    prior: Prior
    conditions: Condition
    classes: int
    view: View

    def sample(self, seed: int, num: int) -> Any:
        """Draws samples, a tree of [num, ...]."""
        draw = make_sampler(self.network, self.prior, self.conditions)
        return draw(self.variables, jax.random.key(seed), num)

    def walk(self, seed: int, num: int, frames: int) -> Any:
        """Draws samples, a tree of [num, frames, ...], along walks from each latent example to the next."""
        draw = make_walker(self.network, self.prior, self.conditions)
        return draw(self.variables, jax.random.key(seed), num, frames)
