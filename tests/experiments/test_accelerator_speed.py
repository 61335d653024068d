"""experiments/accelerator/speed.py and how it measures, on made-up times and contenders. Its networks are real."""

import functools
import importlib.util
import itertools
import json
import math
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from toys import init_perceptron, linear, make_game, perceptron

from gan_jax import losses
from gan_jax.types import Network

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
STAMP = {"rehearsal": False, "card": "A Card", "commit": "new", "date": "2026-02-02"}


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

    return script("calls").Group([script("speed_cases").Loop(name, {}) for name in names], make_ready)


def parts(groups: Any) -> list[str]:
    return ["".join(part.name for part in group.parts) for group in groups]


def test_every_case_has_its_place_once_and_the_papers_own_come_first():
    groups = script("speed").plan(script("speed_cases").FULL)
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
    rows = script("calls").within(deadline, groups, clock=lambda: now)
    assert "".join(row["case"] for new in rows for row in new) == measured
    assert now == end


def row(case: str, contender: str = "gan_jax", error: str | None = None, **origin: str) -> dict[str, Any]:
    return {"case": case, "contender": contender, "error": error, "commit": "new", "date": "2026-01-01"} | origin


def due(*rows: dict[str, Any]) -> list[str]:
    return parts(script("calls").due([made_up("ab"), made_up("c"), made_up("de")], rows, "new+"))


def test_what_has_no_rows_is_due_first_and_what_failed_after_it():
    failed = row("d", "plain Linen", "out of memory")
    assert due(row("a"), row("c"), row("d"), failed) == ["b", "e", "d"]


def test_rows_of_another_commit_are_due_last_the_oldest_first():
    old = {"commit": "old", "date": "2025-03-03"}
    older = {"commit": "older", "date": "2025-02-02"}
    assert due(row("a", **old), row("b", **older), row("c", **older), row("e", commit="new+")) == ["d", "b", "c", "a"]


def test_a_case_that_always_fails_waits_for_its_turn():
    """Its good row stays old; when it was last tried counts."""
    kept = row("a", commit="old", date="2025-01-01", failed_since={"date": "2026-01-01"})
    assert due(kept, *(row(case, commit="old", date="2025-02-02") for case in "bcde")) == ["b", "c", "de", "a"]


def test_a_figure_outlives_a_later_failure_which_it_notes():
    good, bad = row("a", "good then", commit="old"), row("a", "bad then", "no memory", commit="old")
    failed = {"error": "no luck", "commit": "new", "date": "2026-01-01"}
    new = [row("a", "good then", "no luck"), row("a", "bad then", "no luck"), row("a", "other")]
    assert script("calls").replace([good, bad, row("b"), row("a", "gone")], new) == [
        row("b"),
        good | {"failed_since": failed},
        *new[1:],
    ]
    again = row("a", "good then", date="2026-02-02")
    assert script("calls").replace([good | {"failed_since": failed}], [again]) == [again]


def test_a_ratio_to_ours_outlives_a_later_failure_of_ours():
    earlier = [row("a", commit="old"), row("a", "peer", commit="old") | {"ours / it": 0.5}]
    ours, peer, other = script("calls").replace(earlier, [row("a", error="no"), row("a", "peer"), row("a", "other")])
    assert (ours["error"], ours["failed_since"]["error"]) == (None, "no")
    assert (peer["ours / it"], peer["failed_since"]["error"]) == (0.5, "gan_jax: no")
    assert other == row("a", "other")


@pytest.fixture
def main(monkeypatch, tmp_path):
    """Runs the script after a run that measured "a", and reads what it writes."""
    speed = script("speed")
    earlier = {("speed", "A Card"): [row("a", date="2026-01-01")]}
    monkeypatch.setattr(speed, "START", time.monotonic())
    monkeypatch.setattr(speed, "clean", lambda: None)  # other tests' compiled programs
    monkeypatch.setattr(speed, "known", lambda name, card: earlier[name, card])
    monkeypatch.setattr(speed, "stamp", lambda *, rehearsal: STAMP | {"rehearsal": rehearsal})
    for plan in ("plan", "rehearsal"):
        monkeypatch.setattr(speed, plan, lambda sizes: [made_up("a"), made_up("b")])

    def run(**options: Any) -> tuple[dict[str, str], list[str], bool]:
        speed.main(**options)
        written = json.loads((tmp_path / "speed_a_card.json").read_text())
        dates = {row["case"]: row["date"] for row in written["rows"]}
        return dates, written["not_reached"], written["stamp"]["rehearsal"]

    return run


