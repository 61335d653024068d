"""The command `plan`: what an experiment's update takes on slices of TPUs, as lines, a table, a plot or JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

from gan_jax.arguments import with_arguments_of
from gan_jax.results import check_picture
from gan_jax.terminal import bad_input

if TYPE_CHECKING:
    from collections.abc import Callable

    from gan_jax.plan import Plan


def plan(file: Positional[Path]) -> None:
    """Say what an experiment takes on a slice of TPUs, without one; `gan-jax plan EXPERIMENT.py --help` has the rest.

    Args:
      file: The experiment, such as experiments/wgan_gp_digits.py.
    """
    with bad_input():
        plan_with_arguments_of(file)


def plan_with_arguments_of(file: Path) -> "Callable[..., None]":
    """The `plan` command, with the arguments of the experiment's own signature."""
    import jax

    from gan_jax.experiment import load

    jax.config.update("jax_platforms", "cpu")  # with libtpu installed, JAX would look for a TPU; and a GPU isn't needed
    experiment = load(file)

    def command(
        file: Positional[Annotated[Path, arg(help="The experiment.")]],
        topology: Annotated[
            tuple[str, ...],
            UseAppendAction,
            arg(help="A slice, as v5e:4x4; several are compared, in a table and a plot."),
        ] = (),
        *,
        parallel: Annotated[Literal["jit", "pmap"], arg(help="How the update is spread over the chips.")] = "jit",
        precision: Annotated[
            Literal["f32", "bf16"] | None,
            arg(help="What networks compute in; by default as the experiment says."),
        ] = None,
        json: Annotated[
            FlagCreatePairsOff[bool], arg(help="Print figures in bytes and seconds, and nothing else.")
        ] = False,
        out: Annotated[Path, arg(help="The plot of several slices.")] = Path("plan.png"),
        **arguments: Any,
    ) -> None:
        from tqdm import tqdm

        from gan_jax.experiment import build
        from gan_jax.plan import plan

        with bad_input(file):
            if not topology:
                raise ValueError("no slice to plan for: name one or more, as --topology v5e:4x4")
            if len(topology) > 1 and not json:
                check_picture(out)
            built = build(experiment, arguments, precision)
            bar = tqdm(
                topology, unit="slice", disable=None if len(topology) > 1 else True
            )  # minutes for large networks
            plans = [plan(built, name, parallel) for name in bar]
        if json:
            print(as_text(plans))
        elif len(plans) == 1:
            print_plan(plans[0], file)
        else:
            print_table(plans)
            plot(plans, out)
            print(f"{out}: the plot of it")

    return with_arguments_of(experiment, command, file=file, what="plan")


def as_text(plans: "list[Plan]") -> str:
    """JSON: an object a slice, in bytes and seconds; of a chip, but for `examples` and `examples_per_second`."""
    import json

    def fields(one: "Plan") -> dict[str, Any]:
        cost = one.cost
        return {
            "topology": one.topology,
            "chips": one.chips,
            "parallel": one.form,
            "examples": one.examples,
            "fits": cost is not None,
            "memory": one.memory,
            "available": one.available,
            "flops": cost and cost.flops,
            "bytes": cost and cost.bytes,
            "collectives": cost and {kind: traffic._asdict() for kind, traffic in cost.collectives.items()},
            "estimate": one.estimate,
            "bounds": one.bounds,
            "bound_by": one.bound_by,
            "examples_per_second": one.seconds and one.examples / one.seconds,
        }

    return json.dumps([fields(one) for one in plans], indent=2, allow_nan=False)


