"""A trained generator with everything that drawing from it needs."""

from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.errors import UserError
from gan_jax.evaluation.bars import counted
from gan_jax.latent import Directions
from gan_jax.sample import as_walks, concatenated, generate, make_draw, make_draw_walks
from gan_jax.trees import outline, rows, size_of
from gan_jax.types import Array, Condition, Network, Prior, Variables, View


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
      first_layer: The directions that move the first layer's outputs most, where its code isn't; None where it is.
    """

    name: str
    step: int
    network: Network
    variables: Variables
    prior: Prior
    conditions: Condition
    classes: int
    view: View
    first_layer: Directions | None = None

    def __repr__(self) -> str:
        return f"<{self.name} at step {self.step}: latents {outline(self.latent)}>"

    @property
    def latent(self) -> Any:
        """The shapes of one latent example."""
        return jax.eval_shape(self.prior, jax.random.key(0))

    @property
    def condition(self) -> Condition:
        """The shapes of one condition; None in an unconditional game."""
        return one_of(self.conditions)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample, where samples are one array."""
        condition = jax.tree.map(lambda leaf: leaf[:1], self.conditions)

        def draw(key: Array) -> Any:
            return generate(self.network, self.variables, jax.vmap(self.prior)(key[None]), key[None], condition)

        return jax.eval_shape(draw, jax.random.key(0)).shape[1:]

    def under(self, condition: int) -> "Model":
        """The model whose samples all have one condition, by its number.

        Raises:
          UserError: There is no such condition.
        """
        check_condition(self, condition)
        return self._replace(conditions=rows(self.conditions, np.array([condition])))

    def sample(self, seed: int, num: int) -> Any:
        """Draws samples, a tree of [num, ...]."""
        draw = make_draw(self.network, self.prior)
        chunks = draw(self.variables, jax.random.key(seed), num, self.conditions)
        return concatenated(counted(chunks, num, "samples"))

    def walk(self, seed: int, num: int, frames: int) -> Any:
        """Draws samples, a tree of [num, frames, ...], along walks from each latent example to the next."""
        draw = make_draw_walks(self.network, self.prior)
        chunks = draw(self.variables, jax.random.key(seed), num, frames, self.conditions)
        return as_walks(concatenated(counted(chunks, num * frames, "frames")), num)


def one_of(batch: Any) -> Any:
    """The shapes of one example of a tree of [N, ...]."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), batch)


def check_finite(samples: Any, model: Model) -> None:
    """Raises UserError unless samples are finite."""
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(samples)):
        raise UserError(f"samples of {model.name} at step {model.step} aren't finite: has it diverged?")


def check_condition(model: Model, condition: int) -> None:
    """Raises UserError unless a model has a condition of this number."""
    known = 0 if model.conditions is None else size_of(model.conditions)
    if not 0 <= condition < known:
        has = f"{known} conditions, from 0" if known else "no conditions"
        raise UserError(f"condition {condition}: this generator has {has}")
