"""What an experiment's update takes on a slice of TPUs, as the TPU's own compiler says, on a machine without a TPU.

    print(plan_for(experiment, "v5e:4x4").memory)

libtpu compiles for a slice that is only described; nothing is run, and no time is measured.
"""

import contextlib
import functools
import importlib.util
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
from jax.experimental import topologies

from gan_jax import parallel
from gan_jax.errors import UserError
from gan_jax.experiment import Experiment, init_of, make_updates
from gan_jax.runs.games import KEY, abstract_batches
from gan_jax.types import Array, Batch, Players, TrainState
from gan_jax.update import metric_name


class Chip(NamedTuple):
    """memory: bytes; flops: the peak of bfloat16, a second; bandwidth: of the memory, bytes a second; links: bytes a
    second out of the chip, over all its links.
    """

    memory: float
    flops: float
    bandwidth: float
    links: float


# cloud.google.com/tpu/docs/v5e, /v5p and /v6e, "System architecture". The 16, 95 and 32 GB of memory there are GiB: of
# 16, the compiler gives a program 15.75. The interconnect's figure there is of both ways together.
CHIPS = {
    "v5e": Chip(16 * 2**30, 197e12, 819e9, 400e9 / 2),
    "v5p": Chip(95 * 2**30, 459e12, 2765e9, 1200e9 / 2),
    "v6e": Chip(32 * 2**30, 918e12, 1638e9, 800e9 / 2),
}

# Read by libtpu as it loads. It would ask the cloud's metadata server what machine this is, complain that it is none,
# lock every other process out, and write logs.
WITHOUT_A_TPU = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TPU_LOG_DIR": "disabled",
}


class Traffic(NamedTuple):
    """Collectives of one kind: how many, and the bytes of their results on one chip."""

    number: int
    bytes: int


class Cost(NamedTuple):
    """What a program takes of each chip, as its compiler counts. seconds: its estimate.

    collectives: by kind, as "all-reduce".
    """

    flops: float
    bytes: float
    seconds: float
    collectives: dict[str, Traffic]


class Plan(NamedTuple):
    """One update on one slice. Where it doesn't fit, `cost` is None.

    examples: of one update, over all turns and chips.
    memory: bytes a chip: state and batches, what is computed in between, and the program; or else what the compiler
      asks for.
    available: bytes a chip has for it.
    """

    topology: str
    chips: int
    chip: Chip
    form: str
    examples: int
    memory: float
    available: float
    cost: Cost | None

    @property
    def bounds(self) -> dict[str, float]:
        """Seconds that one update takes at the least by the chip's peaks: a roofline, without any latency.

        An all-reduce of n bytes over N chips sends 2 n (N - 1) / N out of each chip; other collectives n. XLA's bytes
        of memory include what stays in the chip's fast memory, so that bound may be too high.
        """
        if self.cost is None:
            return {}
        reduced = of_kind(self.cost, "all-reduce").bytes
        others = sum(traffic.bytes for traffic in self.cost.collectives.values()) - reduced
        sent = others + 2 * reduced * (self.chips - 1) / self.chips
        return {
            "arithmetic": self.cost.flops / self.chip.flops,
            "memory bandwidth": self.cost.bytes / self.chip.bandwidth,
            "interconnect": sent / self.chip.links,
        }

    @property
    def estimate(self) -> float | None:
        """The compiler's own estimate of an update's seconds; None where it gives none that can be meant.

        For large convolutions on v5e one operation without a cost makes it negative.
        """
        least = self.bounds.get("arithmetic", 0.0)
        return self.cost.seconds if self.cost and self.cost.seconds >= least > 0 else None

    @property
    def seconds(self) -> float | None:
        """The estimate, or else the largest bound."""
        return self.estimate or max(self.bounds.values(), default=None)

    @property
    def bound_by(self) -> str | None:
        """What the largest bound is of."""
        return max(self.bounds, key=self.bounds.__getitem__, default=None)


