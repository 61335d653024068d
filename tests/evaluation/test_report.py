"""What the reports of figures say beside them."""

import pytest

from gan_jax.evaluation.report import collapsed, of_fewer


@pytest.mark.parametrize(
    ("share", "games", "says"), [(0.0, 1, "no"), (1.0, 1, "yes"), (0.375, 8, "3 of 8"), (0.0, 2, "0 of 2")]
)
def test_collapse_is_yes_or_no_of_one_game_and_a_count_of_several(share, games, says):
    assert collapsed({"collapsed": share, "made": {"games": games}}) == says


@pytest.mark.parametrize(
    ("floor", "generated", "says"),
    [
        ({"examples": 1000}, 10_000, "1,000 real examples, 10,000 samples: fewer examples give worse figures"),
        ({"examples": 1000}, 1000, ""),
        (None, 1000, ""),
    ],
)
def test_a_floor_of_fewer_examples_is_told(floor, generated, says):
    found = of_fewer({"floor": floor, "protocol": {"generated": generated}})
    assert found.startswith(says)
    assert bool(found) == bool(says)
