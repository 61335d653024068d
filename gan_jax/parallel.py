"""The same update on many devices: under jit with shardings (the default), under pmap, or several games side by side.

jit and pmap split the batch along its axis 1 (axis 0 counts the turns) and keep one copy of the state on each device.
With several processes, each passes its own part of the batch (`own_places`), and all pass the same key.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan_jax.errors import UserError
from gan_jax.play import Metrics
from gan_jax.types import Array, Batch, Players, TrainState
from gan_jax.update import Update

AXIS, GAMES = "batch", "games"
WIDE = 512  # rows and columns of the smallest matrices whose products are always YNNPACK's on a CPU


def make_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Makes a mesh with the single axis "batch". The devices of each process are neighbours.

    Args:
      devices: By default all devices of all processes.
    """
    devices = sorted(devices or jax.devices(), key=lambda device: (device.process_index, device.id))
    return Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,))


def own_places(batch_size: int) -> np.ndarray:
    """The places in the batch of this process's examples: the batch is split evenly, in the order of processes.

    Args:
      batch_size: Examples of all processes together.

    Returns:
      [batch_size / processes].
    """
    part = batch_size // jax.process_count()
    return jax.process_index() * part + np.arange(part)


def make_games_mesh(games: int) -> Mesh:
    """Makes a mesh with the single axis "games", of the most devices that divide the games evenly."""
    count = max(n for n in range(1, jax.device_count() + 1) if games % n == 0)
    return jax.make_mesh((count,), (GAMES,), axis_types=(AxisType.Auto,), devices=jax.devices()[:count])


def everywhere(mesh: Mesh) -> NamedSharding:
    """The sharding that keeps a whole copy on each device."""
    return NamedSharding(mesh, PartitionSpec())


def each_its_own(mesh: Mesh) -> NamedSharding:
    """The sharding of games [S, ...] that keeps each on one device."""
    return NamedSharding(mesh, PartitionSpec(GAMES))


def check_batch(batch_size: int, devices: int) -> None:
    """Checks that a batch divides among the devices.

    Raises:
      ValueError: It doesn't. The message has the nearest sizes that do.
    """
    if batch_size < 1:
        raise UserError(f"batch {batch_size}: it must be 1 or more")
    if batch_size % devices:
        below, above = batch_size // devices * devices, -(-batch_size // devices) * devices
        sizes = f"{below} or {above}" if below else above
        raise UserError(f"batch {batch_size} does not divide among {devices} devices: use {sizes}")


def jit(update: Update, mesh: Mesh, options: dict[str, str] | None = None) -> Update:
    """Compiles an update by jit, with the batch split over the mesh. XLA finds the collectives.

    Args:
      update: Of `make_update`, without an axis name.
      mesh: Of `make_mesh`.
      options: Options of XLA's compiler; by default `compiler_options()`.

    Returns:
      The update. It donates the state that it is given, which can't be used again.
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
    """A batch of turns [turns, B, ...] with the places of its examples, split over the devices as the examples are.

    Keys follow from places, so they are split too. Otherwise, where a loss looks at no real example, nothing would tell
    jit how the batch is split, and every device would compute all of it.
    """
    turns, size = jax.tree.leaves(batch.x)[0].shape[:2]
    places = jnp.broadcast_to(jnp.arange(size), (turns, size))
    return batch._replace(place=jax.lax.with_sharding_constraint(places, sharding))


def jit_once(init: Callable[[Array], TrainState], sharding: NamedSharding) -> Callable[[Array], TrainState]:
    """Compiles a function that runs once by jit; on a CPU without optimisations, to compile quickly."""
    return jax.jit(init, out_shardings=sharding, compiler_options=on_cpu("xla_backend_optimization_level", "0"))


def games(update: Update, mesh: Mesh, *, at_once: bool, options: dict[str, str] | None = None) -> Update:
    """Compiles an update of independent games, spread over the mesh. No device ever waits for another.

    Args:
      update: Of `make_update`, without an axis name.
      mesh: Of `make_games_mesh`.
      at_once: Whether the games of one device are vmapped into one program; otherwise they take turns.
      options: Options of XLA's compiler; by default `compiler_options()`.

    Returns:
      The update of S games: state, batches, key and results have a leading axis [S]. It donates the state.
    """
    options = compiler_options() if options is None else options

    def on_one_device(*given: Any) -> Any:
        return jax.vmap(update)(*given) if at_once else jax.lax.map(lambda one: update(*one), given)

    split = PartitionSpec(GAMES)
    mapped = jax.shard_map(on_one_device, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
    return jax.jit(mapped, donate_argnums=0, compiler_options=options)


def compiler_options() -> dict[str, str]:
    """XLA's options for a CPU: convolutions by XLA's own kernels; sums, and since jaxlib 0.11 products, by YNNPACK's.

    By default XLA takes all three from YNNPACK. Its convolutions are slower: an update of a ResNet takes 1.45 times as
    long with them on jaxlib 0.12. Its products were slower in 0.10, where the tutorial's DCGAN takes 1.27 times as long
    with them, and are faster since: 0.81 of the time (docs/speed.md). Products of WIDE and more always are faster.
    """
    kernels = ["REDUCE"] if jax.__version_info__ < (0, 11) else ["REDUCE", "DOT", "INDIVIDUAL_DOT"]
    return on_cpu("xla_cpu_experimental_ynn_fusion_type", ",".join(f"LIBRARY_FUSION_TYPE_{name}" for name in kernels))


@functools.cache
def on_cpu(option: str, value: str) -> dict[str, str]:
    """A compiler option if the backend is a CPU and this jaxlib knows it; otherwise {}."""
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options={option: value}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return {option: value}


def pmap(update: Update) -> Update:
    """Compiles an update by pmap: one program per device, with gradients averaged by pmean.

    Args:
      update: Of `make_update` with `axis_name=parallel.AXIS`.
    """
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
    """Views whole arrays, without copying, as arrays of this process alone or of all processes."""

    def view(x: Array) -> Array:
        return jax.make_array_from_single_device_arrays(x.shape, sharding, [part.data for part in x.addressable_shards])

    return jax.tree.map(view, tree)


def one_copy(tree: Any) -> Any:
    """Replaces each array that is whole on each device by its copy on one device of this process."""
    return jax.tree.map(lambda x: x.addressable_data(0) if x.is_fully_replicated else x, tree)


def pmap_of_spread(update: Update, devices: Sequence[jax.Device] | None = None) -> Any:
    """`pmap` of batches that are already spread. It can be lowered, also for devices that this machine lacks."""
    return cast(Any, jax.pmap(update, AXIS, in_axes=(None, 1, None), out_axes=(None, None), devices=devices))


def spread(x: Any, devices: int | None = None) -> Any:
    """Splits a batch: [turns, B, ...] -> [turns, devices, B / devices, ...]; by default over this process's devices."""
    turns, batch_size, *rest = np.shape(x)
    devices = jax.local_device_count() if devices is None else devices
    return x.reshape(turns, devices, batch_size // devices, *rest)