def plan_for(experiment: Experiment, topology: str, form: str = "jit") -> Plan:
    """Compiles the experiment's update for a slice.

    topology: a chip and how many stand along each axis, as v5e:4x4, v5p:2x2x1, v6e:16x16.
    form: how the update is spread, jit or pmap.

    Raises:
      ValueError: libtpu isn't installed, it knows no such slice, or the batch doesn't divide among its chips.
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
    """The chips of a slice that is only described."""
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
    """Around what libtpu does: it ends the process at a flag of XLA's that it doesn't know, as those for CPUs."""
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
    """The update, or what `part` keeps of its results, compiled for the devices."""
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
        warnings.filterwarnings("ignore", "Some donated buffers were not usable")  # where a part is kept
        # JAX keeps programs for chips that aren't here, but can't read them back; it compiles again.
        warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry")
        return program.lower(state, batches, KEY).compile()


def of_all_turns(experiment: Experiment, devices: Sequence[jax.Device], form: str, once: Cost) -> Cost:
    """XLA counts a loop's body once. What each player's turns take must be told apart to be multiplied by their number:
    the critic's alone are compiled too, the generator's are the rest.
    """
    (critic_turns, _), (generator_turns, _) = experiment.turns
    if critic_turns == generator_turns:
        return added(once, critic_turns, once, 0)
    critic = cost_of(compiled(experiment, devices, form, critic_alone))
    return added(once, generator_turns, critic, critic_turns - generator_turns)


def critic_alone(state: TrainState, metrics: dict[str, Array]) -> tuple[Any, dict[str, Array]]:
    """What the critic's turns give: XLA leaves out all that isn't needed for it."""
    own = state.params.critic, state.stats.critic, state.opt_state.critic
    prefix = metric_name("critic", "")
    return own, {name: value for name, value in metrics.items() if name.startswith(prefix)}


def added(a: Cost, times_a: int, b: Cost, times_b: int) -> Cost:
    kinds = {
        kind: Traffic(*(times_a * x + times_b * y for x, y in zip(of_kind(a, kind), of_kind(b, kind))))
        for kind in (*a.collectives, *b.collectives)
    }
    flops, bytes_, seconds = (times_a * x + times_b * y for x, y in zip(a[:3], b[:3]))
    return Cost(flops, bytes_, seconds, kinds)


def of_kind(cost: Cost, kind: str) -> Traffic:
    return cost.collectives.get(kind, Traffic(0, 0))


def cost_of(program: jax.stages.Compiled) -> Cost:
    analysis: Any = program.cost_analysis()
    flops, bytes_, seconds = (analysis.get(name, math.nan) for name in ("flops", "bytes accessed", "optimal_seconds"))
    return Cost(flops, bytes_, seconds, collectives(program.as_text() or ""))


def memory_of(program: jax.stages.Compiled) -> float:
    """Bytes a chip: what is given, what is returned but in its place, what is computed in between, and the code."""
    sizes: Any = program.memory_analysis()
    given, returned = sizes.argument_size_in_bytes, sizes.output_size_in_bytes - sizes.alias_size_in_bytes
    return given + returned + sizes.temp_size_in_bytes + sizes.generated_code_size_in_bytes


def out_of_memory(message: str) -> tuple[float, float]:
    """The bytes that the compiler asks for and has, of "... (53.65G) exceeds available HBM (15.75G)".

    Raises:
      ValueError: it stopped for another reason.
    """
    sizes = re.findall(r"\b(\d+(?:\.\d+)?)([KMGT])\b", message)
    if "RESOURCE_EXHAUSTED" not in message or len(sizes) < 2:
        raise UserError(f"the TPU's compiler stopped: {message.splitlines()[0]}")
    used, available, *_ = [float(number) * 2.0 ** (10 * (1 + "KMGT".index(unit))) for number, unit in sizes]
    return used, available


COLLECTIVE = re.compile(
    r"= (?P<shape>.*?) (?P<kind>all-reduce|all-gather|all-to-all|reduce-scatter|collective-[a-z]+)(-done)?\("
)
ARRAY = re.compile(r"\b(pred|[a-z]+(\d+)[a-z0-9]*)\[([\d,]*)\]")


def collectives(text: str) -> dict[str, Traffic]:
    """The collectives of a compiled program's text, by kind. One that is started, and done later, counts when done."""
    found: dict[str, Traffic] = {}
    for line in text.splitlines():
        if match := COLLECTIVE.search(line):
            number, total = found.get(match["kind"], Traffic(0, 0))
            found[match["kind"]] = Traffic(number + 1, total + size_of(match["shape"]))
    return found


def size_of(shape: str) -> int:
    """Bytes of arrays, without padding: 97 of "(f32[8,3]{1,0:T(8,128)}, pred[])"."""
    return sum(
        math.prod(int(length) for length in axes.split(",") if length) * int(bits or 8) // 8
        for _, bits, axes in ARRAY.findall(shape)
    )
