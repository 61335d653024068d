"""Curves show every metric, keep spikes, and leave out the zeros of lazy terms."""

import base64
import json

import numpy as np
import pytest

from gan_jax.report import curves
from gan_jax.report.curves import Logged, charts_of
from gan_jax.report.read import read_runs


def with_metrics(record, **metrics):
    """The record of a run with these metrics [T], or [T, S]."""
    logged = {
        name.replace("__", "/"): Logged(np.arange(1, len(values) + 1), np.reshape(values, (len(values), -1)))
        for name, values in metrics.items()
    }
    return record._replace(metrics=logged)


@pytest.fixture
def record(one_game):
    (found,) = read_runs([one_game])
    return found


def array(coded) -> np.ndarray:
    return np.frombuffer(base64.b64decode(coded["bdata"]), coded["dtype"])


def traces(chart) -> list[dict]:
    return json.loads(chart.figure)["data"]


def only(record, **metrics):
    ((chart,),) = charts_of([with_metrics(record, **metrics)]).values()
    return chart


def test_every_metric_of_a_run_is_in_one_chart(one_game, three_games):
    records = read_runs([one_game, three_games])
    charts = charts_of(records)
    assert [chart.title for chart in charts["The game"]] == [
        *("critic/loss", "generator/loss", "samples/diversity", "critic/logits", "critic/accuracy"),
        *("critic/gradient_norm", "generator/gradient_norm"),
    ]
    assert {chart.title for chart in charts["Evaluation"]} == {
        name for name in records[1].metrics if name.startswith("evaluation/")
    }


def test_unknown_metrics_have_a_chart_too(record):
    charts = charts_of([with_metrics(record, critic__my_term=[1.0], augment__p=[0.5], odd=[2.0])])
    assert {group: [chart.title for chart in some] for group, some in charts.items()} == {
        "Terms of the losses": ["critic/my_term"],
        "States": ["augment/p", "odd"],
    }


def test_real_and_fake_share_a_chart_in_this_order(record):
    chart = only(record, critic__logits_fake=[1.0], critic__logits_real=[2.0])
    assert chart.title == "critic/logits"
    assert [name for *_, name in chart.lines] == ["real", "fake"]
    assert [array(trace["y"]).item() for trace in traces(chart)] == [2, 1]
    assert only(record, critic__logits_real=[2.0]).title == "critic/logits_real"


def test_a_metric_with_the_name_of_a_pair_keeps_a_chart_of_its_own(record):
    charts = charts_of([with_metrics(record, a__x=[0.0], a__x_real=[1.0], a__x_fake=[2.0])])["States"]
    assert [chart.title for chart in charts] == ["a/x", "a/x_real", "a/x_fake"]


def test_values_and_steps_are_those_of_the_log(record):
    (trace,) = traces(only(record, critic__loss=[1.5, np.nan, -2.0]))
    np.testing.assert_array_equal(array(trace["x"]), [1, 2, 3])
    np.testing.assert_array_equal(array(trace["y"]), np.float32([1.5, np.nan, -2]))


def test_a_long_curve_keeps_its_spikes_and_stays_small(record):
    values = np.zeros(50_000)
    values[31_415], values[27_182] = 9.0, -9.0
    values[100:200] = np.nan
    steps, kept = curves.thinned(np.arange(50_000), values, 1000)
    assert len(steps) <= 1000
    assert (kept[steps == 31_415], kept[steps == 27_182]) == (9, -9)
    assert (np.diff(steps) > 0).all()
    assert max(len(trace["y"]["bdata"]) for trace in traces(only(record, critic__loss=values + 1))) < 12_000


def test_running_means_of_a_line_are_the_line_and_pass_over_nan():
    values = np.arange(1000.0)
    values[500] = np.nan
    steps, means = curves.running_means(np.arange(1000), values)
    inside = (steps > 20) & (steps < 480)
    np.testing.assert_allclose(means[inside], steps[inside])
    assert np.isfinite(means).all()


def test_a_huge_value_does_not_hide_later_means():
    values = np.ones(1000)
    values[10] = 1e30
    assert curves.running_means(np.arange(1000), values)[1][-1] == 1


def test_several_games_have_a_median_in_a_band_of_quartiles(record):
    chart = only(record, critic__loss=np.array([[1.0, 2, 3, 4, 5], [np.nan] * 5, [5, 5, 5, 5, np.nan]]))
    *games, band, median = traces(chart)
    assert len(games) == 5
    np.testing.assert_array_equal(array(median["y"]), np.float32([3, np.nan, 5]))
    np.testing.assert_array_equal(array(band["y"]), [4, 5, 5, 2])
    np.testing.assert_array_equal(array(band["x"]), [1, 3, 3, 1])


def test_a_single_step_of_several_games_can_be_seen(record):
    *_, median = traces(only(record, critic__loss=np.array([[1.0, 2, 6]])))
    assert median["mode"] == "lines+markers"


def test_a_lazy_term_is_drawn_where_it_is_there(record):
    chart = only(record, critic__r1=[0, 0, 0, 2.0, 0, 0, 0, 3.0])
    np.testing.assert_array_equal(array(traces(chart)[0]["x"]), [4, 8])
    assert chart.notes == ["drawn at the 2 of 8 logged steps where it isn't 0"]
    assert "or never" in only(record, critic__r1=[0.0, 0.0]).notes[0]
    assert only(record, critic__r1=[0.0, 1.0, 1.0]).notes == []
    assert only(record, critic__r1=[0.0]).notes == []


def test_an_accuracy_of_0_is_drawn(record):
    chart = only(record, critic__accuracy_fake=[0.0, 0.0, 0.0, 1.0], critic__accuracy_real=[1.0] * 4)
    np.testing.assert_array_equal(array(traces(chart)[1]["x"]), [1, 2, 3, 4])
    assert chart.notes == []


def test_a_logarithmic_axis_is_offered_where_it_helps(record):
    assert only(record, critic__r1=[1.0, 100.0]).can_be_log
    assert not only(record, critic__r1=[1.0, 2.0]).can_be_log
    assert not only(record, critic__r1=[-1.0, 100.0]).can_be_log
    assert not only(record, critic__r1=[np.nan, np.nan]).can_be_log


def test_runs_have_colours_and_their_names_are_no_markup(record):
    first, second = (with_metrics(record, critic__loss=[1.0])._replace(name=name) for name in ("<b>a</b>", "b"))
    ((chart,),) = charts_of([first, second]).values()
    a, b = traces(chart)
    assert a["line"]["color"] != b["line"]["color"]
    assert (a["name"], a["meta"], b["meta"]) == ("&lt;b&gt;a&lt;/b&gt;", 0, 1)
