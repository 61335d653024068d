"""The vocabulary of a game between a critic and a generator."""

import dataclasses
import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import jax
import numpy as np
import optax

Array: TypeAlias = jax.Array
Params: TypeAlias = Any  # a pytree of arrays
Prior: TypeAlias = Callable[[Array], Array]  # one PRNG key -> z, one latent example
Terms: TypeAlias = Any  # a tree of arrays [B, ...], named by its dicts: the loss is the sum of their means
Condition: TypeAlias = Any  # a tree of [B, ...]: class numbers, images, text; None in an unconditional game
State: TypeAlias = Any  # a tree of arrays, the same on every device; () if there are none
Protocol: TypeAlias = dict[str, str | int | float]
T = TypeVar("T")


class Players(NamedTuple, Generic[T]):
    """The pair that recurs everywhere: networks, parameters, optimisers, metrics.

    Attributes:
      critic: The critic's.
      generator: The generator's.
    """

    critic: T
    generator: T


@functools.partial(jax.tree_util.register_dataclass, data_fields=["keys"], meta_fields=["train", "axis_name", "dtype"])
@dataclasses.dataclass(frozen=True)
class Mode:
    """How a network is run.

    Attributes:
      train: Whether batch statistics and dropout work as in training.
      keys: [B], one PRNG key per example, for dropout and noise. None means no randomness.
      axis_name: The mapped axis that the batch is split over, for statistics across replicas.
      dtype: The type of computation, such as jnp.bfloat16; None: that of the parameters. Results have the type of x.
    """

    train: bool = False
    keys: Array | None = None
    axis_name: str | None = None
    dtype: Any = None


def same_stats(params: Params, stats: Params) -> Params:
    """Keeps the statistics: the `advance` of a network without power iterations."""
    del params
    return stats


def has_stats(stats: Params) -> bool:
    """The `mixes_examples` of a network whose statistics are those of batches, if it has any."""
    return bool(stats)


class Output(NamedTuple):
    """What a network may return in place of `y` alone.

    Attributes:
      y: The critic's logits, or the generator's examples: a tree of [B, ...].
      extra: Further results for terms of the objective, a tree of [B, ...]: class logits, codes, features, styles.
    """

    y: Any
    extra: Any = None


class Network(NamedTuple):
    """A network as pure functions of examples or latents, a condition, and a mode.

    Attributes:
      init: (key, x, condition) -> (params, stats).
      apply: (params, stats, x, condition, mode) -> (y, stats), where y may be an `Output`.
      advance: (params, stats) -> stats, called once before each turn of the player (power iteration).
      mixes_examples: stats -> whether an example's output in training depends on the others of its batch, as under
        batch normalisation or packing. A penalty on the slope of such a critic is refused. By default it does if the
        network has statistics.
    """

    init: Callable[[Array, Any, Condition], tuple[Params, Params]]
    apply: Callable[[Params, Params, Any, Condition, Mode], tuple[Any, Params]]
    advance: Callable[[Params, Params], Params] = same_stats
    mixes_examples: Callable[[Params], bool] = has_stats


class Batch(NamedTuple):
    """Examples of the data, or the shapes of one example (`jax.ShapeDtypeStruct`).

    Attributes:
      x: A tree of [B, ...], float32. Images lie in [-1, 1].
      condition: A tree of [B, ...], such as class numbers (int32), images or text. None in an unconditional game.
      place: [B], int32: the place of each example in the whole batch. None means in order, as on one device.
    """

    x: Any
    condition: Condition = None
    place: Any = None


Write: TypeAlias = Callable[[np.ndarray, Path], None]  # writes samples to a file


class View(NamedTuple):
    """How samples of one kind become files to look at, listen to or read. Each dict is keyed by the file's ending.

    Attributes:
      together: Functions that write samples [N, ...] to one file. Training draws ".png".
      single: Functions that write one sample [...] to a file in a usual format of its kind. The first is the default.
      walks: Functions that write samples [walks, frames, ...] along walks between latent examples to one file; {} if
        no format is of use.
      rows: A function that writes samples [rows, columns, ...] to a picture of that layout; None if there is none.
      recipe: How `views.view_of` makes this view again where its code isn't, as JSON; None if it can't.
    """

    together: dict[str, Write]
    single: dict[str, Write]
    walks: dict[str, Write] = {}  # noqa: RUF012 - a NamedTuple's default, never written to
    rows: Write | None = None
    recipe: dict[str, Any] | None = None


class Seen(NamedTuple):
    """The features that a network finds in examples [B, ...].

    Attributes:
      features: [B, D].
      logits: [B, classes]; None if the network is no classifier.
    """

    features: Array
    logits: Array | None = None


