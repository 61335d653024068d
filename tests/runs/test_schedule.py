"""What is due after each step of a run, as a table."""

import pytest

from gan_jax.runs.options import Options
from gan_jax.runs.schedule import Due, due

OPTIONS = Options(log_every=2, sample_every=3, save_every=5, evaluate_every=4)
NOT_EVALUATED = Options(log_every=2, sample_every=3, save_every=5)
NOTHING = Due(log=False, evaluate=False, show=False, save=False)


@pytest.mark.parametrize(
    ("options", "step", "expected"),
    [
        (OPTIONS, 1, NOTHING),
        (OPTIONS, 2, NOTHING._replace(log=True)),
        (OPTIONS, 3, NOTHING._replace(show=True)),
        (OPTIONS, 4, NOTHING._replace(log=True, evaluate=True, save=True)),
        (OPTIONS, 5, NOTHING._replace(save=True)),
        (OPTIONS, 6, NOTHING._replace(log=True, show=True)),
        (OPTIONS, 7, Due(log=True, evaluate=True, show=True, save=True)),  # the last
        (NOT_EVALUATED, 4, NOTHING._replace(log=True)),
        (NOT_EVALUATED, 7, Due(log=True, evaluate=False, show=True, save=True)),
    ],
)
def test_what_is_due_after_a_step(options, step, expected):
    assert due(step, 7, options) == expected
