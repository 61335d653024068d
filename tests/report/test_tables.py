"""Settings show what differs; figures stand side by side where protocols agree."""

import copy

import pytest

from gan_jax.report.read import read_runs
from gan_jax.report.tables import settings_of, tables_of


@pytest.fixture
def records(one_game, three_games):
    return read_runs([one_game, three_games])


def test_settings_that_differ_are_told_from_those_that_do_not(records):
    settings = {row.name: row for rows in settings_of(records).values() for row in rows}
    assert settings["num_seeds"].values == ["1", "3"]
    assert settings["num_seeds"].differs
    assert settings["steps"] == ("steps", ["6", "6"], False)
    assert not any(row.differs for rows in settings_of(records[:1]).values() for row in rows)
    assert settings["jax"].values[0]


def test_an_argument_that_only_one_run_has_differs(records):
    one, three = records
    one.run.arguments["depth"] = (1, 2)
    rows = {row.name: row for row in settings_of([one, three])["Arguments"]}
    assert rows["depth"] == ("depth", ["1 2", "–"], True)


def test_figures_share_a_table_where_protocols_agree(records):
    _, three = records
    (result,) = three.results
    better, other = copy.deepcopy(result), copy.deepcopy(result)
    better["quartiles"]["wasserstein"] = [0.0, 0.0, 0.0]
    other["protocol"]["real"] = 1
    both, alone = tables_of(
        [three, three._replace(name="better", results=[better]), three._replace(name="other", results=[other])]
    )
    assert list(both.results) == [three.name, "better"]
    assert list(alone.results) == ["other"]
    assert both.best["wasserstein"] == {"better"}
    assert alone.best == {}
    assert tables_of(records[:1]) == []
