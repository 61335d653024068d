"""Learning rates end with the run, each argument changes what it says, and a header's settings are the code's."""

import functools
import inspect
import math
import typing
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from experiment_files import EACH, FILES, build
from toys import linear, make_game

from gan_jax.data.packaged import bible, digits, drums, furniture, moving_digits
from gan_jax.experiment import Experiment, load
from gan_jax.play import Player
from gan_jax.types import Array, Game, Objective, Players

pytestmark = pytest.mark.usefixtures("data_at_hand")

AT_ZERO, AT_ONE = jnp.zeros((2, 2)), jnp.ones((2, 2))
KEY = jax.eval_shape(jax.random.key, 0)
GAME: Game = make_game(linear([3.0, 4.0]), [[1.0, 2.0]], [[-1.0, 0.5]])  # a slope of 5
GAME = GAME._replace(made=jnp.ones((1, 2, 3)))
OBJECTIVES = [
    pytest.param(file, {"objective": choice} if choice else {}, id=f"{file.stem}-{choice}" if choice else file.stem)
    for file in FILES
    for choice in typing.get_args(typing.get_type_hints(load(file)).get("objective")) or [None]
]


READ_ONCE = {
    (module, name): functools.cache(getattr(module, name))
    for module, name in [
        (bible, "new_testament"),
        (digits, "digits"),
        (drums, "drums"),
        (furniture, "furniture"),
        (moving_digits, "moving_digits"),
    ]
}


@pytest.fixture(autouse=True)
def read_once(monkeypatch):
    """The packaged data, which each experiment would read again."""
    for (module, name), read in READ_ONCE.items():
        monkeypatch.setattr(module, name, read)


def state_of(optimizer: optax.GradientTransformation, turns: int, params: Array) -> Any:
    """The optimiser's first state, were its schedules after so many turns."""

    def is_scheduled(state: Any) -> bool:
        return getattr(state, "_fields", ()) == ("count",)

    def later(state: Any) -> Any:
        return state._replace(count=jnp.int32(turns)) if is_scheduled(state) else state

    return jax.tree.map(later, optimizer.init(params), is_leaf=is_scheduled)


def step_of(
    optimizer: optax.GradientTransformation, turns: int = 0, params: Array = AT_ZERO, gradient: float = 1.0
) -> float:
    """How long the optimiser's first step is, were its schedules after so many turns."""
    updates, _ = optimizer.update(jnp.full_like(params, gradient), state_of(optimizer, turns, params), params)
    return -float(updates[0, 0])


def decays(optimizer: optax.GradientTransformation, turns: int = 0) -> dict[str, float]:
    """Those of the means that the optimiser keeps of gradients, mu, and of their squares, nu."""
    _, state = optimizer.update(jnp.ones_like(AT_ZERO), state_of(optimizer, turns, AT_ZERO), AT_ZERO)
    means = {name: optax.tree.get(state, name) for name in ("mu", "nu")}
    return {name: round(1 - float(mean[0, 0]), 6) for name, mean in means.items() if mean is not None}


@pytest.mark.parametrize(("file", "choice"), OBJECTIVES)
def test_learning_rates_of_both_players_begin_alike_and_end_with_the_last_update_or_stay(file, choice):
    experiment = build(file, steps=400, **choice)
    assert step_of(experiment.optimizers.critic) == pytest.approx(step_of(experiment.optimizers.generator), rel=1e-5)
    text = inspect.getdoc(load(file)) + file.read_text().split('"""')[1]
    for optimizer, (turns, _) in zip(experiment.optimizers, experiment.turns, strict=True):
        last = experiment.steps * turns
        start, quarter, half, nearly, end, after = (
            step_of(optimizer, round(share * last)) for share in (0, 0.25, 0.5, 0.99, 1, 2)
        )
        assert start > 0
        if "along a" in text:
            left = 0.75 if "along a line" in text else 0.853553
            assert quarter == pytest.approx(end + (start - end) * left, rel=1e-3)
            assert half == pytest.approx((start + end) / 2, rel=1e-3)
            assert 0 < nearly - end < start / 50
            assert end == pytest.approx(start / 4 if "to a quarter" in text else 0, abs=1e-5 * start)
            assert after == pytest.approx(end, abs=1e-6 * start)
        else:
            assert start == quarter == half == nearly == end == after


# ---- What each argument changes: a value of it, and what of the experiment is another then.

