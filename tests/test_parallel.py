"""Every loss, alone and with every penalty: on many devices and for many seeds, against one device."""

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
from terms import LOSSES, OTHERS, PENALTIES, PRIOR, talkative
from toys import CLASSES, HINGE, centred, conditional_perceptron, point, start, weights

from gan_jax import parallel, penalties, priors, regularizers
from gan_jax.constraints import spectral_norm
from gan_jax.nets import mlp
from gan_jax.objectives import add, every, scale
from gan_jax.play import Metrics
from gan_jax.types import Array, Batch, Network, Objective, Output, Params, Players, TrainState
from gan_jax.update import Update, make_init, make_update

DEVICES = 8
BATCH = 16
UPDATES = 2
SHAPE = (2, 2, 3)
OPTIMIZERS = Players(optax.sgd(0.02), optax.sgd(0.02))  # Adam would magnify the rounding

# The terms that are added to each loss. New ones are found by themselves.
REGULARISERS: dict[str, Objective | None] = {
    "alone": None,
    **PENALTIES,
    **OTHERS,
    "kernels": regularizers.orthogonal("critic"),
    "fading": scale(penalties.r1(), optax.linear_schedule(2.0, 0.0, 600)),
    "lazy": every(2, scale(penalties.dragan(), 3.0)),  # a mean over all devices, inside a cond
    "nested": add(r1=penalties.r1(), pair=add(r2=penalties.r2(), drift=every(3, penalties.drift()))),
}
ROWS = [(loss, regulariser) for loss in LOSSES for regulariser in ["alone", *PENALTIES]]
ROWS += [("relativistic", regulariser) for regulariser in REGULARISERS if ("hinge", regulariser) not in ROWS]
QUICK = [(loss, regulariser) for loss, regulariser in ROWS if loss == "relativistic" or regulariser == "alone"]


def louder(network: Network) -> Network:
    """Logits times 2, so that the slopes of a normalised critic lie on both sides of 1."""

    def apply(*given: Any) -> tuple[Output, Params]:
        output, stats = network.apply(*given)
        return output._replace(y=2 * output.y), stats

    return network._replace(apply=apply)


NETS = Players(louder(spectral_norm(talkative())), centred(conditional_perceptron(SHAPE, noise=0.1)))


