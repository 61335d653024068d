"""Plans an experiment's update for a slice of TPUs with the TPU's own compiler, on a machine without a TPU.

    print(plan_for(experiment, "v5e:4x4").memory)

libtpu compiles for a description of the slice. Nothing is run, and no time is measured.
"""

import contextlib
import functools
import importlib.util
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax.experimental import topologies

from gan_jax import parallel
from gan_jax.errors import UserError
from gan_jax.experiment import Experiment, init_of, make_updates
from gan_jax.play import metric_name
from gan_jax.runs.games import KEY, abstract_batches
from gan_jax.tpu_plan.cost import Cost, added, cost_of, memory_of
from gan_jax.tpu_plan.plan import CHIPS, Plan
from gan_jax.types import Array, Batch, Players, TrainState

# libtpu reads these as it loads. Without them it asks the cloud's metadata server about this machine, complains about
# the answer, locks every other process out, and writes logs.
WITHOUT_A_TPU = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TPU_LOG_DIR": "disabled",
}


def plan_for(experiment: Experiment, topology: str, form: str = "jit") -> Plan:
    """Compiles the experiment's update for a slice.

    Args:
      experiment: The experiment.
      topology: A chip and how many stand along each axis, such as v5e:4x4, v5p:2x2x1 or v6e:16x16.
      form: How the update is spread, jit or pmap.

    Raises:
      UserError: libtpu isn't installed, it knows no such slice, or the batch doesn't divide among its chips.
    """
    devices = devices_of(topology)
    chip = CHIPS[topology.partition(":")[0]]
    for _, batch_size in experiment.turns:
        parallel.check_batch(batch_size, len(devices))
    known = topology, len(devices), chip, form, experiment.examples
    try:
        whole = compiled(experiment, devices, form)
    except jax.errors.JaxRuntimeError as error:
        used, available = out_of_memory(str(error))
        return Plan(*known, used, available, None)
    return Plan(*known, memory_of(whole), chip.memory, of_all_turns(experiment, devices, form, cost_of(whole)))


def devices_of(topology: str) -> Sequence[jax.Device]:
    """Returns the chips of a slice that isn't here."""
    names = ", ".join(CHIPS)
    if not re.fullmatch(rf"({'|'.join(CHIPS)}):\d+(x\d+)+", topology):
        raise UserError(f"topology {topology}: name a chip of {names}, and how many each way, as v5e:4x4 or v5p:2x2x1")
    if importlib.util.find_spec("libtpu") is None:
        raise UserError("the TPU's compiler isn't installed: pip install -e '.[tpu-plan]'")
    for name, value in WITHOUT_A_TPU.items():
        os.environ.setdefault(name, value)
    try:
        with without_flags():
            return topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    except jax.errors.JaxRuntimeError as error:
        raise UserError(f"topology {topology}: libtpu knows no such slice ({str(error).splitlines()[0]})") from error


@contextlib.contextmanager
def without_flags() -> Iterator[None]:
    """Hides XLA_FLAGS from libtpu, which ends the process at a flag that it doesn't know, such as those for CPUs."""
    flags = os.environ.pop("XLA_FLAGS", None)
    try:
        yield
    finally:
        if flags is not None:
            os.environ["XLA_FLAGS"] = flags


def compiled(
    experiment: Experiment,
    devices: Sequence[jax.Device],
    form: str,
    part: Callable[..., Any] = lambda *results: results,
) -> jax.stages.Compiled:
    """Compiles the update, or as much of it as the results that `part` keeps need, for the devices."""
    make = make_updates(experiment)
    state, batches = jax.eval_shape(init_of(experiment), KEY), abstract_batches(experiment, 1)
    update = make(axis_name=parallel.AXIS) if form == "pmap" else make()

    def kept(state: TrainState, batches: Players[Batch], key: Array) -> Any:
        return part(*update(state, batches, key))

    if form == "pmap":
        program: Any = parallel.pmap_of_spread(kept, devices)
        spread = functools.partial(parallel.spread, devices=len(devices))
        batches = jax.eval_shape(lambda tree: jax.tree.map(spread, tree), batches)
    else:
        program = parallel.jit(kept, parallel.make_mesh(devices))
    with warnings.catch_warnings(), without_flags():
        warnings.filterwarnings("ignore", "Some donated buffers were not usable")  # if only a part is kept
        # JAX caches programs for chips that aren't here, but can't read them back, so it compiles again.
        warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry")
        return program.lower(state, batches, KEY).compile()


def of_all_turns(experiment: Experiment, devices: Sequence[jax.Device], form: str, once: Cost) -> Cost:
    """Returns the cost of an update with all turns of both players.

    XLA counts a loop's body once. To multiply each player's cost by its number of turns, the critic's turns are
    compiled alone, too; the generator's cost is the rest.
    """
    (critic_turns, _), (generator_turns, _) = experiment.turns
    if critic_turns == generator_turns or not generator_turns:  # with none, the players move at once
        return added(once, critic_turns, once, 0)
    critic = cost_of(compiled(experiment, devices, form, critic_alone))
    return added(once, generator_turns, critic, critic_turns - generator_turns)


def critic_alone(state: TrainState, metrics: dict[str, Array]) -> tuple[Any, dict[str, Array]]:
    """Keeps the results of the critic's turns; XLA leaves out everything that they don't need."""
    own = state.params.critic, state.stats.critic, state.opt_state.critic
    prefix = metric_name("critic", "")
    return own, {name: value for name, value in metrics.items() if name.startswith(prefix)}


def out_of_memory(message: str) -> tuple[float, float]:
    """Returns the bytes that the compiler asks for and has, from "... (53.65G) exceeds available HBM (15.75G)".

    Raises:
      UserError: It stopped for another reason.
    """
    sizes = re.findall(r"\b(\d+(?:\.\d+)?)([KMGT])\b", message)
    if "RESOURCE_EXHAUSTED" not in message or len(sizes) < 2:
        raise UserError(f"the TPU's compiler stopped: {message.splitlines()[0]}")
    used, available, *_ = [float(number) * 2.0 ** (10 * (1 + "KMGT".index(unit))) for number, unit in sizes]
    return used, available
