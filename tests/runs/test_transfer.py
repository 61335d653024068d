"""`train --init-from`: a run starts from another one's weights; `--freeze`: some of them stay as they are."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from command_line import TINY, files, refused

from gan_jax.cli import main as cli
from gan_jax.runs import transfer
from gan_jax.runs.checkpoint import restore_parts
from gan_jax.runs.folder import open_run
from gan_jax.runs.freeze import keeping
from gan_jax.runs.games import make_program
from gan_jax.runs.options import Options
from gan_jax.runs.transfer import account, first_state, read
from gan_jax.trees import named
from gan_jax.types import Players, TrainState

STATES = """
import jax.numpy as jnp
import optax

from gan_jax import losses, penalties, priors, views
from gan_jax.constraints import spectral_norm
from gan_jax.data.packaged.points2d import gaussians8
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.objectives import add
from gan_jax.types import Augment, Players

COUNTING = Augment(lambda: jnp.zeros(()), lambda state, keys, x, step: x, lambda state, game: state + 1)


def experiment(*, steps: int = 2, batch_size: int = 16) -> Experiment:
    return Experiment(
        data=gaussians8(),
        nets=Players(spectral_norm(mlp.critic(width=6, depth=1)), spectral_norm(mlp.generator(width=6, depth=1))),
        objective=add(adversarial=losses.hinge(), lecam=penalties.lecam()),
        optimizers=Players(optax.adam(0.1), optax.adam(0.1)),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        augment=COUNTING,
        view=views.points,
    )
"""
EVERY = ["--log-every", "1", "--save-every", "2", "--sample-every", "2", "--num-samples", "4"]
PARTS = ("step", "params", "stats", "ema")


def train(folder: str, *arguments: str, file: str = "tiny.py") -> Path:
    cli.main(["train", file, "--run-dir", folder, *EVERY, *arguments])
    return Path(folder)


def saved(run: Path) -> dict:
    """The arrays of the newest checkpoint, by their names."""
    return named(restore_parts(run / "checkpoints", TrainState._fields))


def first(source: Path, folder: str, *arguments: str, file: str = "tiny.py") -> dict:
    """The arrays that a run starts with."""
    return saved(train(folder, "--steps", "0", "--init-from", str(source), *arguments, file=file))


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(TINY)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, Path]:
    """Runs to start from, each of two steps."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "tiny.py").write_text(TINY)
    (folder / "states.py").write_text(STATES)
    return {
        "one": train(str(folder / "one"), "--steps", "2", file=str(folder / "tiny.py")),
        "two games": train(str(folder / "two"), "--steps", "2", "--num-seeds", "2", file=str(folder / "tiny.py")),
        "states": train(str(folder / "states"), file=str(folder / "states.py")),
    }


def test_both_players_and_the_average_are_copied_and_everything_else_is_fresh(sources):
    source = sources["states"]
    shutil.copy(source / "experiment.py", "states.py")
    found = first(source, "new", file="states.py")
    fresh, trained = saved(train("fresh", "--steps", "0", file="states.py")), saved(source)
    assert found.keys() == fresh.keys() == trained.keys()
    assert {name.partition("/")[0] for name in found} == set(TrainState._fields)
    assert any(name.startswith("ema/stats/") for name in found)
    for name, x in found.items():
        np.testing.assert_array_equal(x, (trained if name.partition("/")[0] in PARTS[1:] else fresh)[name], name)


@pytest.mark.parametrize(("name", "games"), [("one", 2), ("two games", 1), ("two games", 3)])
def test_each_game_starts_from_that_of_its_number_counted_around(sources, name, games):
    theirs = [x if name == "two games" else x[None] for x in saved(sources[name]).values()]
    ours = first(sources[name], "new", "--num-seeds", str(games))
    for (name, x), y in zip(ours.items(), theirs):
        if name.partition("/")[0] in PARTS[1:]:
            for number, game in enumerate(x if games > 1 else x[None]):
                np.testing.assert_array_equal(game, y[number % len(y)])


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "step 2: 8 of 8 arrays\n"),
        (
            ["--width", "4"],
            "step 2: 2 of 8 arrays; keep their own start: critic/Dense_0, critic/Dense_1/kernel [4, 1] here, [8, 1] "
            "there, generator/Dense_0, generator/Dense_1/kernel [4, 2] here, [8, 2] there\n",
        ),
    ],
)
def test_what_does_not_fit_is_named(sources, capsys, arguments, line):
    first(sources["one"], "new", *arguments)
    assert f"gan-jax: init-from {sources['one']}, {line}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("own", "fitting", "line"),
    [
        ({"params/critic": (2,), "params/generator": (3,)}, ["params/generator"], "1 of 2 arrays"),
        ({"params/critic/a/b": (2,), "params/critic/c": (2,)}, ["params/critic/c"], "1 of 2 arrays; keep .* critic/a"),
        ({"params/critic/a1/b": (2,), "params/critic/a": (2,)}, ["params/critic/a"], "1 of 2 .*: critic/a1"),
        ({"stats/critic/a": (2,), "params/critic/b": (1,)}, ["params/critic/b"], "1 of 2 arrays.*: critic/a"),
        ({"ema/params/a": (2,), "params/generator/a": (2,)}, ["params/generator/a", "ema/params/a"], "1 of 1 arrays"),
    ],
)
def test_a_layer_without_a_copied_array_is_named_as_a_whole(own, fitting, line):
    assert re.match(line, account(own, {}, fitting))