ARGUMENTS: dict[str, tuple[Any, set[str]]] = {
    "steps": (123, {"steps"}),
    "batch_size": (16, {"critic's turns", "generator's turns"}),
    "critic_steps": (7, {"critic's turns"}),
    "learning_rate": (3e-4, {"critic's step", "generator's step"}),
    "penalty": (3.0, {"critic's loss"}),
    "closeness": (3.0, {"generator's loss"}),
    "gamma": (3.0, {"critic's loss"}),
    "lazy": (8, {"critic's loss"}),
    "interval": (3, {"critic's loss"}),
    "clip": (0.3, {"critic's reach"}),
    "width": (8, {"critic's shapes", "generator's shapes"}),
    "blocks": (3, {"critic's shapes", "generator's shapes"}),
    "expansion": (3, {"critic's shapes", "generator's shapes"}),
    "conditional": (True, {"critic's shapes", "generator's shapes"}),
    "epochs": (True, {"critic's turns", "generator's turns"}),
    "augmentation": (1.0, {"critic's view"}),
    "turns": (1.0, {"critic's view"}),
    "diff_augment": (True, {"critic's view"}),
    "ada": (False, {"augmentation's state"}),
    "path_length": (2.0, {"generator's loss"}),
}
OF_DATA = {"data", "dataset", "data_dir", "folder", "test_folder", "clips", "models", "text", "size", "channels",
           "mirrored", "length", "alphabet", "lower", "digits", "up"}  # fmt: skip
CHOICES = {"objective", "network", "generator", "shuffle", "bfloat16"}  # networks, which are tested by themselves


def look(experiment: Experiment, *, shapes: bool, view: bool) -> dict[str, Any]:
    """What the arguments of an experiment may change, by name."""
    found: dict[str, Any] = {"steps": experiment.steps, "augmentation's state": experiment.augment.init()}
    if view:
        found["critic's view"] = seen_at_the_end(experiment)
    latent = jax.eval_shape(experiment.prior, KEY)
    for player, x in Players(experiment.data.example.x, latent)._asdict().items():
        optimizer, network = getattr(experiment.optimizers, player), getattr(experiment.nets, player)
        found[f"{player}'s turns"] = getattr(experiment.turns, player)
        found[f"{player}'s step"] = step_of(optimizer)
        found[f"{player}'s reach"] = round(1 - step_of(optimizer, params=AT_ONE), 1)
        found[f"{player}'s loss"] = terms(experiment.objective, player, step=0)
        if shapes:
            one, wanted = jnp.zeros((1, *x.shape)), experiment.data.example.condition
            condition = jax.tree.map(lambda leaf: jnp.zeros((1, *leaf.shape), leaf.dtype), wanted)
            params, _ = jax.eval_shape(network.init, jax.random.key(0), one, condition)
            found[f"{player}'s shapes"] = {path: leaf.shape for path, leaf in jax.tree.leaves_with_path(params)}
    return found


def seen_at_the_end(experiment: Experiment) -> bytes:
    """Two random examples as the critic sees them."""
    x = jax.random.uniform(jax.random.key(0), (2, *experiment.data.example.x.shape), minval=-1.0)
    state, keys = experiment.augment.init(), jax.random.split(jax.random.key(1), 2)
    seen = jax.jit(experiment.augment.apply)(state, keys, x, jnp.int32(experiment.steps))
    return np.asarray(seen).tobytes()


def terms(objective: Objective, player: Player, step: int) -> dict[str, float]:
    """Each term of a player's loss in GAME at a step, by name."""
    found, _ = getattr(objective, player)(GAME._replace(step=jnp.int32(step), state=objective.init()))
    return {name: float(term[0]) for name, term in (found.items() if isinstance(found, dict) else [("loss", found)])}


@pytest.mark.exhaustive
@EACH
def test_each_argument_changes_what_it_says_and_no_more(file):
    defaults = {name: parameter.default for name, parameter in inspect.signature(load(file)).parameters.items()}
    names = defaults.keys()
    assert names <= ARGUMENTS.keys() | OF_DATA | CHOICES
    base = look(build(file), shapes=True, view=True)
    for name in names & ARGUMENTS.keys():
        value, changes = ARGUMENTS[name]
        if name == "batch_size" and "/ batch size" in inspect.getdoc(load(file)):  # then γ follows the batch
            changes = changes | {"critic's loss"}
        parts = {part: any(part in change for change in changes) for part in ("shapes", "view")}
        found = look(build(file, **{name: value}), **parts)
        assert {what for what, seen in found.items() if seen != base[what]} == changes, name


@pytest.mark.parametrize("name", ["r3gan_folder", "stylegan2_ada_folder"])
def test_gammas_default_grows_with_the_square_of_the_side(name):
    (file,) = (file for file in FILES if file.stem == name)
    small, large = (terms(build(file, size=size).objective, "critic", step=0)["r1"] for size in (32, 64))
    assert 0 < large == pytest.approx(4 * small)


