"""The benchmarks at a tiny size: each gives the rows that it says. The harness, on times that are made up."""

import importlib
import importlib.util
import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import parallel
from gan_jax.nets.conv import conv, cpu, downsample, upsample
from gan_jax.nets.conv.geometry import geometry_of
from gan_jax.runs.games import make_program
from gan_jax.types import Batch
from gan_jax.update import deal

FOLDER = Path(__file__).parents[2] / "experiments" / "benchmarks"
TINY = '''"""A tiny game."""

import optax

from gan_jax import losses, priors, views
from gan_jax.data.packaged.points2d import gaussians8
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.types import Players


def experiment(*, steps: int = 4, batch_size: int = 8) -> Experiment:
    """Train a tiny game."""
    return Experiment(
        data=gaussians8(),
        nets=Players(critic=mlp.critic(width=4, depth=1), generator=mlp.generator(width=4, depth=1)),
        objective=losses.non_saturating(),
        optimizers=Players(optax.sgd(0.1), optax.sgd(0.1)),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        view=views.points,
    )
'''

pytestmark = pytest.mark.usefixtures("on_the_path")


@pytest.fixture
def on_the_path(monkeypatch):
    """The benchmarks import each other as files of one folder."""
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.fixture
def without_peers(monkeypatch):
    """As where no other library is installed."""
    for name in ("torch_points", "torch_dcgan", "torch_voxels", "tensorflow_dcgan"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("torch", "tensorflow"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def tiny(tmp_path):
    """The file of a tiny experiment."""
    file = tmp_path / "tiny.py"
    file.write_text(TINY)
    return file


def script(name: str) -> ModuleType:
    return importlib.import_module(name)


def table(out: Path) -> list[dict[str, Any]]:
    """The rows that a script has written; every figure is a positive number."""
    written = json.loads(out.read_text())
    assert written["title"]
    assert written["machine"]["jax"] == jax.__version__
    for row in written["table"]:
        assert all(cell > 0 for cell in row.values() if isinstance(cell, float))
    return written["table"]


@pytest.mark.parametrize("folder", ["benchmarks", "accelerator"])
def test_no_script_shares_its_name_with_a_module_that_the_tests_import(folder):
    tests = Path(__file__).parents[1]
    helpers = {file.stem for place in (tests, tests / "metrics", tests / "features") for file in place.glob("*.py")}
    scripts = {file.stem for file in (FOLDER.parent / folder).glob("*.py")}
    assert scripts
    assert not scripts & helpers  # whichever is imported first hides the other


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    times = {"one": [2.0, 6.0, 90.0], "other": [1.0, 2.0, 90.0]}
    assert script("side_by_side").ratio(times, "one", "other") == 2.0  # of 2, 3 and 1; the medians' ratio is 3


def test_a_race_alternates_and_does_not_count_its_first_round(monkeypatch):
    side_by_side = script("side_by_side")
    order: list[str] = []
    seconds = {"a": iter([100.0, 1.0, 2.0]), "b": iter([100.0, 3.0, 4.0])}
    now = 0.0

    def contender(name: str) -> None:
        nonlocal now
        order.append(name)
        now += next(seconds[name])

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    times = side_by_side.race({"a": lambda: contender("a"), "b": lambda: contender("b")}, 2)
    assert order == ["a", "b"] * 3
    assert times == {"a": [1.0, 2.0], "b": [3.0, 4.0]}


def test_a_contender_goes_on_from_the_state_that_it_left():
    seen = []

    def update(state: int, step: int) -> tuple[int, dict[str, int]]:
        seen.append(state)
        return state + step, {}

    run = script("side_by_side").advancing(update, 10, 5)
    run()
    run()
    assert seen == [10, 15]


def test_a_report_is_a_markdown_table_and_the_same_as_json(tmp_path, capsys):
    out = tmp_path / "out.json"
    script("side_by_side").report("Made up", ["what", "ms"], [["one", 1234.5678], ["other", None]], out, rounds=3)
    printed = capsys.readouterr().out
    assert "Made up\n" in printed
    assert f"jax {jax.__version__}" in printed
    assert printed.endswith("| what | ms |\n| --- | --- |\n| one | 1.23e+03 |\n| other | - |\n")
    written = json.loads(out.read_text())
    assert written["table"] == [{"what": "one", "ms": 1234.5678}, {"what": "other", "ms": None}]
    assert written["rounds"] == 3


def test_each_form_is_compiled_as_it_says(tmp_path, monkeypatch):
    forms, compiled = script("forms"), []

    def make():
        kernels = parallel.compiler_options().get("xla_cpu_experimental_ynn_fusion_type", "XLA's own")
        form = cpu.fastest_module(geometry_of((8,), (5,), 2, "SAME"), jnp.zeros((2, 8, 3)), 3, 4).__name__
        compiled.append((kernels.count("LIBRARY_FUSION_TYPE") if "_" in kernels else kernels, form.split(".")[-1]))
        return lambda: None

    monkeypatch.setattr(forms, "CASES", {"made up": forms.Case(make, "phases")})
    monkeypatch.setattr(parallel, "compiler_options", lambda: {"xla_cpu_experimental_ynn_fusion_type": "trained"})
    forms.main(rounds=1, cases=("made up",), json=tmp_path / "out.json")
    rows = table(tmp_path / "out.json")
    assert [row["form"] for row in rows] == [forms.TRAINED, *forms.KERNELS, "without phases.py"]
    assert compiled == [
        ("trained", "phases"),
        ("XLA's own", "phases"),
        *[(number, "phases") for number in (1, 3, 4)],
        ("", "phases"),
        ("trained", "direct"),
    ]


@pytest.mark.exhaustive
@pytest.mark.usefixtures("without_peers")
def test_an_iteration_without_peers_leaves_them_out_by_name(tmp_path, capsys):
    out = tmp_path / "out.json"
    script("iteration").main(batch_size=8, width=1, critic_steps=1, rounds=1, leave_out=("plain Linen",), json=out)
    assert [row["contender"] for row in table(out)] == ["gan_jax", "bound"]
    left_out = {"PyTorch eager": "torch", "PyTorch compiled": "torch", "TensorFlow graph": "tensorflow"}
    printed = capsys.readouterr().out
    for peer, package in left_out.items():
        assert f"{peer} is left out: {package} isn't installed" in printed


@pytest.mark.exhaustive
@pytest.mark.usefixtures("without_peers")
def test_points_without_torch_are_of_ours_alone(tmp_path, capsys):
    script("points").main(widths=(4,), batch_size=8, iterations=2, rounds=1, json=tmp_path / "out.json")
    (row,) = table(tmp_path / "out.json")
    assert list(row) == ["width", "gan_jax ms", "PyTorch eager ms", "gan_jax / PyTorch eager"]
    assert row["width"] == 4
    assert row["PyTorch eager ms"] is None
    assert "PyTorch eager is left out: torch isn't installed" in capsys.readouterr().out


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch isn't installed")
@pytest.mark.filterwarnings("ignore")  # of torch's own
def test_points_with_torch_are_of_both(tmp_path):
    script("points").main(widths=(4,), batch_size=8, iterations=2, rounds=1, json=tmp_path / "out.json")
    (row,) = table(tmp_path / "out.json")
    assert None not in row.values()


def test_the_points_of_one_timing_are_all_different():
    ours = script("ours_points")
    points = ours.draw(ours.make(width=4, batch_size=8), 3)
    assert points.shape == (3, 6 * 8, 2)
    assert len(jnp.unique(points.reshape(-1, 2), axis=0)) == 3 * 6 * 8


def test_the_critics_part_of_an_update_is_the_same_critic_and_the_generator_as_it_was():
    ours = script("ours_points")
    experiment = ours.make(width=4, batch_size=8)
    init, update = make_program(experiment, "jit")
    batches = deal(experiment.turns, Batch(ours.draw(experiment, 1)[0]))
    key = jax.random.key(0)
    before = jax.tree.map(np.asarray, init(key).params)
    whole, metrics = update(init(key), batches, key)
    part, critics_metrics = script("scanned").critics_part(update)(init(key), batches, key)
    for tree, same in ((part.params.critic, whole.params.critic), (part.params.generator, before.generator)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), tree, same)
    assert critics_metrics.keys() == {name for name in metrics if name.startswith("critic/")}


@pytest.mark.exhaustive
def test_scaling_has_a_row_for_each_case(tmp_path):
    script("scaling").main((8,), (28,), (2,), batch_size=8, width=1, rounds=1, json=tmp_path / "out.json")
    assert [row["case"] for row in table(tmp_path / "out.json")] == [
        "batch 8",
        "28x28",
        "devices: 2",
        "5 critic turns, a call each",
        "5 critic turns, scanned",
    ]


def test_time_an_image_is_compared_with_that_of_the_groups_first():
    scaling = script("scaling")
    cases = {"few": scaling.Case(lambda: None, 10), "many": scaling.Case(lambda: None, 40)}
    rows = scaling.table(cases, {"few": [1.0, 2.0, 2.0], "many": [2.0, 4.0, 4.0]})
    assert rows == [["few", 2000.0, 200.0, 1.0], ["many", 4000.0, 100.0, 0.5]]


@pytest.mark.exhaustive
@pytest.mark.usefixtures("without_peers")
def test_memory_without_torch_is_of_ours_alone_which_compiles_but_once(tmp_path, capsys, monkeypatch):
    memory = script("memory")
    measure, kept = memory.in_a_process, []

    def counted(module: str, game: Any, cache: str) -> dict[str, float]:
        measured = measure(module, game, cache)
        kept.append(len(list(Path(cache).glob("*-cache"))))
        return measured

    monkeypatch.setattr(memory, "in_a_process", counted)
    memory.main(batch_sizes=(8,), width=1, rounds=1, json=tmp_path / "out.json")
    (row,) = table(tmp_path / "out.json")
    assert (row["batch"], row["contender"]) == (8, "gan_jax")
    assert 0 < row["of training MiB"] < row["peak MiB"]
    assert 0 < kept[0] == kept[1]
    assert "PyTorch eager is left out: torch isn't installed" in capsys.readouterr().out


@pytest.mark.exhaustive
def test_the_loop_is_timed_between_checkpoints_and_over_an_interval(tmp_path, tiny):
    script("loop").main(tiny, interval=4, rounds=1, json=tmp_path / "out.json")
    assert [row["what"] for row in table(tmp_path / "out.json")] == ["bare update", "loop, quiet", "loop, interval"]


@pytest.mark.exhaustive
def test_startup_has_two_starts_and_two_commands(tmp_path, tiny, monkeypatch):
    startup = script("startup")
    run, commands = startup.gan_jax, []

    def recorded(*arguments: str) -> None:
        if not commands:
            run(*arguments)  # a real start takes seconds: one will do
        commands.append(arguments)

    monkeypatch.setattr(startup, "gan_jax", recorded)
    startup.main(tiny, rounds=1, json=tmp_path / "out.json")
    rows = table(tmp_path / "out.json")
    assert [row["gan-jax"] for row in rows] == ["train, first start", "train, second start", "--help", "list"]
    assert [command[0] for command in commands] == ["train", "train", "--help", "list"] * 2
    starts = [command for command in commands if command[0] == "train"]
    caches, runs = ([start[start.index(name) + 1] for start in starts] for name in ("--compile-cache", "--run-dir"))
    assert caches[0] == caches[1] != caches[2] == caches[3]  # a fresh one each round
    assert len(set(runs)) == 4


@pytest.mark.exhaustive
def test_a_kind_has_a_row_and_its_contenders_play_in_processes_of_their_own(tmp_path, monkeypatch, capsys):
    kinds = script("kinds")
    monkeypatch.setattr(kinds.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(kinds, "CASES", [case._replace(game=kinds.Game(2, 2, 1)) for case in kinds.CASES[3:4]])
    kinds.main(rounds=1, json=tmp_path / "out.json")
    rows = table(tmp_path / "out.json")
    assert len(rows) == 1
    assert {(row["width"], row["batch"], row["PyTorch eager ms"]) for row in rows} == {(2, 2, None)}
    assert "PyTorch eager is left out: torch isn't installed" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["r3gan", "stylegan2"])
def test_the_peer_in_pytorch_has_as_many_parameters_as_ours(name):
    pytest.importorskip("torch", reason="torch isn't installed")
    nets = script(f"ours_{name}").nets(16)
    inputs = (jnp.zeros((4, *nets.shape)), jnp.zeros((4, nets.latents)))
    peers = script(f"torch_{name}").make_nets(16)
    for ours, x, peer in zip((nets.critic, nets.generator), inputs, peers, strict=True):
        params, _ = jax.eval_shape(ours.init, jax.random.key(0), x, None)
        assert sum(leaf.size for leaf in jax.tree.leaves(params)) == sum(leaf.numel() for leaf in peer.parameters())


def test_each_convolution_and_map_has_a_row(tmp_path, monkeypatch):
    convolutions = script("convolutions")
    monkeypatch.setattr(convolutions.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(convolutions, "CASES", [convolutions.Case(4, 4, groups=2, batch=1)])
    monkeypatch.setattr(convolutions, "RESAMPLED", [convolutions.Case(4, 2, batch=1)])
    convolutions.main(rounds=1, calls=1, json=tmp_path / "out.json")
    rows = table(tmp_path / "out.json")
    assert [(row["what"], row["map"]) for row in rows] == [
        *(("3x3", name) for name in convolutions.MAPS),
        *((what, name) for what in ("upsample", "downsample") for name in convolutions.MAPS[:2]),
    ]


@pytest.mark.parametrize("groups", [1, 4])
def test_the_peers_convolutions_are_ours(groups):
    pytest.importorskip("torch", reason="torch isn't installed")
    convolutions, peer = script("convolutions"), script("torch_convolutions")
    x, kernel = convolutions.arrays(convolutions.Case(6, 8, groups, batch=2))
    ours = convolutions.ours_of(lambda x, w: conv(x, w, groups=groups), x, kernel)
    for name, contenders in peer.convolutions(x, kernel, groups).items():
        for run in contenders:
            for one, other in zip(in_order(ours[name]()), in_order(run()), strict=True):
                assert_as_torch(one, other)


@pytest.mark.parametrize("what", ["upsample", "downsample"])
def test_the_peers_resampling_is_ours(what):
    pytest.importorskip("torch", reason="torch isn't installed")
    convolutions, peer = script("convolutions"), script("torch_convolutions")
    x, kernel = convolutions.arrays(convolutions.Case(6, 8, batch=2))
    function = {"upsample": upsample, "downsample": downsample}[what]
    ours = convolutions.ours_of(lambda x, _: function(x), x, kernel)
    for name, contenders in peer.resampling(x, what).items():
        for run in contenders:
            assert_as_torch(in_order(ours[name]())[0], in_order(run())[0])


@pytest.mark.parametrize(("up", "ours"), [(True, upsample), (False, downsample)])
def test_the_resampling_of_r3gans_peer_is_ours(up, ours):
    torch = pytest.importorskip("torch", reason="torch isn't installed")
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    theirs = script("torch_r3gan").Resample(up=up)(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(ours(x), theirs.numpy(), atol=1e-6)


def in_order(results):
    """A contender's arrays as a list."""
    return list(results) if isinstance(results, tuple) else [results]


def assert_as_torch(ours, theirs):
    """Our images are [B, H, W, C] and our kernels [H, W, C, F]; PyTorch's [B, C, H, W] and [F, C, H, W]."""
    theirs = theirs.detach().numpy()
    order = (0, 2, 3, 1) if ours.shape[0] == theirs.shape[0] else (2, 3, 1, 0)
    np.testing.assert_allclose(ours, theirs.transpose(order), atol=1e-4 * np.abs(theirs).max())
