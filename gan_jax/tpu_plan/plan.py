"""A plan: an update's memory on a slice of TPUs, and bounds on its time by the peaks of the chips."""

from typing import NamedTuple

from gan_jax.tpu_plan.cost import Cost, of_kind


class Chip(NamedTuple):
    """The peaks of a chip.

    Attributes:
      memory: Bytes.
      flops: Arithmetic in bfloat16, per second.
      bandwidth: Bytes of memory per second.
      links: Bytes per second out of the chip, over all its links.
    """

    memory: float
    flops: float
    bandwidth: float
    links: float


# cloud.google.com/tpu/docs/v5e, /v5p and /v6e, "System architecture". The 16, 95 and 32 GB of memory there are GiB: the
# compiler gives a program 15.75 of 16. The interconnect's figure there counts both directions.
CHIPS = {
    "v5e": Chip(16 * 2**30, 197e12, 819e9, 400e9 / 2),
    "v5p": Chip(95 * 2**30, 459e12, 2765e9, 1200e9 / 2),
    "v6e": Chip(32 * 2**30, 918e12, 1638e9, 800e9 / 2),
}


class Plan(NamedTuple):
    """One update on one slice.

    Attributes:
      topology: The slice, such as "v5e:4x4".
      chips: The number of its chips.
      chip: Their peaks.
      form: How the update is spread, jit or pmap.
      examples: Examples of one update, over all turns and chips.
      memory: Bytes on each chip: state and batches, intermediate values and the program. If the update doesn't fit, the
        bytes that the compiler asks for.
      available: Bytes that a program may use on each chip.
      cost: The cost on each chip; None if the update doesn't fit.
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
        """The least seconds that one update takes by the chip's peaks: a roofline without latencies.

        An all-reduce of n bytes over N chips sends 2 n (N - 1) / N out of each chip; other collectives send n. XLA's
        bytes of memory include those that stay in the chip's fast memory, so that bound may be too high.
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
        """The compiler's own estimate of an update's seconds; None where it is impossibly small.

        For large convolutions on v5e, an operation without a cost makes it negative.
        """
        least = self.bounds.get("arithmetic", 0.0)
        return self.cost.seconds if self.cost and self.cost.seconds >= least > 0 else None

    @property
    def seconds(self) -> float | None:
        """The estimate, or else the largest bound."""
        return self.estimate or max(self.bounds.values(), default=None)

    @property
    def bound_by(self) -> str | None:
        """The name of the largest bound."""
        return max(self.bounds, key=self.bounds.__getitem__, default=None)