@pytest.mark.parametrize("decay", ["0.9", "lambda step: 0.9 * step"])
def test_the_average_goes_on_from_the_copied_one_with_its_last_decay(sources, decay):
    Path("tiny.py").write_text(TINY.replace("view=views.points", f"view=views.points, ema_decay={decay}"))
    found = saved(train("new", "--steps", "1", "--init-from", str(sources["one"])))
    theirs = saved(sources["one"])
    averaged = [name for name in found if name.startswith("ema/params/")]
    assert averaged
    for name in averaged:
        newest = found[name.replace("ema/params/", "params/generator/")]
        np.testing.assert_allclose(found[name], 0.9 * theirs[name] + 0.1 * newest, rtol=1e-5, atol=1e-7)


def test_kept_arrays_are_those_of_a_run_without_init_from(sources):
    found, fresh = first(sources["one"], "new", "--width", "4"), saved(train("fresh", "--steps", "0", "--width", "4"))
    for name in ("params/critic/Dense_0/kernel", "params/generator/Dense_1/kernel", "ema/params/Dense_0/bias"):
        np.testing.assert_array_equal(found[name], fresh[name])


def test_the_same_command_gives_the_same_bytes_and_the_source_stays(sources):
    before = files(sources["one"])
    for name in ("a", "b"):
        train(name, "--steps", "4", "--init-from", str(sources["one"]))
    for name in ("metrics.jsonl", "samples/step_0000004.png"):
        assert (Path("a") / name).read_bytes() == (Path("b") / name).read_bytes()
    assert files(sources["one"]) == before


@pytest.mark.parametrize("killed", ["before its first checkpoint", "after it"])
def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(sources, killed):
    shutil.copytree(sources["one"], "source")
    whole = train("whole", "--steps", "4", "--init-from", "source", "--freeze", "critic/Dense_0")
    train("run", "--steps", "2" if killed == "after it" else "0", "--init-from", "source", "--freeze", "critic/Dense_0")
    if killed == "after it":
        shutil.rmtree("source")  # the run needs it no more
    else:
        shutil.rmtree("run/checkpoints")
    cli.main(["resume", "run", "--steps", "4"])
    assert saved(Path("run")).keys() == saved(whole).keys()
    jax.tree.map(np.testing.assert_array_equal, saved(Path("run")), saved(whole))


def test_a_run_killed_before_its_first_checkpoint_does_not_start_from_other_weights(sources, capsys):
    shutil.copytree(sources["one"], "source")
    train("run", "--steps", "0", "--init-from", "source")
    shutil.rmtree("run/checkpoints")
    cli.main(["resume", "source", "--steps", "4"])
    said = refused(capsys, "resume", "run", "--steps", "2")
    assert "its weights have changed since, and this run saved none: start it again" in said


def test_the_configuration_names_the_run_in_any_working_directory_and_its_weights(sources, tmp_path, monkeypatch):
    monkeypatch.chdir(sources["one"].parent)
    run = open_run(train(str(tmp_path / "new"), "--steps", "0", "--init-from", "one", file=str(tmp_path / "tiny.py")))
    assert run.options.init_from == sources["one"].absolute()
    weights = json.loads(run.config.read_text())["weights"]
    assert run.weights == weights == read(run.options, run.experiment(), weights).sha256
    assert open_run(sources["one"]).weights is None


def unsaved(source: Path) -> None:
    for seal in source.glob("checkpoints/*/SHA256SUMS"):
        seal.unlink()


