"""Curves of metrics over training, as figures of Plotly.

Several runs lie over one another. A run of one game is a thin line, with a bold one of running means where it is long.
A run of several games is a bold median, a band between the quartiles, and a thin line for each game. Long curves are
thinned, and keep their lowest and highest values.
"""

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gan_jax.play import GRADIENT_NORM, LOSS
from gan_jax.report.read import Logged, Record

POINTS = 2000  # of one curve; longer ones are thinned
FEWEST_POINTS = 200  # of the curve of one of several games
GAMES = 32  # thin lines of one run
SMOOTHED = 100  # points from which on there are running means
SPAN = 50  # a running mean is over a fiftieth of the curve
DECADE = 10.0
COLOURS = ["#3b78c2", "#e07b39", "#2f9e77", "#c2518f", "#8a6fc7", "#b39019", "#3fa7c4", "#84888d"]
DASHES = ("solid", "dot")  # of real and of fake examples, where a colour tells runs apart
REAL, FAKE = "_real", "_fake"
THE_GAME = [LOSS, "diversity", "logits", "accuracy", GRADIENT_NORM]  # what the charts of every game end in, in order
GROUPS = GAME, EVALUATION, TERMS, STATES = "The game", "Evaluation", "Terms of the losses", "States"

Floats = NDArray[np.float64]


class Chart(NamedTuple):
    """A figure with a title.

    Attributes:
      title: The metric, or that of real and of fake examples without these words.
      lines: The colour of each line that the runs share, its dash and its name: real and fake; [] if there is one.
      notes: Sentences about the curves.
      can_be_log: Whether a logarithmic axis helps.
      figure: Plotly's JSON.
    """

    title: str
    lines: list[tuple[str, str, str]]
    notes: list[str]
    can_be_log: bool
    figure: str


def charts_of(records: Sequence[Record]) -> dict[str, list[Chart]]:
    """Draws all metrics of all runs.

    Returns:
      The charts of each group, in the order of GROUPS.
    """
    names = list(dict.fromkeys(name for record in records for name in record.metrics))
    titles: dict[str, list[str]] = {}
    for name in names:
        titles.setdefault(title_of(name, names), []).append(name)
    groups: dict[str, list[Chart]] = {group: [] for group in GROUPS}
    for title in sorted(titles, key=rank):
        of_real_first = sorted(titles[title], key=lambda name: name.endswith(FAKE))
        groups[group_of(title)].append(chart(records, title, of_real_first))
    return {group: charts for group, charts in groups.items() if charts}


def title_of(name: str, names: list[str]) -> str:
    """The title of a metric's chart, which metrics of real and of fake examples share."""
    title = name.removesuffix(REAL).removesuffix(FAKE)
    is_free = title not in names and {title + REAL, title + FAKE} <= set(names)
    return title if is_free else name


def group_of(title: str) -> str:
    """The group of a chart, by the names of metrics in `gan_jax.play` and of evaluations."""
    first, _, last = title.partition("/")
    if first in ("critic", "generator", "samples"):
        return GAME if last in THE_GAME else TERMS
    return EVALUATION if first == "evaluation" else STATES


def rank(title: str) -> int:
    """The place of a chart in its group; those of equal rank stay in the order of the log."""
    last = title.partition("/")[2]
    return THE_GAME.index(last) if last in THE_GAME else len(THE_GAME)


def chart(records: Sequence[Record], title: str, names: list[str]) -> Chart:
    """Draws a metric of all runs, or its values of real and of fake examples, into one chart."""
    alone, several = len(records) == 1, any(record.run.options.num_seeds > 1 for record in records)
    whose = [name.rpartition("_")[2] for name in names] if len(names) > 1 else [""]
    keys = [(COLOURS[line], "solid") if alone else (COLOURS[-1], DASHES[line]) for line in range(len(names))]
    traces: list[go.Scatter] = []
    notes: list[str] = []
    values = [np.zeros(0)]
    for run, record in enumerate(records):
        for name, of, (colour, dash) in zip(names, whose, keys):
            if name not in record.metrics:
                continue
            logged, note = record.metrics[name], ""
            if group_of(title) == TERMS:
                logged, note = where_it_is(logged)
            values.append(logged.values.ravel())
            notes += [note if alone else f"{record.name}: {note}"] if note else []
            label = of or name if alone else f"{record.name} {of}".rstrip()
            traces += lines_of(logged, html.escape(label), colour if alone else COLOURS[run % len(COLOURS)], dash, run)
    lines = [(*key, of) for key, of in zip(keys, whose) if of]
    return Chart(title, lines, notes, spans_decades(np.concatenate(values)), figure_of(traces, several))


def where_it_is(logged: Logged) -> tuple[Logged, str]:
    """Drops the zeros of a term that is only there at some steps (`every`), and says so."""
    zero = (logged.values == 0).all(1)
    if zero.all():
        why = "0 in every line: the term acts at other steps than those that are logged, or never"
        return logged, why if len(zero) > 1 else ""
    if 2 * zero.sum() < len(zero):
        return logged, ""
    there = Logged(logged.steps[~zero], logged.values[~zero])
    return there, f"drawn at the {len(there.steps):,} of {len(zero):,} logged steps where it isn't 0"


