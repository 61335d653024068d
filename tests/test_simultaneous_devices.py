"""Simultaneous play on many devices and for many seeds, against one device: every loss, penalty and method."""

import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec
from rounding import ROUNDING
from terms import LOSSES, PENALTIES
from toys import CLASSES, centred, conditional_perceptron, start

from gan_jax import parallel, priors
from gan_jax.constraints import spectral_norm
from gan_jax.dynamics import (
    Method,
    chain,
    consensus,
    extragradient,
    gradient,
    heun,
    runge_kutta,
    symplectic,
    unrolled,
)
from gan_jax.objectives import add, scale
from gan_jax.play import Metrics
from gan_jax.simultaneous import make_simultaneous_update
from gan_jax.types import Batch, Objective, Players, TrainState
from gan_jax.update import Update, deal

pytestmark = pytest.mark.exhaustive

BATCH, SHAPE = 16, (2, 2, 3)
PRIOR = priors.uniform(4)
OPTIMIZERS = Players(optax.sgd(0.02), optax.sgd(0.02))  # Adam would magnify the rounding
GENERATOR = centred(conditional_perceptron(SHAPE, noise=0.1))
# The norm of a kernel of one output is a kink in σ's derivatives of the second order: rounding chooses its side.
NORMALISED, SMOOTH = (
    Players(spectral_norm(conditional_perceptron()), GENERATOR),
    Players(conditional_perceptron(), GENERATOR),
)

METHODS: dict[str, Method] = {
    "gradient": gradient,
    "unrolled": chain(unrolled(2, 0.3), gradient),
    "extragradient": chain(gradient, extragradient(0.3)),
    "heun": chain(gradient, heun(0.3)),
    "runge_kutta": chain(gradient, runge_kutta(0.3)),
    "consensus": chain(gradient, consensus(0.3)),
    "symplectic": chain(gradient, symplectic()),
    "composed": chain(gradient, consensus(0.3), extragradient(0.1)),
}
ROWS = [(loss, penalty) for loss in LOSSES for penalty in ["alone", *PENALTIES]]


def all_rows() -> Objective:
    """The game of row i at step i: one program for all rows, since compiling is slow."""
    terms = LOSSES | PENALTIES

    def part(name: str) -> Objective:
        weight = np.array([name in row for row in ROWS], np.float32)
        return scale(terms[name], lambda step: jnp.asarray(weight)[step])

    return add(**{name: part(name) for name in terms})


GAMES = {  # nets and objective
    "smooth": (SMOOTH, add(adversarial=LOSSES["non_saturating"], penalty=PENALTIES["gradient_penalty"])),
    "rows": (NORMALISED, all_rows()),
}


@functools.cache
def batches() -> Players[Batch]:
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(BATCH, *SHAPE)), jnp.float32)
    condition = jnp.asarray(rng.integers(0, CLASSES, BATCH), jnp.int32)
    return deal(Players((1, BATCH), (0, BATCH)), Batch(x, condition))


def one_device(make: Callable[..., Update]) -> Any:
    return jax.jit(make())


def mesh(make: Callable[..., Update]) -> Any:
    return parallel.jit(make(), parallel.make_mesh())


def pmap(make: Callable[..., Update]) -> Any:
    return parallel.pmap(make(axis_name=parallel.AXIS))


def vmap(make: Callable[..., Update]) -> Any:
    mapped = jax.vmap(make(axis_name="shards"), (None, 1, None), (None, None), axis_name="shards")
    return jax.jit(lambda state, batches, key: mapped(state, jax.tree.map(parallel.spread, batches), key))


def shard_map(make: Callable[..., Update], check_vma: bool) -> Any:
    whole, split = PartitionSpec(), PartitionSpec(None, parallel.AXIS)
    specs = {"in_specs": (whole, split, whole), "out_specs": whole}
    update = make(axis_name=parallel.AXIS)
    return jax.jit(jax.shard_map(update, mesh=parallel.make_mesh(), check_vma=check_vma, **specs))


def checked(make: Callable[..., Update]) -> Any:
    return shard_map(make, True)


def unchecked(make: Callable[..., Update]) -> Any:
    return shard_map(make, False)


def seeds(make: Callable[..., Update]) -> Any:
    """The last of three games with other parameters."""
    mapped = jax.vmap(make(), (0, None, None))

    def run(state: TrainState, batches: Players[Batch], key: Any) -> tuple[TrainState, Metrics]:
        others = state._replace(params=jax.tree.map(lambda x: -x, state.params))
        states = jax.tree.map(lambda a, b: jnp.stack([a, a, b]), others, state)
        return jax.tree.map(lambda x: x[2], mapped(states, batches, key))

    return jax.jit(run)


PAIRS = [
    *((way, "composed") for way in (mesh, pmap, vmap, unchecked, checked, seeds)),
    *((pmap, method) for method in METHODS if method != "composed"),
    (checked, "symplectic"),
]


@functools.cache
def built(way: Callable[..., Any], game: str, method: str) -> Any:
    options: dict[str, Any] = {"method": METHODS[method], "ema_decay": 0.9}
    nets, objective = GAMES[game]
    return way(functools.partial(make_simultaneous_update, nets, objective, OPTIMIZERS, PRIOR, **options))


@functools.cache
def first(game: str) -> TrainState:
    nets, objective = GAMES[game]
    return start(nets, objective, OPTIMIZERS, PRIOR, batches())


def after(way: Callable[..., Any], game: str, method: str, step: int = 0) -> Any:
    state = jax.tree.map(jnp.copy, first(game))._replace(step=jnp.int32(step))  # may be donated
    if way not in (one_device, seeds, vmap):
        state = jax.device_put(state, parallel.everywhere(parallel.make_mesh()))
    return jax.device_get(built(way, game, method)(state, batches(), jax.random.key(7)))


def assert_agree(ours: Any, theirs: Any) -> None:
    chex.assert_trees_all_close(ours, theirs, rtol=1e-5 * ROUNDING, atol=2e-6 * ROUNDING)
    assert all(np.isfinite(value).all() for value in jax.tree.leaves(ours))


@pytest.mark.parametrize(
    ("way", "method"), [pytest.param(way, method, id=f"{way.__name__}-{method}") for way, method in PAIRS]
)
def test_every_method_agrees_with_one_device(way, method):
    assert_agree(after(way, "smooth", method), after(one_device, "smooth", method))


@pytest.mark.parametrize("row", ROWS, ids="+".join)
@pytest.mark.parametrize("way", [pmap, mesh], ids=lambda way: way.__name__)
def test_every_loss_and_penalty_agrees_with_one_device(way, row):
    step = ROWS.index(row)
    assert_agree(after(way, "rows", "gradient", step), after(one_device, "rows", "gradient", step))