def test_r3gans_lazy_penalties_are_both_left_out_between():
    (file,) = (file for file in FILES if file.stem == "r3gan_folder")
    between, due = (terms(build(file, lazy=4).objective, "critic", step) for step in (1, 4))
    always = terms(build(file).objective, "critic", step=1)
    for name in ("r1", "r2"):
        assert (between[name], due[name]) == (0, pytest.approx(4 * always[name]))


# ---- The line of a header that begins with "Settings".


def settings(experiment: Experiment, defaults: dict[str, Any]) -> str:
    """What an experiment plays by, as its header has it; both players' optimisers are alike."""
    (turns, batch), (generator_turns, generator_batch) = experiment.turns
    assert generator_turns == 1
    optimizer = experiment.optimizers.generator
    at_end = decays(optimizer, experiment.steps)
    assert decays(optimizer) == decays(experiment.optimizers.critic)
    assert at_end == decays(experiment.optimizers.critic, experiment.steps)
    kept, rates = decays(optimizer), [step_of(optimizer, round(share * experiment.steps)) for share in (0, 0.25, 1)]
    start, quarter, end = (rate * (1 if "mu" in kept else (1 - kept["nu"]) ** 0.5) for rate in rates)
    left = 1.0 if start == end else (quarter - end) / (start - end)
    falls = "" if left == 1 else " along a line" if left == pytest.approx(0.75, abs=0.01) else " along a cosine"
    rate = f"{start:.3g}" if end < 1e-6 * start else changing(start, end)
    eps = 1e-6 * (step_of(optimizer) / step_of(optimizer, gradient=1e-6) - 1)  # Adam's step is g / (|g| + eps)
    by = (
        f"Adam {rate}{falls}, b1 {kept['mu']:g}, b2 {changing(kept['nu'], at_end['nu'])}"
        + ("" if eps == pytest.approx(1e-8, rel=0.1) else f", eps {eps:.0e}")
        if "mu" in kept
        else f"RMSProp {rate}{falls}"
    )
    first, last = (weights(experiment, steps) for steps in (range(16), range(experiment.steps, experiment.steps + 16)))
    shape = "x".join(map(str, experiment.data.example.x.shape))
    clip = 1 - step_of(experiment.optimizers.critic, params=AT_ONE)
    return ", ".join(
        [
            "Settings" + (f" of {defaults['objective']}" if "objective" in defaults else "") + f": examples of {shape}",
            f"latents of {jax.eval_shape(experiment.prior, KEY).size}",
            f"width {defaults['width']}",
            f"{experiment.steps:,} updates",
            f"batch {batch}" + (f" and {generator_batch} of the generator's" if generator_batch != batch else ""),
            f"{turns} critic turn{'s' if turns > 1 else ''}",
            by,
            *(f"{label} {changing(weight, last[label])}" for label, weight in first.items()),
            *([f"clip {clip:.3g}"] if clip < 0.9 else []),
            f"EMA {' to '.join(dict.fromkeys(decay_of_the_mean(experiment, step) for step in (0, experiment.steps)))}.",
        ]
    )


def weights(experiment: Experiment, steps: range) -> dict[str, float]:
    """Those of penalties, as the header calls them, on average over steps."""
    each = [terms(experiment.objective, "critic", step) for step in steps]
    closed = {"gradient_penalty": ("λ", 16.0), "r1": ("R1", 12.5), "r2": ("R2", 12.5)}
    return {
        label: float(np.mean([found[name] for found in each])) / value
        for name, (label, value) in closed.items()
        if name in each[0]
    }


def changing(start: float, end: float) -> str:
    return f"{start:.3g}" if start == pytest.approx(end, rel=1e-6) else f"{start:.3g} to {end:.3g}"


def decay_of_the_mean(experiment: Experiment, step: int) -> str:
    """At a step, with two digits of what it leaves to the newest value."""
    decay = experiment.ema_decay
    decay = float(decay(jnp.int32(step))) if callable(decay) else decay
    return f"{decay:.{2 - math.ceil(math.log10(1 - decay))}f}".rstrip("0").rstrip(".")


@EACH
def test_the_settings_of_its_header_are_those_of_its_code(file):
    function = load(file)
    defaults = {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}
    folder = {"folder": Path("photos")} if defaults.get("folder") is inspect.Parameter.empty else {}
    header = " ".join(file.read_text().split('"""')[1].split())
    assert settings(function(**folder), defaults) in header