@pytest.mark.parametrize(
    ("spoil", "arguments", "line"),
    [
        (lambda source: shutil.rmtree(source), [], "source isn't a run (it has no config.json)"),
        (unsaved, [], "source/checkpoints: no finished checkpoint in it"),
        (None, ["--init-checkpoint", "best"], "no whole checkpoint was evaluated"),
        (None, ["--freeze", "critic/Dense_9"], "there are critic/Dense_0, critic/Dense_1, generator/Dense_0, gen"),
        (None, ["--freeze", "critic/Dense_0,"], "freeze '': there is no such layer"),
        (None, ["--freeze", "critic/Dense_0", "--width", "4"], "has nothing that fits critic/Dense_0/bias"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_no_run(sources, capsys, spoil, arguments, line):
    shutil.copytree(sources["one"], "source")
    if spoil:
        spoil(Path("source"))
    said = refused(capsys, "train", "tiny.py", "--run-dir", "new", "--init-from", "source", *arguments)
    assert line in said
    assert "--freeze" in arguments or said.startswith("gan-jax: --init-from source: ")


def test_a_run_of_which_nothing_fits_is_refused(sources, capsys, monkeypatch):
    other = {"params": {"critic": {"Conv_0": np.ones(3)}}, "stats": {}, "ema": {}}
    monkeypatch.setattr(transfer, "restore_parts", lambda *given: {"step": np.array(2), **other})
    said = refused(capsys, "train", "tiny.py", "--run-dir", "new", "--init-from", str(sources["one"]))
    assert "none of its 1 arrays has the name and shape of one here" in said


def test_the_weights_of_a_game_that_diverged_are_refused(sources, capsys, monkeypatch):
    def one_diverged(*given):
        return jax.tree.map(lambda x: np.where(np.arange(len(x)) == 1, np.nan, x.T).T, restore_parts(*given))

    monkeypatch.setattr(transfer, "restore_parts", one_diverged)
    given = ["--init-from", str(sources["two games"]), "--num-seeds"]
    said = refused(capsys, "train", "tiny.py", "--run-dir", "new", *given, "2")
    assert "it has diverged, as ema/params/Dense_0/bias isn't finite" in said
    train("new", "--steps", "0", *given, "1")  # the other game's are whole


def test_freezing_goes_with_init_from(capsys):
    said = refused(capsys, "train", "tiny.py", "--run-dir", "new", "--freeze", "critic/Dense_0")
    assert "add --init-from RUN" in said


def test_frozen_layers_stay_to_the_last_bit_and_all_others_move(sources):
    start = saved(sources["one"])
    arguments = [
        "--steps",
        "3",
        "--init-from",
        str(sources["one"]),
        "--freeze",
        "critic/Dense_0, generator/Dense_1/bias",
    ]
    after = saved(train("new", *arguments))
    same = {name for name in start if name.startswith("params/") and np.array_equal(start[name], after[name])}
    without_gradient = "critic/Dense_1/bias"  # of a relativistic loss
    frozen = ["critic/Dense_0/kernel", "critic/Dense_0/bias", "generator/Dense_1/bias"]
    assert same == {f"params/{name}" for name in [*frozen, without_gradient]}


@pytest.mark.parametrize(
    "optimizer",
    [optax.adamw(0.1), optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1))],
    ids=["weight decay", "clipped by the norm of all gradients"],
)
def test_what_is_not_frozen_moves_as_if_it_were_all(optimizer):
    params = {"still": jnp.full(3, 2.0), "moves": {"still": jnp.ones(2), "stills": jnp.ones(2)}}
    grads = jax.tree.map(lambda x: 5 * x, params)
    kept = keeping(optimizer, "critic", ["critic/still", "critic/moves/still"])
    found, _ = kept.update(grads, kept.init(params), params)
    others = {"stills": params["moves"]["stills"]}
    expected, _ = optimizer.update({"stills": grads["moves"]["stills"]}, optimizer.init(others), others)
    np.testing.assert_array_equal(found["moves"]["stills"], expected["stills"])
    assert not np.any(found["still"])
    assert not np.any(found["moves"]["still"])


def test_optimisers_start_from_the_copied_weights(sources):
    """A state that holds parameters, as those of lookahead and schedule-free optimisers do, and may be donated."""
    experiment = open_run(sources["one"]).experiment()
    holding = optax.GradientTransformation(lambda params: params, lambda grads, state, params=None: (grads, state))
    experiment = dataclasses.replace(experiment, optimizers=Players(holding, holding))
    options = Options(init_from=sources["one"])
    init, _ = make_program(experiment, "jit")
    state = first_state(init, experiment, options, read(options, experiment))
    jax.tree.map(np.testing.assert_array_equal, state.opt_state, state.params)
    theirs = restore_parts(sources["one"] / "checkpoints", ["params"])
    jax.tree.map(np.testing.assert_array_equal, named(state.params), named(theirs["params"]))
    jax.jit(lambda state: state, donate_argnums=0)(state)