OLD, NEW = "2026-01-01", "2026-02-02"


@pytest.mark.parametrize(
    ("options", "dates", "left"),
    [
        ({}, {"a": OLD, "b": NEW}, []),
        ({"seconds": -1}, {"a": OLD}, ["b"]),
        ({"again": True}, {"a": NEW, "b": NEW}, []),
        ({"again": True, "seconds": -1}, {"a": OLD}, ["a", "b"]),
    ],
)
def test_a_run_goes_on_from_the_one_before(main, capsys, options, dates, left):
    assert main(**options) == (dates, left, False)
    assert [line for line in capsys.readouterr().out.splitlines() if "not reached" in line] == [
        f"not reached: {name}" for name in left
    ]


def test_a_rehearsal_takes_nothing_from_an_earlier_run_and_says_what_it_is(main):
    assert main(rehearse=True) == ({"a": NEW, "b": NEW}, [], True)


def test_the_time_counts_from_the_start_of_the_script(main, monkeypatch):
    monkeypatch.setattr(script("speed"), "START", time.monotonic() - 60)
    assert main(seconds=50) == ({"a": OLD}, ["b"], False)


def test_a_rehearsal_that_reaches_not_all_fails(main):
    with pytest.raises(SystemExit, match="a\nb"):
        main(rehearse=True, seconds=-1)


@pytest.mark.parametrize("torch", ["installed", "missing"])
@pytest.mark.parametrize(
    ("failing", "on_a_card", "rehearsed"),
    [
        ({"contender": "gan_jax"}, True, True),
        ({"contender": "loop, quiet"}, True, True),
        ({"contender": "plain Linen"}, False, True),
        ({"contender": "PyTorch eager"}, False, "installed"),
        ({"contender": "gan_jax", "error": None, "share_error": "no count"}, False, True),
        ({"contender": "gan_jax", "error": None}, False, False),
    ],
)
def test_the_exit_code_tells_what_failed(monkeypatch, main, capsys, failing, on_a_card, rehearsed, torch):
    speed = script("speed")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if torch == "installed" else None)
    rows = [{"case": "b", "error": "NameError: relu"} | failing]
    monkeypatch.setattr(speed, "rehearsal", lambda sizes: [made_up("b")._replace(ready=lambda _: [lambda: rows])])
    monkeypatch.setattr(speed, "plan", speed.rehearsal)
    for rehearse, wrong in ((False, on_a_card), (True, rehearsed in (True, torch))):
        if wrong:
            with pytest.raises(SystemExit, match=r"NameError: relu|no count") as stopped:
                main(rehearse=rehearse)
            assert stopped.value.code
        else:
            main(rehearse=rehearse)


def test_what_is_measured_is_kept_before_the_next_is_begun(main, monkeypatch):
    def stop(parts: Any) -> Any:
        raise KeyboardInterrupt

    groups = [made_up("a"), made_up("b")._replace(ready=stop)]
    monkeypatch.setattr(script("speed"), "plan", lambda sizes: groups)
    with pytest.raises(KeyboardInterrupt):
        main(again=True)
    written = json.loads((Path(script("os").environ["OUT"]) / "speed_a_card.json").read_text())
    assert [row["date"] for row in written["rows"]] == [NEW]


def fails(*_: Any) -> Any:
    raise RuntimeError("\nno memory\nfor this")


