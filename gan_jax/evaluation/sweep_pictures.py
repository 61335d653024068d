"""Pictures of a sweep: figures against an argument, and the samples of all points."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.evaluation.compare import Results
from gan_jax.evaluation.report import arrow, figures_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Varied = dict[str, dict[str, Any]]  # by the point's name, its value of each argument that varies
COLUMNS = 4
DECADE = 10  # an axis is logarithmic where its numbers span this factor or more


def axis_of(varied: Varied) -> str | None:
    """Returns the argument with the most values, of those that vary and are numbers; None if there is none."""
    arguments = next(iter(varied.values()), {})
    values = {name: {one[name] for one in varied.values()} for name in arguments}
    numbers = [name for name, several in values.items() if len(several) > 1 and {*map(type, several)} <= {int, float}]
    return max(numbers, key=lambda name: len(values[name]), default=None)


def draw_curves(results: Results, varied: Varied, x: str, path: Path) -> None:
    """Draws a panel for each figure: games as dots, a line through their medians, real data as a dashed line.

    Args:
      results: The points' results, all of one protocol.
      varied: The points' arguments.
      x: The argument along the axis; each choice of the others has a line of its own.
      path: The picture.
    """
    first = next(iter(results.values()))
    names = [name for name in figures_of(results) if arrow(first, name)] or figures_of(results)
    lines: dict[str, list[str]] = {}
    for point in sorted(results, key=lambda point: varied[point][x]):
        others = ", ".join(f"{name} {value}" for name, value in varied[point].items() if name != x)
        lines.setdefault(others, []).append(point)
    figure, panels = panels_of(len(names), 3.0, 2.6)
    for axes, name in zip(panels, names):
        for color, (others, points) in enumerate(lines.items()):
            draw_line(axes, name, [(varied[point][x], results[point]) for point in points], f"C{color}", others)
        if first["floor"] and name in first["floor"]["figures"]:
            axes.axhline(first["floor"]["figures"][name], linestyle="--", linewidth=1, color="gray")
        numbers = [varied[point][x] for point in results]
        if min(numbers) > 0 and max(numbers) / min(numbers) >= DECADE:
            axes.set_xscale("log")
        axes.set_title(f"{name} {arrow(first, name)}", fontsize=9)
        axes.set_xlabel(x, fontsize=8)
        axes.tick_params(labelsize=8)
    if len(lines) > 1:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=COLUMNS, fontsize=8)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def draw_line(axes: "Axes", name: str, points: list[tuple[float, dict[str, Any]]], color: str, label: str) -> None:
    """Draws a figure at several numbers, each with a result."""
    games = [(number, value) for number, result in points for value in result["figures"].get(name, [])]
    medians = [result["quartiles"].get(name, [math.nan] * 3)[1] for _, result in points]
    axes.plot([number for number, _ in points], medians, color=color, label=label)
    axes.plot(*zip(*[(x, math.nan if y is None else y) for x, y in games]), "o", alpha=0.5, markersize=4, color=color)


def draw_samples(pictures: dict[str, Path], path: Path) -> None:
    """Draws pictures of samples beside one another, each under its point's name."""
    from matplotlib.image import imread

    figure, panels = panels_of(len(pictures), 4.0, 4.2)
    for axes, (name, picture) in zip(panels, pictures.items()):
        axes.imshow(imread(picture), cmap="gray")
        axes.set_title(name, fontsize=9)
        axes.set_axis_off()
    figure.savefig(path, dpi=120, metadata={"Software": None})


def panels_of(count: int, width: float, height: float) -> "tuple[Figure, list[Axes]]":
    """Returns a figure with this many panels of a size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns, rows = min(COLUMNS, count), -(-count // COLUMNS)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, panels[:count]