class Features(NamedTuple):
    """A network that metrics look at examples through, and everything that its figures depend on.

    Attributes:
      name: The network's name, for protocol stamps.
      weights: The SHA-256 of its weights, for protocol stamps.
      resize: How an example is prepared before the network sees it, for protocol stamps.
      look: Examples [B, ...] as the players see them (images in [-1, 1]) -> `Seen`. Pure, so that it can be compiled.
    """

    name: str
    weights: str
    resize: str
    look: Callable[[Array], Seen]


class Measure(NamedTuple):
    """How generated examples of one kind are compared with real ones.

    Attributes:
      look: Maps examples [B, ...] to features [B, D], in which distances are meaningful.
      summarise: Maps batches of examples [B, ...] to what `compare` needs of them.
      compare: Maps the summaries of real and of generated examples to figures by name.
      collapsed: Maps figures to whether the generator has collapsed.
      better: Which direction is better, for each figure that has one: "higher" or "lower".
      best: The figure that chooses the best checkpoint; one of `better`.
      num: The number of generated examples, by default.
      protocol: Maps the number of real examples to everything that the figures depend on besides the examples. Figures
        of different protocols aren't compared.
    """

    look: Callable[[np.ndarray], np.ndarray]
    summarise: Callable[[Iterable[np.ndarray]], Any]
    compare: Callable[[Any, Any], dict[str, float]]
    collapsed: Callable[[dict[str, float]], bool]
    better: dict[str, Literal["higher", "lower"]]
    best: str
    num: int
    protocol: Callable[[int], Protocol]


class Pair(NamedTuple, Generic[T]):
    """One thing of real examples and of fake ones.

    Attributes:
      real: Of real examples.
      fake: Of fake examples.
    """

    real: T
    fake: T


class Game(NamedTuple):
    """Everything that a loss may look at in one turn. Examples, latents, conditions and logits are trees of [B, ...].

    Attributes:
      critic: x -> logits. The condition, the statistics, one dropout mask and one augmentation are closed over.
      generator: (z, condition) -> `Output`: the generator with the noise of `fake`, at other latents or conditions.
      params: Both networks' parameters.
      prior: One PRNG key -> z, one latent example.
      real: Real examples.
      fake: Fake examples.
      z: The latents that `fake` was made from.
      condition: The batch's condition; None in an unconditional game.
      logits: The critic's logits of both: one for each example, or one for each head, scale or patch.
      extra: The critic's `Output.extra` of both.
      made: The generator's `Output.extra`.
      keys: [B], one PRNG key per example.
      step: [], the number of updates done.
      mean: The mean over every element on every device.
      state: The state of the term that looks.
    """

    critic: Callable[[Any], Any]
    generator: Callable[[Any, Condition], Output]
    params: Players[Params]
    prior: Prior
    real: Any
    fake: Any
    z: Any
    condition: Condition
    logits: Pair[Any]
    extra: Pair[Any]
    made: Any
    keys: Array
    step: Array
    mean: Callable[[Array], Array]
    state: State = ()


Loss: TypeAlias = Callable[[Game], tuple[Terms, State]]  # the terms, and the next state


class Objective(NamedTuple):
    """The loss that each player minimises: a function of the game.

    Attributes:
      critic: The critic's loss; None if the term doesn't affect the critic.
      generator: The generator's loss; None if the term doesn't affect the generator.
      init: () -> the first state, which both players share. A loss gets it in `game.state` and returns the next.
        Compute that by `game.mean`, never `jnp.mean`, so that it is the same on every device.
    """

    critic: Loss | None
    generator: Loss | None
    init: Callable[[], State] = tuple


class Augment(NamedTuple):
    """How the critic sees examples, real and fake alike. The generator learns through it; samples never pass it.

    Attributes:
      init: () -> the first state.
      apply: (state, keys [B], x [B, ...], step []) -> x [B, ...]; each example by its own key, differentiable in x.
      advance: (state, game) -> the next state, after each turn of the critic.
    """

    init: Callable[[], State]
    apply: Callable[[State, Array, Any, Array], Any]
    advance: Callable[[State, Game], State]


Losses: TypeAlias = Callable[[Players[Params]], Players[Array]]  # both players' losses [] on one batch
Field: TypeAlias = Callable[[Players[Params]], Players[Params]]  # each player's direction of descent


class Variables(NamedTuple):
    """The variables of a network.

    Attributes:
      params: Its parameters.
      stats: Its statistics, such as running means; {} if there are none.
    """

    params: Params
    stats: Params


class TrainState(NamedTuple):
    """The state of a game: arrays only, so it can be saved, vmapped over seeds and scanned directly.

    Attributes:
      step: [], the number of updates done.
      params: Both networks' parameters.
      stats: Both networks' statistics.
      opt_state: The states of both optimisers.
      ema: The moving average of the generator, which samples are drawn from.
      objective: The state of the objective's terms.
      augment: The state of the augmentation.
    """

    step: Array
    params: Players[Params]
    stats: Players[Params]
    opt_state: Players[optax.OptState]
    ema: Variables
    objective: State = ()
    augment: State = ()