def all_rows() -> Objective:
    """The game of row i at the steps from UPDATES·i on: one program for all rows, since compiling is slow."""
    terms = {name: term for name, term in (LOSSES | REGULARISERS).items() if term is not None}

    def part(name: str) -> Objective:
        weight = np.array([name in row for row in ROWS], np.float32)
        return scale(terms[name], lambda step: jnp.asarray(weight)[step // UPDATES])

    return add(**{name: part(name) for name in terms})


def update_on(axis_name: str | None) -> Update:
    return make_update(NETS, all_rows(), OPTIMIZERS, PRIOR, ema_decay=0.9, axis_name=axis_name)


@functools.cache
def data() -> Players[Batch]:
    """Each player's [UPDATES, turns, B, ...], where the generator's B is the larger."""

    def draw(seed: int, *shape: int) -> Batch:
        rng = np.random.default_rng(seed)
        x = jnp.asarray(rng.normal(size=(UPDATES, *shape, *SHAPE)), jnp.float32)
        return Batch(x, jnp.asarray(rng.integers(0, CLASSES, (UPDATES, *shape)), jnp.int32))

    return Players(critic=draw(0, 1, BATCH), generator=draw(1, 1, 2 * BATCH))


@functools.cache
def first_state() -> TrainState:
    return start(NETS, all_rows(), OPTIMIZERS, PRIOR, jax.tree.map(lambda x: x[0], data()))


def key() -> Array:
    return jax.random.key(7)


Way = Callable[[TrainState], tuple[TrainState, Metrics]]  # from a row's first state to its last


def calls(update: Update) -> Way:
    def run(state: TrainState) -> tuple[TrainState, Metrics]:
        for number in range(UPDATES):
            batches = jax.tree.map(lambda x, n=number: x[n], data())
            # one at a time: XLA:CPU aborts when programs of many devices wait for each other on few cores
            state, metrics = jax.block_until_ready(update(state, batches, key()))
        return state, jax.tree.map(lambda x: x[None], metrics)

    return run


def one_device() -> Way:
    """All updates in one program, under scan."""
    update = update_on(None)
    scanned = jax.jit(
        lambda state, key: jax.lax.scan(lambda state, batches: update(state, batches, key), state, data())
    )

    def run(state: TrainState) -> tuple[TrainState, Metrics]:
        state, metrics = scanned(state, key())
        return state, jax.tree.map(lambda x: x[-1:], metrics)

    return run


def everywhere(run: Way) -> Way:
    """From a state that lies on every device, as the updates leave it: from another it would be compiled again."""
    place = parallel.everywhere(parallel.make_mesh())
    return lambda state: run(jax.device_put(state, place))


def jit_with_sharding() -> Way:
    return everywhere(calls(parallel.jit(update_on(None), parallel.make_mesh())))


def pmap() -> Way:
    return everywhere(calls(parallel.pmap(update_on(parallel.AXIS))))


def vmap_with_axis_name() -> Way:
    mapped = jax.vmap(update_on("shards"), in_axes=(None, 1, None), out_axes=(None, None), axis_name="shards")
    return calls(jax.jit(lambda state, batches, key: mapped(state, jax.tree.map(parallel.spread, batches), key)))


def seeds() -> Way:
    """The run beside two others with other parameters and keys."""
    update = jax.jit(jax.vmap(update_on(None), in_axes=(0, None, 0)))

    def run(state: TrainState) -> tuple[TrainState, Metrics]:
        others = state._replace(params=jax.tree.map(lambda x: -x, state.params))
        states = jax.tree.map(lambda a, b: jnp.stack([a, b, a]), others, state)
        keys = jnp.stack([jax.random.key(1), key(), key()])
        states, metrics = calls(lambda s, batches, _: update(s, batches, keys))(states)
        return jax.tree.map(lambda x: x[1], states), jax.tree.map(lambda x: x[:, 1], metrics)

    return run


@functools.cache
def built(way: Callable[[], Way]) -> Way:
    return way()


@functools.cache
def trained(way: Callable[[], Way], row: tuple[str, str]) -> tuple[TrainState, Metrics]:
    state = jax.tree.map(jnp.copy, first_state())  # may be donated
    return jax.device_get(built(way)(state._replace(step=jnp.int32(UPDATES * ROWS.index(row)))))


@pytest.mark.parametrize(
    ("way", "row"),
    [
        pytest.param(way, row, id=f"{way.__name__}-{'+'.join(row)}", marks=marks)
        for way in (jit_with_sharding, pmap, vmap_with_axis_name, seeds)
        for row in ROWS
        for marks in [() if way is pmap and row in QUICK else pytest.mark.exhaustive]
    ],
)
def test_update_by_update_agrees_with_a_scan_on_one_device(way, row):
    state, metrics = trained(way, row)
    expected, expected_metrics = trained(one_device, row)
    for ours, theirs in ((state, expected), (metrics, expected_metrics)):
        chex.assert_trees_all_close(ours, theirs, rtol=1e-5 * ROUNDING, atol=2e-6 * ROUNDING)
    assert all(np.isfinite(value).all() for value in jax.tree.leaves(metrics))


@pytest.mark.exhaustive
def test_rows_are_different_games():
    metrics = [trained(one_device, row)[1] for row in ROWS]
    both = [[each[f"{player}/loss"][0] for player in Players._fields] for each in metrics]
    assert len(np.unique(np.round(both, 5), axis=0)) == len(ROWS)


def test_every_state_of_a_term_moves():
    state, _ = trained(one_device, ROWS[0])
    assert state.objective.keys() >= {"began", "lecam", "path_length"}
    still = jax.tree.map(np.array_equal, first_state().objective, state.objective)
    assert not any(jax.tree.leaves(still)), still


def test_every_parameter_moves():
    state, _ = trained(one_device, ("minimax", "gradient_penalty"))
    still = jax.tree.map(np.array_equal, first_state().params, state.params)
    assert not any(jax.tree.leaves(still)), still


def remembering(shape: tuple[int, ...]) -> Network:
    """A generator whose examples are its z, which it also keeps in its stats [B, Z]."""
    return Network(
        init=lambda key, z, condition: ({}, z),
        apply=lambda params, stats, z, condition, mode: (z.reshape(-1, *shape), z),
    )


@pytest.mark.parametrize("way", [jax.pmap, jax.vmap])
def test_noise_differs_between_devices_and_is_that_of_one_device(way):
    nets = Players(weights([1.0, 1.0]), remembering((2,)))
    batch = Batch(jnp.zeros((1, BATCH, 2)))
    batches = Players(batch, batch)
    state = start(nets, HINGE, OPTIMIZERS, priors.normal(2), batches)

    def with_room(size: int) -> TrainState:
        room = jnp.zeros((size, 2))
        return state._replace(stats=Players({}, room), ema=state.ema._replace(stats=room))

    def make(axis_name: str | None) -> Update:
        return make_update(nets, LOSSES["wasserstein"], OPTIMIZERS, priors.normal(2), axis_name=axis_name)

    alone, _ = jax.jit(make(None))(with_room(BATCH), batches, key())
    mapped = jax.jit(way(make("batch"), in_axes=(None, 1, None), axis_name="batch"))
    shared, _ = mapped(with_room(BATCH // DEVICES), jax.tree.map(parallel.spread, batches), key())
    assert shared.stats.generator.shape == (DEVICES, BATCH // DEVICES, 2)
    z = np.asarray(shared.stats.generator).reshape(BATCH, 2)
    assert len(np.unique(z)) == 2 * BATCH
    np.testing.assert_allclose(z, alone.stats.generator, rtol=1e-6)


def small_game(axis_name: str | None = None) -> tuple[Update, TrainState, Players[Batch]]:
    nets = Players(weights([1.0, 2.0]), point([0.5, 0.5]))
    batch = Batch(jnp.ones((1, BATCH, 2)))
    batches = Players(batch, batch)
    update = make_update(nets, LOSSES["hinge"], OPTIMIZERS, priors.normal(1), axis_name=axis_name)
    return update, start(nets, HINGE, OPTIMIZERS, priors.normal(1), batches), batches


def test_mesh_holds_all_devices():
    mesh = parallel.make_mesh()
    assert mesh.shape == {"batch": DEVICES} == {"batch": jax.device_count()}
    assert parallel.everywhere(mesh).is_fully_replicated


def test_batch_is_split_and_the_state_is_whole_on_each_device():
    update, state, batches = small_game()
    seen = []

    def watched(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        jax.debug.inspect_array_sharding(batches.critic.x, callback=seen.append)
        return update(state, batches, key)

    state, _ = parallel.jit(watched, parallel.make_mesh())(state, batches, key())
    assert seen[0].shard_shape((1, BATCH, 2)) == (1, BATCH // DEVICES, 2)
    for leaf in jax.tree.leaves(state):
        assert leaf.sharding.is_fully_replicated
        assert len(leaf.sharding.device_set) == DEVICES


@pytest.mark.parametrize("critic_steps", [1, pytest.param(2, marks=pytest.mark.exhaustive)])
def test_jit_splits_the_generators_turn_though_its_loss_looks_at_no_real_example(critic_steps):
    nets = Players(mlp.critic(width=16), mlp.generator(width=16))
    update = make_update(nets, LOSSES["wasserstein"], OPTIMIZERS, priors.normal(2), critic_steps=critic_steps)
    batches = Players(Batch(jnp.ones((critic_steps, 512, 2))), Batch(jnp.ones((1, 512, 2))))
    state = start(nets, HINGE, OPTIMIZERS, priors.normal(2), batches)

    def work(devices: int) -> float:
        mesh = parallel.make_mesh(jax.devices()[:devices])
        return parallel.jit(update, mesh).lower(state, batches, key()).compile().cost_analysis()["flops"]

    assert work(1) / work(DEVICES) == pytest.approx(DEVICES, rel=0.2)


def test_jit_compiles_once_and_consumes_the_state():
    update, state, batches = small_game()
    step = parallel.jit(chex.assert_max_traces(update, n=1), parallel.make_mesh())
    state = jax.device_put(state, parallel.everywhere(parallel.make_mesh()))
    for _ in range(3):
        before = state
        state, _ = step(state, batches, key())
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before))
    assert step._cache_size() == 1
    assert int(state.step) == 3


def test_pmap_compiles_once():
    update, state, batches = small_game(parallel.AXIS)
    state = jax.device_put(state, parallel.everywhere(parallel.make_mesh()))  # or it compiles again for its placement
    step = parallel.pmap(chex.assert_max_traces(update, n=1))
    for _ in range(3):
        state, _ = step(state, batches, key())
    assert int(state.step) == 3


@pytest.mark.parametrize("check_vma", [False, True])
def test_shard_map_agrees_with_one_device(check_vma):
    update, state, batches = small_game(parallel.AXIS)
    whole, split = PartitionSpec(), PartitionSpec(None, parallel.AXIS)
    mapped = jax.shard_map(
        update,
        mesh=parallel.make_mesh(),
        in_specs=(whole, split, whole),
        out_specs=whole,
        check_vma=check_vma,
    )
    alone, *_ = small_game()
    expected = jax.jit(alone)(state, batches, key())
    chex.assert_trees_all_close(jax.jit(mapped)(state, batches, key()), expected, rtol=1e-6)


def test_spread_gives_each_device_its_run_of_neighbours():
    x = np.arange(2 * 16).reshape(2, 16, 1)
    assert parallel.spread(x).shape == (2, DEVICES, 2, 1)
    np.testing.assert_array_equal(parallel.spread(x)[1, 3], x[1, 6:8])


@pytest.mark.parametrize(
    ("batch", "devices", "message"),
    [
        (50, 8, "batch 50 does not divide among 8 devices: use 48 or 56"),
        (3, 8, "batch 3 does not divide among 8 devices: use 8"),
        (0, 8, "batch 0: it must be 1 or more"),
        (-8, 8, "batch -8: it must be 1 or more"),
    ],
)
def test_batch_that_does_not_fit_is_refused_with_the_sizes_that_do(batch, devices, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        parallel.check_batch(batch, devices)
    assert str(error.value) == message


@pytest.mark.parametrize(("batch", "devices"), [(1, 1), (8, 8), (64, 8), (6, 3)])
def test_batch_that_fits_is_accepted(batch, devices):
    parallel.check_batch(batch, devices)


def test_first_state_made_on_all_devices_is_consumed_and_needs_no_second_program():
    update, state, batches = small_game()
    mesh = parallel.make_mesh()
    nets = Players(weights([1.0, 2.0]), point([0.5, 0.5]))
    init = make_init(nets, HINGE, OPTIMIZERS, priors.normal(1), jax.tree.map(lambda x: x[0, 0], batches.critic))
    made = jax.jit(init, out_shardings=parallel.everywhere(mesh))(jax.random.key(0))
    chex.assert_trees_all_equal_shapes_and_dtypes(made, state)
    step = parallel.jit(update, mesh)
    for _ in range(3):
        before = made
        made, _ = step(made, batches, key())
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before))
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves((made, batches)))
    assert step._cache_size() == 1
    assert int(made.step) == 3


@pytest.mark.parametrize(
    "options", [parallel.compiler_options, lambda: parallel.on_cpu("xla_backend_optimization_level", "0")]
)
def test_compiler_options_are_accepted_and_change_no_result(options):
    assert options()  # if empty, jaxlib has dropped the option: benchmark without it
    f = jax.jit(lambda x: jnp.tanh(x @ x).sum(0), compiler_options=options())
    x = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    np.testing.assert_allclose(f(x), np.tanh(x @ x).sum(0), rtol=1e-5, atol=1e-6)


def test_an_option_that_jaxlib_does_not_know_is_left_out():
    assert parallel.on_cpu("xla_no_such_option", "1") == {}


def test_there_are_no_compiler_options_but_for_a_cpu(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert parallel.on_cpu.__wrapped__("xla_backend_optimization_level", "0") == {}


def test_jit_compiles_with_the_compiler_options(monkeypatch):
    monkeypatch.setattr(parallel, "compiler_options", lambda: {"xla_no_such_option": "1"})
    update, state, batches = small_game()
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_no_such_option"):
        parallel.jit(update, parallel.make_mesh()).lower(state, batches, key()).compile()
