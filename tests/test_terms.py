"""Every term of the library is found by the tests of all games, and bad use of each is one line."""

import pytest
import terms
from terms import ALL, ARGUMENTS, MAKERS, makers, makers_of, needs_arguments

from gan_jax import losses
from gan_jax.types import Objective


def test_every_public_function_that_makes_an_objective_is_tested():
    assert makers() - MAKERS == ALL.keys()
    assert ARGUMENTS.keys() <= ALL.keys()


def test_a_new_function_is_found_with_arguments_or_without(monkeypatch):
    def planted() -> Objective:
        return losses.hinge()

    def needy(weight: float) -> Objective:
        return losses.hinge()

    for function in (planted, needy):
        function.__module__ = "gan_jax.losses"
        monkeypatch.setattr(losses, function.__name__, function, raising=False)
    assert {"planted", "needy"} <= makers()
    assert "planted" in terms.objectives_of(losses)
    assert "needy" not in terms.objectives_of(losses)  # so the test above fails until it has its arguments


@pytest.mark.parametrize("name", sorted(MAKERS | ARGUMENTS.keys()))
def test_the_tables_hold_only_functions_that_need_arguments(name):
    modules = (losses, terms.penalties, terms.regularizers, terms.auxiliary)
    (function,) = [found[name] for module in modules if name in (found := makers_of(module))]
    assert needs_arguments(function)
