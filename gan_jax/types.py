"""The vocabulary of a game between a critic and a generator: what is passed around, and nothing else."""

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
Terms: TypeAlias = Any  # an array [B], or a dict from names to Terms: the loss is their sum
Protocol: TypeAlias = dict[str, str | int | float]
T = TypeVar("T")


class Players(NamedTuple, Generic[T]):
    """The pair that recurs everywhere: networks, parameters, optimisers, metrics."""

    critic: T
    generator: T


@functools.partial(jax.tree_util.register_dataclass, data_fields=["keys"], meta_fields=["train", "axis_name", "dtype"])
@dataclasses.dataclass(frozen=True)
class Mode:
    """How a network is run.

    train: batch statistics and dropout as in training.
    keys: [B], one PRNG key an example, for dropout and noise; None: no randomness.
    axis_name: the mapped axis that the batch is split over, for statistics across replicas.
    dtype: what is computed in, as jnp.bfloat16; None: what parameters and examples are of. Results are of x's own.
    """

    train: bool = False
    keys: Array | None = None
    axis_name: str | None = None
    dtype: Any = None


def same_stats(params: Params, stats: Params) -> Params:
    del params
    return stats


class Network(NamedTuple):
    """A network as pure functions. `label` is [B], or None where there are no classes.

    init: (key, x, label) -> (params, stats)
    apply: (params, stats, x, label, mode) -> (y, stats)
    advance: (params, stats) -> stats, once before each turn of the player (power iteration)
    mixes_examples: whether what an example gives depends on others of its batch, beside batch statistics
    """

    init: Callable[[Array, Array, Array | None], tuple[Params, Params]]
    apply: Callable[[Params, Params, Array, Array | None, Mode], tuple[Array, Params]]
    advance: Callable[[Params, Params], Params] = same_stats
    mixes_examples: bool = False


class Batch(NamedTuple):
    """Examples of the data, or the shapes of one (`jax.ShapeDtypeStruct`)."""

    x: Any  # [B, ...], float32; images lie in [-1, 1]
    label: Any = None  # [B], int32; None in an unconditional game
    place: Any = None  # [B], int32: where each example stands in the whole batch; None: in order, as on one device


Write: TypeAlias = Callable[[np.ndarray, Path], None]  # to a file


class View(NamedTuple):
    """How samples of one kind become files that a person looks at, listens to or reads, by the files' endings.

    together: samples [N, ...] -> one file of all; ".png" is what training draws.
    single: a sample [...] -> a file in a usual format of its kind; the first is the one that is written unless told.
    walks: samples [walks, frames, ...] along walks between latent examples -> one file; {} where none is of use.
    rows: samples [rows, columns, ...] -> a picture that has them so; None where there are no rows.
    """

    together: dict[str, Write]
    single: dict[str, Write]
    walks: dict[str, Write] = {}  # noqa: RUF012 - a NamedTuple's default, never written to
    rows: Write | None = None


class Seen(NamedTuple):
    """What a network sees in examples [B, ...]."""

    features: Array  # [B, D]
    logits: Array | None = None  # [B, classes]; None if it tells no classes apart


class Features(NamedTuple):
    """A network that metrics look at examples through, with all that its figures depend on.

    look: examples [B, ...] as the players see them (images in [-1, 1]) -> Seen. Pure, so that it can be compiled.
    name, weights, resize: for protocol stamps: the network, the SHA-256 of its weights, and what is done to an image
        before the network sees it.
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


class Logits(NamedTuple):
    real: Array  # [B]
    fake: Array  # [B]


class Game(NamedTuple):
    """All that a loss may look at in one turn.

    `critic` maps x [B, ...] to logits [B]; labels, statistics and one dropout mask are closed over.
    `mean` is the mean over every element on every device.
    """

    critic: Callable[[Array], Array]
    real: Array  # [B, ...]
    fake: Array  # [B, ...]
    logits: Logits
    keys: Array  # [B], one PRNG key an example
    step: Array  # []
    mean: Callable[[Array], Array]


Loss: TypeAlias = Callable[[Game], Terms]


class Objective(NamedTuple):
    """What each player minimises; None where it has no stake in this term."""

    critic: Loss | None
    generator: Loss | None


class Variables(NamedTuple):
    params: Params
    stats: Params  # every other collection of the network's; {} if none


class TrainState(NamedTuple):
    """Arrays only: it checkpoints, vmaps over seeds and scans as it is."""

    step: Array  # [], the updates done
    params: Players[Params]
    stats: Players[Params]
    opt_state: Players[optax.OptState]
    ema: Variables  # of the generator