def test_an_error_costs_the_contender_alone(monkeypatch):
    """One can't be started, one fails in its second iteration, one isn't installed. The other has its figures."""
    measure, cases, ahead = script("speed_measure"), script("speed_cases"), script("ahead")
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
    monkeypatch.setattr(measure, "IN_JAX", contenders)
    monkeypatch.setattr(measure, "OURS", "fine")
    monkeypatch.setitem(sys.modules, "torch", None)
    case = cases.Case("dcgan", "r1", 64, False)
    ready = measure.Ready(case, cases.game_of(case, cases.TOY), contenders, dict.fromkeys(contenders, 2.0**20), 1e3, {})
    rows = {row["contender"]: row for row in measure.measure_case(cases.TOY._replace(rounds=2), ready)}
    assert {name: row["error"] for name, row in rows.items()} == {
        "fine": None,
        "never": "RuntimeError: no memory",
        "soon": "RuntimeError: no memory",
        measure.EAGER: "ModuleNotFoundError: import of torch halted; None in sys.modules",
        measure.COMPILED: "ModuleNotFoundError: import of torch halted; None in sys.modules",
    }
    assert len(calls) == 2  # and isn't called again
    for name, row in rows.items():
        assert (row["ms"] is None) == (row["seconds"] is None) == (name != "fine")
    fine = rows["fine"]
    assert fine["ours / it"] == fine["memory_mib"] == 1
    assert fine["examples a second"] == pytest.approx(2 * 2 / (fine["ms"] / 1e3))
    assert fine["matrix_share"] == pytest.approx(1e3 / (fine["ms"] / 1e3) / (fine["matmul_tflops"] * 1e12))
    json.dumps(list(rows.values()), allow_nan=False)


def test_a_loop_that_fails_costs_its_own_rows(monkeypatch):
    measure, cases = script("speed_measure"), script("speed_cases")
    monkeypatch.setattr(script("loop"), "measure", fails)
    rows = measure.measure_loop(cases.TOY, cases.Loop("made up", {}))
    assert [(row["contender"], row["ms"], row["error"]) for row in rows] == [
        (name, None, "RuntimeError: no memory") for name in measure.LOOP
    ]


def test_the_others_keep_their_figures_where_ours_fails(monkeypatch):
    measure, cases, ahead = script("speed_measure"), script("speed_cases"), script("ahead")
    contenders = {measure.OURS: ahead.Contender([], fails), measure.LINEN: ahead.Contender([], lambda: lambda: None)}
    monkeypatch.setattr(measure, "start_in_torch", lambda *_: (lambda: None, 2.0**20))
    case = cases.Case("dcgan", "r1", 64, False)
    ready = measure.Ready(case, cases.game_of(case, cases.TOY), contenders, dict.fromkeys(contenders, 2.0**20), 1e3, {})
    ours, *peers = measure.measure_case(cases.TOY, ready)
    assert ours["error"]
    for peer in peers:
        assert peer["error"] is peer["ours / it"] is None
        assert peer["memory_mib"] == 1
        assert all(peer[name] > 0 for name in ("ms", "matrix_share", "examples a second"))


def test_torchs_memory_is_the_peak_of_one_iteration(monkeypatch):
    """A GPU that is made up: 100 bytes are held before, its parameters take 5, and an iteration 20 on top."""
    measure, cases, held, peak = script("speed_measure"), script("speed_cases"), [100], [0]

    def take(byte: int) -> None:
        held.append(held[-1] + byte)
        peak.append(max(peak[-1], held[-1]))

    def step() -> None:
        take(1000 if len(held) < 4 else 20)  # the first iterations take more
        take(held[1] - held[-1])

    def iteration(*_: Any, compiler: str | None) -> Any:
        take(5)
        return step

    cuda = SimpleNamespace(
        is_available=lambda: True,
        memory_allocated=lambda: held[-1],
        reset_peak_memory_stats=lambda: peak.append(held[-1]),
        max_memory_allocated=lambda: peak[-1],
    )
    made = {"torch": {"cuda": cuda}, "torch_dcgan": {"nets": lambda game: None}, "torch_game": {"iteration": iteration}}
    for name, attributes in made.items():
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**attributes))
    case = cases.Case("dcgan", "r1", 64, False)
    assert measure.start_in_torch(case, cases.game_of(case, cases.TOY), None) == (step, 5 + 20)


def test_a_program_that_does_not_compile_costs_its_contender(monkeypatch):
    measure, cases, ahead = script("speed_measure"), script("speed_cases"), script("ahead")
    nets, game = ModuleType("broken_dcgan"), ModuleType("broken_game")
    nets.nets = lambda game: None  # type: ignore[attr-defined]
    game.contender = lambda game, nets: ahead.Contender(  # type: ignore[attr-defined]
        [ahead.Program(jax.jit(fails), (), 1)], fails
    )
    for module in (nets, game):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(measure, "IN_JAX", {"broken": "broken", "missing": "missing"})
    case = cases.Case("dcgan", "r1", 64, False)
    with ThreadPoolExecutor() as pool:
        ready = measure.compiling(pool, case, cases.game_of(case, cases.TOY))()
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
    cases = script("speed_cases")
    return cases.game_of(cases.Case(network, "r1", 64, False), cases.TOY)._replace(width=4)


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


