"""Plans as text, a table, a plot or JSON."""

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from gan_jax.evaluation.report import show
from gan_jax.tpu_plan.plan import Plan


def as_text(plans: list[Plan]) -> str:
    """Returns JSON, an object for each slice, in bytes and seconds of one chip; examples are those of all chips."""

    def fields(one: Plan) -> dict[str, Any]:
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


def print_plan(one: Plan, file: Path) -> None:
    """Prints a line for each figure, and the verdict."""
    print(f"{file} on {one.topology}: {one.chips} chips, {one.form}, {one.examples:,} examples an update")
    rows = {"memory a chip": memory(one)}
    if one.cost:
        rows |= {
            "arithmetic a chip": f"{si(one.cost.flops)}flop an update",
            "memory traffic": f"{si(one.cost.bytes)}B a chip an update",
            **{kind: f"{many} an update, {si(size)}B" for kind, (many, size) in one.cost.collectives.items()},
            "compiler's estimate": f"{si(one.estimate)}s an update"
            if one.estimate
            else "none (it gives an impossible one)",
            "bounds": ", ".join(f"{name} {si(seconds)}s" for name, seconds in one.bounds.items()),
            "examples a second": speed(one),
        }
    rows["verdict"] = verdict(one)
    for name, value in rows.items():
        print(f"  {name:20} {value}")


def print_table(plans: list[Plan]) -> None:
    """Prints a row for each slice."""
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


def plot(plans: list[Plan], path: Path) -> None:
    """Plots speed and memory against the number of chips, a line for each kind of chip."""
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


def memory(one: Plan) -> str:
    return f"{one.memory / 2**30:.3g} of {one.available / 2**30:.4g} GiB"


def verdict(one: Plan) -> str:
    return f"fits; {one.bound_by} bounds it" if one.cost else "does not fit"


def speed(one: Plan) -> str:
    if not one.seconds:
        return "-"
    rate = f"{float(f'{one.examples / one.seconds:.3g}'):,.0f}"
    return f"{rate} by the {'estimate' if one.estimate else 'bound'}"


def si(value: float) -> str:
    """Formats 3,200,000 as 3.2 M."""
    for exponent, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k"), (0, ""), (-3, "m"), (-6, "µ")):
        if abs(value) >= 10.0**exponent:
            return f"{value / 10.0**exponent:.3g} {prefix}"
    return f"{value * 1e9:.3g} n"
