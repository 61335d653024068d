"""The same update on many devices: under jit with shardings (the default), under pmap, or several games side by side.

jit and pmap split the batch along its axis 1 (axis 0 counts the turns) and keep one copy of the state on each device.
Of several processes each gives its own part of the batch, `own_places`, and all give the same key.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan_jax.errors import UserError
from gan_jax.types import Array, Batch, Players, TrainState
from gan_jax.update import Metrics, Update

AXIS, GAMES = "batch", "games"
WIDE = 512  # rows and columns of a matrix, from which on its products are YNNPACK's on a CPU


def make_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """All devices of all processes, or those given, along the one axis `batch`; each process's stand together."""
    devices = sorted(devices or jax.devices(), key=lambda device: (device.process_index, device.id))
    return Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,))


def own_places(batch_size: int) -> np.ndarray:
    """Which of a batch's examples this process gives: an equal part for each, in their order."""
    part = batch_size // jax.process_count()
    return jax.process_index() * part + np.arange(part)


def make_games_mesh(games: int) -> Mesh:
    """As many devices as whole games can be spread evenly over, along the one axis `games`."""
    count = max(n for n in range(1, jax.device_count() + 1) if games % n == 0)
    return jax.make_mesh((count,), (GAMES,), axis_types=(AxisType.Auto,), devices=jax.devices()[:count])


def everywhere(mesh: Mesh) -> NamedSharding:
    """A whole copy on each device."""
    return NamedSharding(mesh, PartitionSpec())


def each_its_own(mesh: Mesh) -> NamedSharding:
    """Games [S, ...], each on one device."""
    return NamedSharding(mesh, PartitionSpec(GAMES))


def check_batch(batch_size: int, devices: int) -> None:
    """Raises ValueError, with the nearest sizes that fit, unless the batch divides among the devices."""
    if batch_size < 1:
        raise UserError(f"batch {batch_size}: it must be 1 or more")
    if batch_size % devices:
        below, above = batch_size // devices * devices, -(-batch_size // devices) * devices
        sizes = f"{below} or {above}" if below else above
        raise UserError(f"batch {batch_size} does not divide among {devices} devices: use {sizes}")


def jit(update: Update, mesh: Mesh, options: dict[str, str] | None = None) -> Update:
    """jit with the batch split over the mesh. XLA finds the collectives. The state given is consumed (donated).

    options: of XLA's compiler, if not `compiler_options()`.
    """
    options = compiler_options() if options is None else options
    whole, split = everywhere(mesh), NamedSharding(mesh, PartitionSpec(None, AXIS))
    program = jax.jit(
        lambda state, batches, key: update(state, Players(*(placed(batch, split) for batch in batches)), key),
        in_shardings=(whole, split, whole),
        out_shardings=whole,
        donate_argnums=0,
        compiler_options=options if mesh.devices.flat[0].platform == jax.default_backend() else {},
    )
    if jax.process_count() == 1:
        return program

    def run(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        parts = jax.tree.map(lambda x: jax.make_array_from_process_local_data(split, x), batches)
        return program(state, parts, key)

    return run


def placed(batch: Batch, sharding: NamedSharding) -> Batch:
    """A batch of turns [turns, B, ...] with the places of its examples, which lie on the devices as they do.

    Their keys follow from their places. Without this, jit would work out the whole batch on every device where a loss
    looks at no real example: nothing else there says how the batch is spread.
    """
    turns, size = batch.x.shape[:2]
    places = jnp.broadcast_to(jnp.arange(size), (turns, size))
    return batch._replace(place=jax.lax.with_sharding_constraint(places, sharding))


def jit_once(init: Callable[[Array], TrainState], sharding: NamedSharding) -> Callable[[Array], TrainState]:
    """jit of what runs once; on a CPU compiled without optimisation, thus quickly."""
    return jax.jit(init, out_shardings=sharding, compiler_options=on_cpu("xla_backend_optimization_level", "0"))


def games(update: Update, mesh: Mesh, *, at_once: bool, options: dict[str, str] | None = None) -> Update:
    """jit of independent games, spread over the mesh: everything has a leading axis [S], the state given is consumed.

    at_once: the games of one device are vmapped into one program; otherwise they play in turn. No device ever waits
    for another.
    options: of XLA's compiler, if not `compiler_options()`.
    """
    options = compiler_options() if options is None else options

    def on_one_device(*given: Any) -> Any:
        return jax.vmap(update)(*given) if at_once else jax.lax.map(lambda one: update(*one), given)

    split = PartitionSpec(GAMES)
    mapped = jax.shard_map(on_one_device, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
    return jax.jit(mapped, donate_argnums=0, compiler_options=options)


def compiler_options() -> dict[str, str]:
    """For a CPU: convolutions by XLA's own kernels, sums by YNNPACK's, and since jaxlib 0.11 products by YNNPACK's.

    As XLA comes it takes all from YNNPACK. Its convolutions are slower: with them an update of a ResNet takes 1.45
    times as long on jaxlib 0.12. Its products were slower in 0.10, where the article's DCGAN takes 1.27 times as long
    with them, and are faster since: 0.81 of the time (docs/speed.md). Products of WIDE and more always are.
    """
    kernels = ["REDUCE"] if jax.__version_info__ < (0, 11) else ["REDUCE", "DOT", "INDIVIDUAL_DOT"]
    return on_cpu("xla_cpu_experimental_ynn_fusion_type", ",".join(f"LIBRARY_FUSION_TYPE_{name}" for name in kernels))


@functools.cache
def on_cpu(option: str, value: str) -> dict[str, str]:
    """A compiler option where there is a CPU, and a jaxlib that knows it."""
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options={option: value}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return {option: value}


def pmap(update: Update) -> Update:
    """pmap, for an update made with `axis_name=parallel.AXIS`: one program a device, gradients averaged by pmean."""
    mapped = pmap_of_spread(update)

    def run(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        return mapped(state, jax.tree.map(spread, batches), key)

    if jax.process_count() == 1:
        return run
    here, whole = (everywhere(make_mesh(devices)) for devices in (jax.local_devices(), jax.devices()))

    def run_here(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        state, metrics = run(seen_from(here, state), batches, key)
        return seen_from(whole, state), metrics

    return run_here


def seen_from(sharding: NamedSharding, tree: Any) -> Any:
    """The same copies of whole arrays on this process's devices, as arrays of its own or of all processes."""

    def view(x: Array) -> Array:
        return jax.make_array_from_single_device_arrays(x.shape, sharding, [part.data for part in x.addressable_shards])

    return jax.tree.map(view, tree)


def one_copy(tree: Any) -> Any:
    """Of what is whole on each device, the copy on one of this process's."""
    return jax.tree.map(lambda x: x.addressable_data(0) if x.is_fully_replicated else x, tree)


def pmap_of_spread(update: Update, devices: Sequence[jax.Device] | None = None) -> Any:
    """The same, of batches that are spread already: what can be lowered, and for devices that aren't here."""
    return cast(Any, jax.pmap(update, AXIS, in_axes=(None, 1, None), out_axes=(None, None), devices=devices))


def spread(x: Any, devices: int | None = None) -> Any:
    """[turns, B, ...] -> [turns, devices, B / devices, ...]; by default over this process's devices."""
    turns, batch_size, *rest = np.shape(x)
    devices = jax.local_device_count() if devices is None else devices
    return x.reshape(turns, devices, batch_size // devices, *rest)
