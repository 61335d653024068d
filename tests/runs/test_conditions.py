"""A run on pairs of images: samples get conditions held out, without the data too; schedules go on where they were."""

import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from command_line import refused
from PIL import Image

from gan_jax import parallel
from gan_jax.cli import main as cli
from gan_jax.models.open import open_model
from gan_jax.runs.checkpoint import restore
from gan_jax.runs.folder import open_run
from gan_jax.runs.games import abstract_state, dealt, keys_of, make_program
from gan_jax.runs.rollback import slower

PAIRS = '''"""Right halves of images from left ones."""

from pathlib import Path

import flax.linen as nn
import jax.numpy as jnp
import optax

from gan_jax import Experiment, Players, losses, measures, priors, views
from gan_jax.data import images, paired
from gan_jax.nets import from_linen
from gan_jax.types import Features, Seen


class Critic(nn.Module):
    @nn.compact
    def __call__(self, x, condition, mode):
        return nn.Dense(1)(jnp.concatenate([x, condition], 2).reshape(len(x), -1))[:, 0]


class Generator(nn.Module):
    @nn.compact
    def __call__(self, z, condition, mode):
        return condition + 0 * nn.Dense(16)(z).reshape(-1, 4, 4, 1)


def experiment(*, steps: int = 4, batch_size: int = 8, folder: Path = Path("pairs")) -> Experiment:
    data = paired(images(folder, size=(4, 8), channels=1))
    rate = optax.cosine_decay_schedule(0.1, 8)
    optimizer = optax.inject_hyperparams(optax.adam)(rate, b1=0.0, b2=lambda step: 0.9 + step / 100)
    pixels = Features("pixels", "none", "none", lambda x: Seen(x.reshape(len(x), -1)))
    return Experiment(
        data=data,
        nets=Players(from_linen(Critic()), from_linen(Generator())),
        objective=losses.hinge(),
        optimizers=Players(optimizer, optimizer),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        ema_decay=lambda step: 0.5 ** (1 / step),
        view=views.beside(data.held_out),
        measure=measures.images(pixels),
    )
'''
EVERY = "--batch-size 8 --log-every 1 --save-every 2 --sample-every 2 --num-samples 4".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A folder with 24 pairs, whose right halves are 100 lighter, and a run of four steps on them."""
    root = tmp_path_factory.mktemp("begun")
    (root / "pairs").mkdir()
    for shade in range(24):
        halves = np.full((4, 8), 5 * shade, np.uint8)
        halves[:, 4:] += 100
        Image.fromarray(halves).save(root / "pairs" / f"{shade:02d}.png")
    (root / "pairs.py").write_text(PAIRS)
    arguments = ["--folder", str(root / "pairs"), "--run-dir", str(root / "run"), *EVERY]
    cli.main(["train", str(root / "pairs.py"), *arguments])
    return root


@pytest.fixture
def here(begun, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(begun / "run", "run")
    return begun


def hide(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["arguments"]["folder"] = str(Path("gone").absolute())
    (run / "config.json").write_text(json.dumps(config))


def state_of(run: Path, experiment=None):
    opened = open_run(run)
    return restore(opened.checkpoints, abstract_state(experiment or opened.experiment()))


def test_samples_are_drawn_without_the_data_under_the_conditions_held_out(here):
    with_data = open_run(Path("run")).experiment().data.conditions
    hide(Path("run"))
    model = open_model(Path("run"))
    np.testing.assert_array_equal(model.conditions, with_data)
    np.testing.assert_array_equal(model.sample(0, 30), with_data[np.arange(30) % 24])
    np.testing.assert_array_equal(model.walk(0, 3, 2), np.repeat(with_data[:3, None], 2, 1))


def test_a_picture_has_each_condition_to_the_left_of_its_sample(here):
    hide(Path("run"))
    cli.main(["sample", "run", "--num", "1", "--out", "one.png"])
    pixels = np.asarray(Image.open("one.png"))
    half = pixels.shape[1] // 2
    assert pixels.shape[1] == 2 * pixels.shape[0]
    np.testing.assert_array_equal(pixels[:, :half], pixels[:, half:])  # this generator copies its condition


def test_conditions_of_a_broken_memory_are_refused_in_a_line(here, capsys):
    memory = json.loads(Path("run/data.json").read_text())
    memory[1]["data"]["arrays"][0][2] = "AAAA"
    Path("run/data.json").write_text(json.dumps(memory))
    assert "run/data.json is missing or broken" in refused(capsys, "sample", "run")


def test_figures_are_of_samples_under_the_real_examples_conditions(here):
    cli.main(["evaluate", "run", "--num", "24"])
    (result,) = json.loads(Path("run/result.json").read_text())["results"]
    assert result["protocol"]["conditions"] == "of the real examples, in their order"
    assert result["protocol"]["data"].endswith("given the left half")
    assert "classes" not in result["protocol"]


def test_a_run_that_goes_on_is_the_run_in_one_schedules_included(here):
    shutil.rmtree("run/checkpoints/4")
    cli.main(["resume", "run"])
    for one, other in zip(*(jax.tree.leaves(state_of(run)) for run in (here / "run", Path("run"))), strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
    assert (here / "run/metrics.jsonl").read_bytes() == Path("run/metrics.jsonl").read_bytes()


def test_the_optimisers_own_schedules_are_in_the_checkpoint_and_a_rollback_keeps_them(here):
    experiment = open_run(Path("run")).experiment()
    state = state_of(Path("run"), slower(experiment, 0.5))
    for optimizer in state.opt_state:
        assert int(optimizer.count) == 4
        assert float(optimizer.hyperparams["b2"]) == pytest.approx(0.9 + 3 / 100)


def test_several_games_have_a_schedule_each(here):
    experiment = open_run(Path("run")).experiment()
    init, update = make_program(experiment, "jit", 2)
    keys = keys_of(0, 2)
    state, _ = update(init(keys.init), next(dealt(experiment, keys, 2, 0)), keys.game)
    assert state.opt_state.critic.hyperparams["b2"].shape == (2,)


@pytest.mark.exhaustive
def test_batches_of_conditions_are_split_over_the_devices(here, monkeypatch):
    experiment, keys = open_run(Path("run")).experiment(), keys_of(0)

    def played(form: str, devices: int):
        mesh = jax.make_mesh((devices,), (parallel.AXIS,), devices=jax.devices()[:devices],
                             axis_types=(jax.sharding.AxisType.Auto,))  # fmt: skip
        monkeypatch.setattr(parallel, "make_mesh", lambda: mesh)
        init, update = make_program(experiment, form)
        return jax.device_get(update(init(keys.init), next(dealt(experiment, keys, 1, 0)), keys.game)[1])

    one = played("jit", 1)
    for other in (played("jit", 8), played("pmap", 8)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), one, other)
