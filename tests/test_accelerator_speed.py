"""experiments/accelerator/speed.py, on times and contenders that are made up. Its networks and its count, for real."""

import functools
import importlib
import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from toys import linear, make_game

EXPERIMENTS = Path(__file__).parent.parent / "experiments"
STAMP = {"rehearsal": False, "card": "A Card", "commit": "new", "date": "today"}


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch, tmp_path):
    """As environment.sh has it, with results in a folder of the test's."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "benchmarks"))
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "accelerator"))
    monkeypatch.setenv("OUT", str(tmp_path))


def script(name: str) -> ModuleType:
    return importlib.import_module(name)


def made_up(names: str, passing: Any = lambda seconds: None, *, ready: float = 0, measuring: float = 0) -> Any:
    """A group of parts with names of one letter, which take so many seconds."""

    def measure(part: Any) -> Any:
        passing(measuring)
        return [{"case": part.name, "contender": "gan_jax", "error": None}]

    def make_ready(parts: Any) -> Any:
        passing(ready)
        return [functools.partial(measure, part) for part in parts]

    return script("speed").Group([script("speed").Loop(name, {}) for name in names], make_ready)


def parts(groups: Any) -> list[str]:
    return ["".join(part.name for part in group.parts) for group in groups]


def test_every_case_has_its_place_once_and_the_papers_own_come_first():
    groups = script("speed").plan(script("speed").FULL)
    names = [part.name for group in groups for part in group.parts]
    assert len(names) == len(set(names)) == 24 + 2
    assert names[1:4] == [
        "SNGAN's ResNet, hinge, batch 64, bfloat16",
        "WGAN-GP's ResNet, WGAN-GP, batch 64, bfloat16",
        "the article's DCGAN, WGAN-GP, batch 64, bfloat16",
    ]


@pytest.mark.parametrize(
    ("deadline", "measured", "end"),
    [
        (9, "", 10),  # nothing is known of the first group's time
        *((10, "a", 20), (29, "a", 20), (30, "ab", 30), (39, "ab", 30), (40, "abc", 40)),
        *((59, "abc", 40), (60, "abcd", 60), (69, "abcd", 60), (70, "abcde", 70)),
    ],
)
def test_nothing_begins_that_is_expected_to_end_after_the_deadline(deadline, measured, end):
    now = 0.0

    def passing(seconds: float) -> None:
        nonlocal now
        now += seconds

    groups = [made_up(names, passing, ready=10, measuring=10) for names in ("abc", "de")]
    rows = script("speed").within(deadline, groups, clock=lambda: now)
    assert "".join(row["case"] for new in rows for row in new) == measured
    assert now == end


def test_what_is_known_is_not_measured_again_and_what_failed_comes_last():
    groups = [made_up("ab"), made_up("c"), made_up("de")]
    rows = [{"case": "a", "error": None}, {"case": "c", "error": None}]
    rows += [{"case": "d", "error": None}, {"case": "d", "error": "out of memory"}]
    assert parts(script("speed").unmeasured(groups, rows)) == ["b", "e", "d"]


@pytest.fixture
def main(monkeypatch, tmp_path):
    """Runs the script after a run that measured "a", and reads what it writes."""
    speed = script("speed")
    earlier = {("speed", "A Card"): [{"case": "a", "error": None, "commit": "old", "date": "yesterday"}]}
    monkeypatch.setattr(speed, "known", lambda name, card: earlier[name, card])
    monkeypatch.setattr(speed, "stamp", lambda *, rehearsal: STAMP | {"rehearsal": rehearsal})
    for plan in ("plan", "rehearsal"):
        monkeypatch.setattr(speed, plan, lambda sizes: [made_up("a"), made_up("b")])

    def run(**options: Any) -> tuple[dict[str, str], list[str], bool]:
        speed.main(**options)
        written = json.loads((tmp_path / "speed_a_card.json").read_text())
        commits = {row["case"]: row["commit"] for row in written["rows"]}
        return commits, written["not_reached"], written["stamp"]["rehearsal"]

    return run


@pytest.mark.parametrize(
    ("options", "commits", "left"),
    [
        ({}, {"a": "old", "b": "new"}, []),
        ({"seconds": -1}, {"a": "old"}, ["b"]),
        ({"again": True}, {"a": "new", "b": "new"}, []),
        ({"again": True, "seconds": -1}, {"a": "old"}, ["a", "b"]),
    ],
)
def test_a_run_goes_on_from_the_one_before(main, capsys, options, commits, left):
    assert main(**options) == (commits, left, False)
    assert [line for line in capsys.readouterr().out.splitlines() if "not reached" in line] == [
        f"not reached: {name}" for name in left
    ]


def test_a_rehearsal_takes_nothing_from_an_earlier_run_and_says_what_it_is(main):
    assert main(rehearse=True) == ({"a": "new", "b": "new"}, [], True)


def test_what_is_measured_is_kept_before_the_next_is_begun(main, monkeypatch):
    def stop(parts: Any) -> Any:
        raise KeyboardInterrupt

    groups = [made_up("a"), made_up("b")._replace(ready=stop)]
    monkeypatch.setattr(script("speed"), "plan", lambda sizes: groups)
    with pytest.raises(KeyboardInterrupt):
        main(again=True)
    written = json.loads((Path(script("os").environ["OUT"]) / "speed_a_card.json").read_text())
    assert [row["commit"] for row in written["rows"]] == ["new"]


def fails(*_: Any) -> Any:
    raise RuntimeError("\nno memory\nfor this")


def test_an_error_costs_the_contender_alone(monkeypatch):
    """One can't be started, one fails in its second iteration, one isn't installed. The other has its figures."""
    speed, ahead = script("speed"), script("ahead")
    calls: list[str] = []

    def second_fails() -> None:
        calls.append("call")
        if len(calls) > 1:
            fails()

    contenders = {
        "fine": ahead.Contender([], lambda: lambda: None),
        "never": ahead.Contender([], fails),
        "soon": ahead.Contender([], lambda: second_fails),
    }
    monkeypatch.setattr(speed, "IN_JAX", contenders)
    monkeypatch.setattr(speed, "OURS", "fine")
    monkeypatch.setitem(sys.modules, "torch", None)
    case = speed.Case("dcgan", "r1", 64, False)
    ready = speed.Ready(case, speed.game_of(case, speed.TOY), contenders, dict.fromkeys(contenders, 2.0**20), 1e3, {})
    rows = {row["contender"]: row for row in speed.measure_case(speed.TOY, ready)}
    assert {name: row["error"] for name, row in rows.items()} == {
        "fine": None,
        "never": "RuntimeError: no memory",
        "soon": "RuntimeError: no memory",
        speed.EAGER: "ModuleNotFoundError: import of torch halted; None in sys.modules",
        speed.COMPILED: "ModuleNotFoundError: import of torch halted; None in sys.modules",
    }
    assert len(calls) == 2  # and isn't called again
    for name, row in rows.items():
        assert (row["ms"] is None) == (row["seconds"] is None) == (name != "fine")
    fine = rows["fine"]
    assert fine["ours / it"] == fine["memory_mib"] == 1
    assert fine["examples a second"] == pytest.approx(2 * 2 / (fine["ms"] / 1e3))
    assert fine["matrix_share"] == pytest.approx(1e3 / (fine["ms"] / 1e3) / (fine["matmul_tflops"] * 1e12))
    json.dumps(list(rows.values()), allow_nan=False)


def test_a_program_that_does_not_compile_costs_its_contender(monkeypatch):
    speed, ahead = script("speed"), script("ahead")
    nets, game = ModuleType("broken_dcgan"), ModuleType("broken_game")
    nets.nets = lambda game: None  # type: ignore[attr-defined]
    game.contender = lambda game, nets: ahead.Contender(  # type: ignore[attr-defined]
        [ahead.Program(jax.jit(fails), (), 1)], fails
    )
    for module in (nets, game):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(speed, "IN_JAX", {"broken": "broken", "missing": "missing"})
    case = speed.Case("dcgan", "r1", 64, False)
    with ThreadPoolExecutor() as pool:
        ready = speed.compiling(pool, case, speed.game_of(case, speed.TOY))()
    assert ready.memory == {}
    assert ready.errors == {
        "broken": "RuntimeError: no memory",
        "missing": "ModuleNotFoundError: No module named 'missing_dcgan'",
    }


def test_the_count_of_operations_is_a_hand_count():
    """A convolution's is 2 · B · positions · window · in · out, and so is that of each of its two gradients."""
    ahead = script("ahead")

    def conv(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def gradients(x: Any, w: Any) -> Any:
        y, pull = jax.vjp(conv, x, w)
        return pull(jnp.ones_like(y))

    x, w = jax.ShapeDtypeStruct((3, 9, 9, 5), jnp.float32), jax.ShapeDtypeStruct((3, 3, 5, 7), jnp.float32)
    by_hand = 2 * 3 * (4 * 4) * (3 * 3) * 5 * 7
    assert ahead.flops([ahead.Program(jax.jit(conv), (x, w), 5)]) == 5 * by_hand
    assert ahead.flops([ahead.Program(jax.jit(gradients), (x, w), 1)]) == pytest.approx(2 * by_hand, rel=0.01)


NETWORKS = ("dcgan", "resnet", "sngan")


def game_of(network: str) -> Any:
    case = script("speed").Case(network, "r1", 64, False)
    return script("speed").game_of(case, script("speed").TOY)._replace(width=4)


@functools.cache
def ours(network: str) -> list[tuple[int, tuple[int, ...]]]:
    """Of the critic and of the generator: how many parameters, and the shape of what it makes of two examples."""
    nets = script(f"ours_{network}").nets(game_of(network))
    mode = importlib.import_module("gan_jax.types").Mode()

    def of(net: Any, *shape: int) -> tuple[int, tuple[int, ...]]:
        x = jnp.zeros((2, *shape))
        params, stats = jax.eval_shape(lambda key: net.init(key, x, None), jax.random.key(0))
        made, _ = jax.eval_shape(lambda params, stats: net.apply(params, stats, x, None, mode), params, stats)
        return sum(leaf.size for leaf in jax.tree.leaves(params)), made.shape

    return [of(nets.critic, *nets.shape), of(nets.generator, nets.latents)]


@pytest.mark.parametrize("network", NETWORKS)
def test_linens_networks_are_ours(network):
    nets = script(f"linen_{network}").nets(game_of(network))
    key = jax.random.key(0)

    def of(net: nn.Module, *shape: int) -> tuple[int, tuple[int, ...]]:
        made, variables = jax.eval_shape(
            lambda: net.init_with_output({"params": key, "dropout": key}, jnp.zeros((2, *shape)))
        )
        return sum(leaf.size for leaf in jax.tree.leaves(variables["params"])), made.shape

    assert [of(nets.critic, *nets.shape), of(nets.generator, nets.latents)] == ours(network)


@pytest.mark.filterwarnings("ignore")  # of torch's own
@pytest.mark.parametrize("network", NETWORKS)
def test_torchs_networks_are_ours(network):
    torch = pytest.importorskip("torch")
    nets = script(f"torch_{network}").nets(game_of(network))
    height, width, channels = nets.shape

    def count(net: Any) -> int:
        return sum(p.numel() for p in net.parameters())

    images = nets.generator(torch.zeros(2, nets.latents))
    logits = nets.critic(torch.zeros(2, channels, height, width))
    assert [
        (count(nets.critic), tuple(logits.shape)),
        (count(nets.generator), tuple(images.movedim(1, -1).shape)),
    ] == ours(network)


REAL, FAKE = np.random.default_rng(0).normal(size=(2, 4, 3, 3, 1)).astype(np.float32)
WEIGHT = np.arange(9, dtype=np.float32).reshape(3, 3, 1) / 9


def losses(objective: str) -> tuple[float, float]:
    """Ours, of a critic <weight, x>, whose slope is the same everywhere: the critic's and the generator's."""
    game = make_game(linear(WEIGHT), REAL, FAKE)
    given = script("ours_game").OBJECTIVES[objective]
    critic, generator = (jax.tree.leaves(jax.tree.map(jnp.mean, loss(game))) for loss in given)
    return float(sum(critic)), float(sum(generator))


@pytest.mark.parametrize("objective", ["wgan_gp", "r1", "hinge"])
def test_linens_losses_are_ours(objective):
    peer, critic = script("linen_game").OBJECTIVES[objective], linear(WEIGHT)
    penalty = peer.penalty(critic, jnp.asarray(REAL), jnp.asarray(FAKE), jax.random.key(0))
    both = peer.critic(critic(REAL), critic(FAKE)) + penalty, peer.generator(critic(FAKE))
    assert tuple(map(float, both)) == pytest.approx(losses(objective), rel=1e-5)


@pytest.mark.filterwarnings("ignore")  # of torch's own
@pytest.mark.parametrize("objective", ["wgan_gp", "r1", "hinge"])
def test_torchs_losses_are_ours(objective):
    torch = pytest.importorskip("torch")
    peer, (real, fake, weight) = script("torch_game").OBJECTIVES[objective], map(torch.tensor, (REAL, FAKE, WEIGHT))

    def critic(x: Any) -> Any:
        return x.flatten(1) @ weight.flatten()

    both = peer.critic(critic(real), critic(fake)) + peer.penalty(critic, real, fake), peer.generator(critic(fake))
    assert tuple(map(float, both)) == pytest.approx(losses(objective), rel=1e-5)


@pytest.mark.filterwarnings("ignore")  # of torch's own
@pytest.mark.parametrize(("network", "objective"), [("dcgan", "wgan_gp"), ("sngan", "r1")])
def test_torch_plays_in_bfloat16(network, objective):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    game = game_of(network)._replace(objective=objective, bfloat16=True, critic_steps=1, width=8)
    nets = script(f"torch_{network}").nets(game)
    before = [p.detach().clone() for net in (nets.critic, nets.generator) for p in net.parameters()]
    script("torch_game").iteration(game, nets)()
    after = [p for net in (nets.critic, nets.generator) for p in net.parameters()]
    assert all(p.dtype == torch.float32 and math.isfinite(p.sum()) for p in after)
    assert sum(not torch.equal(a, b) for a, b in zip(before, after)) > len(after) / 2
