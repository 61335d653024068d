"""The tables of a report: the settings of runs side by side, and their figures, one table for each protocol."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from gan_jax.evaluation.compare import Results
from gan_jax.evaluation.report import figures_of, made_otherwise
from gan_jax.report.read import Record


class Row(NamedTuple):
    """A setting.

    Attributes:
      name: Its name.
      values: Its value in each run; "–" where a run has none.
      differs: Whether the runs differ in it.
    """

    name: str
    values: list[str]
    differs: bool


class Table(NamedTuple):
    """The figures of runs that were measured by one protocol.

    Attributes:
      results: Each run's result, by its name.
      figures: The names of the figures.
      best: The runs that have the best median of each figure, where one of several is best.
      made_otherwise: How the runs' results were made differently.
    """

    results: Results
    figures: list[str]
    best: dict[str, set[str]]
    made_otherwise: str


def settings_of(records: Sequence[Record]) -> dict[str, list[Row]]:
    """Returns the arguments, options and versions of all runs."""
    return {
        "Arguments": rows_of([{"experiment": record.run.name, **record.run.arguments} for record in records]),
        "Options": rows_of([dataclasses.asdict(record.run.options) for record in records]),
        "Versions": rows_of([record.versions for record in records]),
    }


def rows_of(settings: list[dict[str, Any]]) -> list[Row]:
    names = list(dict.fromkeys(name for one in settings for name in one))
    each = [[shown(one[name]) if name in one else "–" for one in settings] for name in names]
    return [Row(name, values, len(set(values)) > 1) for name, values in zip(names, each)]


def shown(value: Any) -> str:
    """Returns a setting as it is typed; nothing for None."""
    if isinstance(value, list | tuple):
        return " ".join(map(shown, value))
    return "none" if value is None else str(value)


def tables_of(records: Sequence[Record]) -> list[Table]:
    """Returns a table for each protocol, in the order in which they first come."""
    groups: dict[str, Results] = {}
    for record in records:
        for result in record.results:
            groups.setdefault(json.dumps(result["protocol"], sort_keys=True), {})[record.name] = result
    return [
        Table(results, figures_of(results), best_of(results), made_otherwise(results)) for results in groups.values()
    ]


def best_of(results: Results) -> dict[str, set[str]]:
    """Returns the runs that have the best median of each figure; none if all are equal."""
    first = next(iter(results.values()))
    found = {}
    for name in figures_of(results):
        better = {"higher": max, "lower": min}.get(first["better"].get(name))
        medians = {run: result["quartiles"][name][1] for run, result in results.items() if name in result["quartiles"]}
        if better and len(set(medians.values())) > 1:
            best = better(medians.values())
            found[name] = {run for run, median in medians.items() if median == best}
    return found