def losses_of(objective: str) -> tuple[float, float]:
    """Ours, of a critic <weight, x>, whose slope is the same everywhere: the critic's and the generator's."""
    game = make_game(linear(WEIGHT), REAL, FAKE)
    given = script("ours_game").OBJECTIVES[objective]
    critic, generator = (jax.tree.leaves(jax.tree.map(jnp.mean, loss(game)[0])) for loss in given[:2])
    return float(sum(critic)), float(sum(generator))


@pytest.mark.parametrize("objective", ["wgan_gp", "r1", "hinge"])
def test_linens_losses_are_ours(objective):
    peer, critic = script("linen_game").OBJECTIVES[objective], linear(WEIGHT)
    penalty = peer.penalty(critic, jnp.asarray(REAL), jnp.asarray(FAKE), jax.random.key(0))
    both = peer.critic(critic(REAL), critic(FAKE)) + penalty, peer.generator(critic(FAKE))
    assert tuple(map(float, both)) == pytest.approx(losses_of(objective), rel=1e-5)


@pytest.mark.filterwarnings("ignore")  # of torch's own
@pytest.mark.parametrize("objective", ["wgan_gp", "r1", "hinge"])
def test_torchs_losses_are_ours(objective):
    torch = pytest.importorskip("torch")
    peer, (real, fake, weight) = script("torch_game").OBJECTIVES[objective], map(torch.tensor, (REAL, FAKE, WEIGHT))

    def critic(x: Any) -> Any:
        return x.flatten(1) @ weight.flatten()

    both = peer.critic(critic(real), critic(fake)) + peer.penalty(critic, real, fake), peer.generator(critic(fake))
    assert tuple(map(float, both)) == pytest.approx(losses_of(objective), rel=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("bfloat16", [False, True])
def test_every_layer_of_linens_networks_computes_in_the_games_dtype(network, bfloat16):
    nets, key = script(f"linen_{network}").nets(game_of(network)._replace(bfloat16=bfloat16)), jax.random.key(0)

    def outputs(net: nn.Module, *shape: int) -> Any:
        def played() -> Any:
            rngs, x = {"params": key, "dropout": key}, jnp.zeros((2, *shape))
            variables = net.init(rngs, x)
            collections = ["batch_stats", "intermediates"]
            return net.apply(variables, x, rngs={"dropout": key}, capture_intermediates=True, mutable=collections)

        return jax.eval_shape(played)[1]["intermediates"]

    made = [
        *jax.tree.leaves(outputs(nets.critic, *nets.shape)),
        *jax.tree.leaves(outputs(nets.generator, nets.latents)),
    ]
    assert {leaf.dtype for leaf in made} == {jnp.dtype(jnp.bfloat16 if bfloat16 else jnp.float32)}


GAME = {"batch_size": 8, "critic_steps": 3, "objective": "r1"}
SHAPE, LATENTS = (3, 3, 1), 4


class Mlp(nn.Module):
    """Two layers in Linen."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.Dense(math.prod(self.shape))(jnp.tanh(nn.Dense(5)(x.reshape(len(x), -1))))
        return x.reshape(len(x), *self.shape)


def mlp(shape: tuple[int, ...]) -> Network:
    """The same of ours."""

    def init(key: Any, x: Any, condition: Any) -> Any:
        return init_perceptron(key, math.prod(x.shape[1:]), math.prod(shape)), {}

    return Network(init, lambda params, stats, x, condition, mode: (perceptron(params, x).reshape(-1, *shape), stats))


def tiny(framework: str) -> Any:
    """Two networks for it."""
    of = mlp if framework == "ours" else Mlp
    return script("game").Nets(of(()), of(SHAPE), LATENTS, SHAPE)


def play(framework: str, *, penalty: bool) -> tuple[Any, Any]:
    """The state that an iteration begins with, and the one that it leaves."""
    module, game = script(f"{framework}_game"), script("game").Game(**GAME)
    with pytest.MonkeyPatch.context() as patch:
        if not penalty:
            bare = losses.non_saturating()
            if framework == "linen":
                bare = module.OBJECTIVES["r1"]._replace(penalty=lambda *_: 0.0)
            patch.setitem(module.OBJECTIVES, "r1", bare)
        contender = module.contender(game, tiny(framework))
        before = jax.tree.map(np.asarray, contender.programs[0].function(jax.random.key(0)))
        after = contender.start()()
    return before, after[0] if framework == "ours" else after


def params_of(state: Any) -> list[Any]:
    """The critic's and the generator's."""
    return list(state.params) if hasattr(state, "params") else [player.params for player in state]


def steps_of(state: Any) -> list[int]:
    """How many each one's Adam has taken."""
    adams = state.opt_state if hasattr(state, "opt_state") else [player.opt_state for player in state]
    return [int(adam[0].count) for adam in adams]


@pytest.mark.exhaustive
@pytest.mark.parametrize("framework", ["ours", "linen"])
def test_an_iteration_in_jax_is_three_critic_turns_with_a_penalty_and_one_of_the_generator(framework):
    before, after = play(framework, penalty=True)
    assert steps_of(after) == [3, 1]
    changed = jax.tree.map(lambda old, new: not np.array_equal(old, new), params_of(before), params_of(after))
    assert jax.tree.all(changed), changed
    _, other = play(framework, penalty=False)
    critics = (jax.tree.leaves(params_of(state)[0]) for state in (after, other))
    assert any(not np.allclose(with_it, without, atol=1e-6) for with_it, without in zip(*critics))


def operands(jaxpr: Any) -> Iterator[Any]:
    """The dtypes of what matrix products and convolutions take, with those of inner functions."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            yield from (variable.aval.dtype for variable in equation.invars)
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from operands(inner)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_our_matrix_products_are_of_the_games_dtype(bfloat16):
    game = script("game").Game(**GAME, width=1, norm=True, bfloat16=bfloat16)
    update = script("ours_game").contender(game, script("ours_dcgan").nets(game)).programs[1]
    dtypes = set(operands(update.function.trace(*update.arguments).jaxpr.jaxpr))
    assert dtypes == {jnp.dtype(jnp.bfloat16 if bfloat16 else jnp.float32)}


@pytest.mark.filterwarnings("ignore")  # of torch's own
@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize(("network", "objective"), [("dcgan", "r1"), ("sngan", "wgan_gp")])
def test_an_iteration_in_torch_is_three_critic_turns_with_a_penalty_and_one_of_the_generator(
    network, objective, bfloat16, monkeypatch
):
    torch = pytest.importorskip("torch")
    module, made = script("torch_game"), {}
    game = game_of(network)._replace(objective=objective, bfloat16=bfloat16, critic_steps=3, width=8, dropout=0.0)
    for dropped in (False, True):
        if dropped:
            monkeypatch.setitem(
                module.OBJECTIVES, objective, module.OBJECTIVES[objective]._replace(penalty=lambda *_: 0.0)
            )
        torch.manual_seed(0)
        nets = script(f"torch_{network}").nets(game)
        both = [list(net.parameters()) for net in (nets.critic, nets.generator)]
        before = [[p.detach().clone() for p in net] for net in both]
        steps, dtypes = watch(torch, nets, module.iteration(game, nets))
        assert steps == [id(both[0][0])] * 3 + [id(both[1][0])]
        assert dtypes == {torch.bfloat16 if bfloat16 else torch.float32}
        for old, new in zip(itertools.chain(*before), itertools.chain(*both)):
            assert new.dtype == torch.float32
            assert torch.isfinite(new).all()
            assert not torch.equal(old, new)
        made[dropped] = both[0]
    assert any(not torch.allclose(a, b, atol=1e-6) for a, b in zip(*made.values()))


def watch(torch: Any, nets: Any, step: Any) -> tuple[list[int], set[Any]]:
    """Of one iteration: whose optimizer stepped, by the first parameter; what the layers with a kernel gave."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    steps: list[int] = []
    dtypes = set()
    stepped = register_optimizer_step_post_hook(lambda adam, *_: steps.append(id(adam.param_groups[0]["params"][0])))
    kernels = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    for layer in [layer for net in (nets.critic, nets.generator) for layer in net.modules()]:
        if isinstance(layer, kernels):
            layer.register_forward_hook(lambda layer, given, made: dtypes.add(made.dtype))
    step()
    stepped.remove()
    return steps, dtypes