def lines_of(logged: Logged, label: str, colour: str, dash: str, run: int) -> list[go.Scatter]:
    """The traces of a metric of one run."""
    shared: dict[str, Any] = {"name": label, "meta": run, "line": {"color": colour, "dash": dash, "width": 2}}
    if logged.values.shape[1] > 1:
        return lines_of_games(logged, shared)
    steps, values = logged.steps, logged.values[:, 0]
    if len(steps) < SMOOTHED:
        return [trace(steps, values, shared, mode=mode_of(steps))]
    thin = shared | {"line": {"color": colour, "width": 1}, "opacity": 0.35}
    means = shared | {"hoverinfo": "skip", "hovertemplate": None}
    return [trace(*thinned(steps, values, POINTS), thin), trace(*running_means(steps, values), means)]


def lines_of_games(logged: Logged, shared: dict[str, Any]) -> list[go.Scatter]:
    """The traces of a metric of several games: each game, the quartiles' band and the median."""
    steps, values = logged
    label, colour = shared["name"], shared["line"]["color"]
    games = values.shape[1]
    points = max(FEWEST_POINTS, POINTS // games)
    thin = shared | {"line": {"color": colour, "width": 1}, "opacity": 0.25}
    each = [
        trace(*thinned(steps, values[:, game], points), thin | {"name": f"{label} game {game}"})
        for game in range(min(games, GAMES))
    ]
    some = np.unique(np.linspace(0, len(steps) - 1, POINTS).astype(int))
    at, (low, median, high) = steps[some], quartiles(values[some])
    there = ~np.isnan(median)
    band = go.Scatter(
        x=as_int(np.concatenate([at[there], at[there][::-1]])),
        y=np.concatenate([high[there], low[there][::-1]]).astype(np.float32),
        **{"fill": "toself", "fillcolor": colour, "opacity": 0.2, "line": {"width": 0}, "mode": "lines"},
        hoverinfo="skip",
        meta=shared["meta"],
    )
    return [*each, band, trace(at, median, shared | {"name": f"{label} median"}, mode=mode_of(steps))]


def mode_of(steps: NDArray[np.int64]) -> str:
    """Few points are marked, since a single one makes no line."""
    return "lines+markers" if len(steps) < SMOOTHED // 4 else "lines"


def quartiles(values: Floats) -> Floats:
    """The quartiles [3, T] of values [T, S] that are finite; NaN where none is."""
    found = np.full((3, len(values)), np.nan)
    some = ~np.isnan(values).all(1)
    found[:, some] = np.nanquantile(values[some], (0.25, 0.5, 0.75), axis=1)
    return found


def thinned(steps: NDArray[np.int64], values: Floats, points: int) -> tuple[NDArray[np.int64], Floats]:
    """Keeps the lowest and the highest value of each of points / 2 stretches of a curve that has more points."""
    if len(steps) <= points:
        return steps, values
    kept: list[int] = []
    for stretch in np.array_split(np.arange(len(steps)), points // 2):
        part = values[stretch]
        lowest, highest = np.where(np.isnan(part), np.inf, part), np.where(np.isnan(part), -np.inf, part)
        kept += sorted({int(stretch[lowest.argmin()]), int(stretch[highest.argmax()])})
    return steps[kept], values[kept]


def running_means(steps: NDArray[np.int64], values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The means over a fiftieth of the curve around each of evenly spaced steps; only finite values count."""
    some = np.unique(np.linspace(0, len(steps) - 1, POINTS // 4).astype(int))
    half = max(1, len(steps) // SPAN // 2)
    means = np.full(len(some), np.nan)
    for number, place in enumerate(some):
        around = values[max(0, place - half) : place + half + 1]
        if len(finite := around[np.isfinite(around)]):
            means[number] = finite.mean()
    return steps[some], means


def trace(steps: NDArray[np.int64], values: Floats, shared: dict[str, Any], mode: str = "lines") -> go.Scatter:
    with np.errstate(over="ignore"):  # beyond float32 it is infinite, and not drawn
        y = values.astype(np.float32)
    shown = {"hovertemplate": "%{y:.4g}", "mode": mode, "marker": {"size": 5}} | shared
    return go.Scatter(x=as_int(steps), y=y, **shown)


def as_int(steps: NDArray[np.int64]) -> NDArray[Any]:
    return steps.astype(np.int32) if steps.size and steps.max() < 2**31 else steps.astype(np.float64)


def spans_decades(values: Floats) -> bool:
    """Whether values are positive, and differ by an order of magnitude."""
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() <= 0:
        return False
    low, high = np.quantile(finite, (0.02, 0.98))
    return bool(high > DECADE * low)


def figure_of(traces: list[go.Scatter], several: bool) -> str:
    """Plotly's JSON of a chart; the page adds the colours of its theme."""
    axis = {"zeroline": False, "automargin": True, "ticks": "", "showline": False}
    layout = {
        "template": go.layout.Template(),
        "margin": {"l": 44, "r": 8, "t": 8, "b": 28},
        "showlegend": False,
        "hovermode": "closest" if several else "x unified",
        "modebar": {"bgcolor": "rgba(0,0,0,0)"},
        "xaxis": {**axis, "tickformat": "~s", "hoverformat": ",", "showgrid": False, "nticks": 6},
        "yaxis": {**axis, "exponentformat": "power", "nticks": 6},
    }
    return go.Figure(traces, layout).to_json()