def print_plan(one: "Plan", file: Path) -> None:
    """A line a figure, and the verdict."""
    print(f"{file} on {one.topology}: {one.chips} chips, {one.form}, {one.examples:,} examples an update")
    rows = {"memory a chip": memory(one)}
    if one.cost:
        rows |= {
            "arithmetic a chip": f"{si(one.cost.flops)}flop an update",
            "memory traffic": f"{si(one.cost.bytes)}B a chip an update",
            **{kind: f"{many} an update, {si(size)}B" for kind, (many, size) in one.cost.collectives.items()},
            "compiler's estimate": f"{si(one.estimate)}s an update"
            if one.estimate
            else "none (it gives none that can be meant)",
            "bounds": ", ".join(f"{name} {si(seconds)}s" for name, seconds in one.bounds.items()),
            "examples a second": speed(one),
        }
    rows["verdict"] = verdict(one)
    for name, value in rows.items():
        print(f"  {name:20} {value}")


def print_table(plans: "list[Plan]") -> None:
    """A row a slice."""
    from rich.table import Table

    from gan_jax.compare import show

    table = Table(box=None, pad_edge=False)
    table.add_column("slice")
    for heading in ("chips", "memory a chip", "flop a chip", "collectives", "their bytes", "estimate", "bound"):
        table.add_column(heading, justify="right")
    table.add_column("examples/s", justify="right")
    table.add_column("verdict")
    for one in plans:
        cells = ["-"] * 6
        if one.cost:
            traffic = one.cost.collectives.values()
            cells = [
                si(one.cost.flops),
                str(sum(each.number for each in traffic)),
                f"{si(sum(each.bytes for each in traffic))}B",
                f"{si(one.estimate)}s" if one.estimate else "none",
                f"{si(max(one.bounds.values()))}s",
                speed(one),
            ]
        table.add_row(one.topology, str(one.chips), memory(one), *cells, verdict(one))
    show(table)
    print(f"{plans[0].examples:,} examples an update, over all turns and chips; {plans[0].form}")


def plot(plans: "list[Plan]", path: Path) -> None:
    """Examples a second and memory a chip against chips, a line a kind of chip."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    speeds, memories = figure.subplots(1, 2)
    kinds = dict.fromkeys(one.topology.partition(":")[0] for one in plans)
    for color, kind in zip((f"C{n}" for n in range(10)), kinds):
        group = sorted((p for p in plans if p.topology.startswith(f"{kind}:")), key=lambda p: p.chips)
        fitting = [(p.chips, p.examples / p.seconds, p.estimate) for p in group if p.seconds]
        if fitting:
            chips, rates, _ = zip(*fitting)
            speeds.plot(chips, rates, color=color, label=kind)
            speeds.plot(chips, [rates[0] * n / chips[0] for n in chips], ":", color=color, linewidth=1)
            for n, rate, estimate in fitting:
                speeds.plot(n, rate, "o", color=color, markerfacecolor=color if estimate else "white")
        memories.plot([p.chips for p in group], [p.memory / 2**30 for p in group], "o-", color=color, label=kind)
        memories.axhline(group[-1].chip.memory / 2**30, linestyle="--", linewidth=1, color=color)
    counts = sorted({one.chips for one in plans})
    for axes, title in (
        (speeds, "examples a second\n(white: the bound; dotted: in proportion)"),
        (memories, "memory a chip, GiB\n(dashed: what it has)"),
    ):
        axes.set_title(title, fontsize=9)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("chips", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def memory(one: "Plan") -> str:
    return f"{one.memory / 2**30:.3g} of {one.available / 2**30:.4g} GiB"


def verdict(one: "Plan") -> str:
    return f"fits; {one.bound_by} bounds it" if one.cost else "does not fit"


def speed(one: "Plan") -> str:
    if not one.seconds:
        return "-"
    rate = f"{float(f'{one.examples / one.seconds:.3g}'):,.0f}"
    return f"{rate} by the {'estimate' if one.estimate else 'bound'}"


def si(value: float) -> str:
    """3.2 M of 3,200,000."""
    for exponent, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k"), (0, ""), (-3, "m"), (-6, "µ")):
        if abs(value) >= 10.0**exponent:
            return f"{value / 10.0**exponent:.3g} {prefix}"
    return f"{value * 1e9:.3g} n"
