"""Results for people: tables and plots."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gan_jax.evaluation.compare import Results, short


def print_result(result: dict[str, Any], title: str) -> None:
    """Prints one run's figures beside those of real examples."""
    floor, quartiles = result["floor"], result["quartiles"]
    several = result["made"]["games"] > 1
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("figure")
    for heading in ["median" if several else "value"] + (["quartiles", ""] if several else []):
        table.add_column(heading, justify="right")
    if floor:
        table.add_column(f"{floor['examples']} of {floor['data']}", justify="right")
    for name, (low, median, high) in quartiles.items():
        row = [f"{name} {arrow(result, name)}", number(median), *([number(low), number(high)] if several else [])]
        table.add_row(*row, *([number(floor["figures"][name])] if floor else []))
    show(table)
    made = result["made"]
    if several or result["collapsed"]:
        print(f"collapsed: {collapsed(result)}")
    diverged = next(iter(result["figures"].values()), [None] * made["games"]).count(None)
    if diverged:
        print(f"diverged: {diverged} of {made['games']}; the quartiles are of the others")
    print(protocol(result))
    if note := of_fewer(result):
        print(note)
    print(f"seed {made['seed']}; gan-jax {made['versions']['gan-jax']}, jax {made['versions']['jax']}")


def print_table(group: Results) -> None:
    """Prints a row for each run: the medians of its figures, with quartiles where it has several games."""
    first, names = next(iter(group.values())), figures_of(group)
    table = Table(box=None, pad_edge=False)
    table.add_column("run")
    for name in names:
        table.add_column(f"{name} {arrow(first, name)}", justify="right")
    table.add_column("collapsed", justify="right")
    for run, result in group.items():
        cells = [cell(result["quartiles"].get(name), result["made"]["games"]) for name in names]
        table.add_row(run, *cells, collapsed(result))
    if first["floor"]:
        floor = first["floor"]
        cells = [number(floor["figures"].get(name)) for name in names]
        table.add_row(f"real ({floor['examples']} of {floor['data']})", *cells, "")
    show(table)
    print(protocol(first))
    if made := made_otherwise(group):
        print(f"made with {made}")


def of_fewer(result: dict[str, Any]) -> str:
    """Returns what to think of the column of real examples if it has fewer than the samples' column; else nothing."""
    floor, generated = result["floor"], result["protocol"].get("generated")
    if not floor or not isinstance(generated, int) or floor["examples"] >= generated:
        return ""
    counts = f"{floor['examples']:,} real examples, {generated:,} samples"
    return f"{counts}: fewer examples give worse figures, so the columns can't be compared"


def collapsed(result: dict[str, Any]) -> str:
    """Returns whether the game has collapsed, or how many of several."""
    games = result["made"]["games"]
    return f"{round(result['collapsed'] * games)} of {games}" if games > 1 else "yes" if result["collapsed"] else "no"


def made_otherwise(group: Results) -> str:
    """Returns how runs of one protocol differ in seeds and versions, as "seed 0 / 1; jax 0.10.2 / 0.11.0"."""
    ways = [{"seed": result["made"]["seed"], **result["made"]["versions"]} for result in group.values()]
    parts = {part: list(dict.fromkeys(str(way.get(part, "-")) for way in ways)) for way in ways for part in way}
    return "; ".join(f"{part} {' / '.join(values)}" for part, values in parts.items() if len(values) > 1)


def plot(group: Results, path: Path) -> None:
    """Draws a panel for each figure: a run's games as dots, their median as a bar, real data as a dashed line."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    first = next(iter(group.values()))
    names = [name for name in figures_of(group) if arrow(first, name)] or figures_of(group)
    figure = Figure(
        figsize=(2.6 * min(4, len(names)), (0.9 + 0.3 * len(group)) * -(-len(names) // 4)), layout="constrained"
    )
    FigureCanvasAgg(figure)
    panels = figure.subplots(-(-len(names) // 4), min(4, len(names)), squeeze=False, sharey=True).ravel()
    for axes, name in zip(panels, names):
        for row, result in enumerate(group.values()):
            values = [value for value in result["figures"].get(name, []) if value is not None]
            axes.plot(values, [row] * len(values), "o", alpha=0.5, markersize=4, color="C0")
            if values:
                axes.plot([result["quartiles"][name][1]], [row], "|", markersize=14, color="C1")
        if first["floor"] and name in first["floor"]["figures"]:
            axes.axvline(first["floor"]["figures"][name], linestyle="--", linewidth=1, color="gray")
        axes.set_title(f"{name} {arrow(first, name)}", fontsize=9)
        axes.set_yticks(range(len(group)), list(group))
        axes.set_ylim(len(group) - 0.5, -0.5)
        axes.tick_params(labelsize=8)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def figures_of(group: Results) -> list[str]:
    """Returns the names of all runs' figures; a run whose games have all diverged has none."""
    return list(dict.fromkeys(name for result in group.values() for name in result["quartiles"]))


def show(table: Table) -> None:
    """Prints a table, at full width unless it goes to a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=1000)
    console.print(table)


def protocol(result: dict[str, Any]) -> str:
    return "; ".join(f"{part} {short(value)}" for part, value in result["protocol"].items())


def arrow(result: dict[str, Any], name: str) -> str:
    """Points to the better side of a figure; empty where neither is."""
    return {"higher": "↑", "lower": "↓"}.get(result["better"].get(name), "")


def cell(quartiles: list[float] | None, games: int) -> str:
    if quartiles is None:
        return "-"
    low, median, high = map(number, quartiles)
    return f"{median} ({low}-{high})" if games > 1 else median


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
