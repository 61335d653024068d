"""Every option of the commands that draw from a run and measure it changes what it says, and no more of the stamp."""

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_jax.cli import main as cli
from gan_jax.cli.evaluate import evaluate
from gan_jax.cli.neighbours import neighbours
from gan_jax.cli.sample import sample
from gan_jax.storage import provenance

# The critic is the mean of an image and stays; a generator of its own level grows brighter with every update, and
# measures best where it is darkest, at the first evaluation.
BRIGHTENING = '''"""A generator that grows brighter."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax import losses, priors
from gan_jax.data.packaged.digits import digits
from gan_jax.experiment import Experiment
from gan_jax.types import Measure, Network, Players

MEASURE = Measure(
    look=lambda batch: np.asarray(batch).reshape(len(batch), -1),
    summarise=lambda batches: np.concatenate(list(batches)),
    compare=lambda real, fake: {"mean": fake.mean(), "real": real.mean()},
    collapsed=lambda figures: False,
    better={"mean": "lower"},
    best="mean",
    num=20,
    protocol=lambda real: {"measure": "means"},
)


def experiment(*, steps: int = 3, batch_size: int = 8) -> Experiment:
    """Train it."""
    critic = Network(
        lambda *_: (jnp.ones(()), {}), lambda params, stats, x, condition, mode: (params * x.mean((1, 2, 3)), stats)
    )
    generator = Network(
        lambda key, z, condition: (jax.random.uniform(key) / 4, {}),
        lambda params, stats, z, condition, mode: (params + z.reshape(-1, 28, 28, 1) / 9, stats),
    )
    return Experiment(
        data=digits(),
        nets=Players(critic, generator),
        objective=losses.wasserstein(),
        optimizers=Players(optax.sgd(0.0), optax.sgd(0.1)),
        prior=priors.normal(784),
        steps=steps,
        batch_size=batch_size,
        measure=MEASURE,
    )
'''
OWN = "def patches(x):\n    return x.reshape(len(x), 7, 4, 7, 4).mean((2, 4)).reshape(len(x), -1)[:, 22:27]\n"
ELSEWHERE = {
    "run",
    "model",
    "data",
    "weights",
    "compiled",
    "json",
    "suffix",
    "out",
    "sign",
    "condition",
}  # tested elsewhere


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brightening")
    (folder / "brightening.py").write_text(BRIGHTENING)
    (folder / "own.py").write_text(OWN)
    cli.main(["train", str(folder / "brightening.py"), "--run-dir", str(folder / "run"), "--num-seeds", "2",
              "--evaluate-every", "1", "--evaluate-num", "10", "--num-samples", "4"])  # fmt: skip
    return folder / "run"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


EVALUATE = {  # each option: a value of it, and what of protocol, making and figures is another then
    "num": ("25", {"generated", "mean"}),
    "num_real": ("40", {"real examples", "real"}),
    "features": ("own.py:patches", None),  # another measure, whose figures are others altogether
    "split": ("test", {"data", "real", "floor"}),
    "seed": ("3", {"seed", "mean"}),
    "checkpoint": ("best", {"generator", "checkpoint", "step", "mean"}),
}


def measured(trained: Path, capsys, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    cli.main(["evaluate", str(trained), "--num", "20", "--num-real", "30", "--json", *words])
    found = json.loads(capsys.readouterr().out)
    protocol = found["protocol"]
    return {
        "real examples": protocol.pop("real"),
        **protocol,
        **found["made"],
        **found["figures"],
        "floor": found["floor"]["data"],
    }


@pytest.mark.exhaustive
def test_every_option_of_evaluate_changes_what_it_says(trained, capsys):
    assert EVALUATE.keys() | ELSEWHERE >= inspect.signature(evaluate).parameters.keys()
    base = measured(trained, capsys)
    for option, (value, changes) in EVALUATE.items():
        value = str(trained.parent / value) if option == "features" else value
        found = measured(trained, capsys, f"--{option.replace('_', '-')}", value)
        if changes is None:
            assert found["features"] == "own.py:patches"
            assert "mean" not in found
        else:
            assert changed(base, found) == changes, option


SAMPLE = {  # each option: its words, and what of the files is another then
    "num": ("--num 5", {"files"}),
    "seed": ("--seed 3", {"pixels", "seed"}),
    "game": ("--game 1", {"pixels", "model"}),
    "checkpoint": ("--checkpoint best", {"pixels", "model", "step"}),
    "truncation": ("--truncation 0.1", {"pixels"}),
    "provenance": ("--no-provenance", {"experiment", "model", "step", "seed", "version", "digital_source_type"}),
}


def drawn(trained: Path, name: str, *words: str) -> dict[str, Any]:
    """The files that `gan-jax sample` writes, the first three ones' pixels, and what all of them say alike."""
    cli.main(["sample", str(trained), "--num", "3", "--out", name, *words])
    files = sorted(Path(name).glob("*.png"))
    told = [provenance.inspect(file) or {} for file in files]
    assert told == [told[0]] * len(files)
    return {
        "files": [file.name for file in files],
        "pixels": [np.asarray(Image.open(file)).tobytes() for file in files[:3]],
        **told[0],
    }


def test_every_option_of_sample_changes_what_it_says_in_every_file(trained):
    assert SAMPLE.keys() | {"interpolate", "frames"} | ELSEWHERE >= inspect.signature(sample).parameters.keys()
    base = drawn(trained, "base")
    assert base["experiment"] == "brightening"
    for option, (words, changes) in SAMPLE.items():
        assert changed(base, drawn(trained, option, *words.split())) == changes, option


def test_walks_have_as_many_frames_as_are_asked_for_and_are_of_the_seed_and_game_that_are_named(trained):
    walks = {}
    for name, words in {"base": "", "frames": "--frames 4", "seed": "--seed 3", "game": "--game 1"}.items():
        cli.main(["sample", str(trained), "--num", "2", "--interpolate", "--frames", "3", "--out", f"{name}.png",
                  *words.split()])  # fmt: skip
        walks[name] = np.asarray(Image.open(f"{name}.png"))
    assert walks["frames"].shape[1] == walks["base"].shape[1] + 2 * (28 + 2)
    assert len({walk.tobytes() for walk in walks.values()}) == 4


NEIGHBOURS = {
    "num": "--num 3",
    "seed": "--seed 3",
    "game": "--game 1",
    "checkpoint": "--checkpoint best",
    "features": "--features own.py:patches",
}


def test_every_option_of_neighbours_changes_its_picture(trained):
    assert NEIGHBOURS.keys() | ELSEWHERE >= inspect.signature(neighbours).parameters.keys()
    Path("own.py").write_text(OWN)
    pictures = {}
    for option, words in {"base": "", **NEIGHBOURS}.items():
        cli.main(["neighbours", str(trained), "--num", "2", "--out", f"{option}.png", *words.split()])
        pictures[option] = np.asarray(Image.open(f"{option}.png"))
        assert pictures[option].shape[0] == pictures[option].shape[1]  # as many neighbours as rows, with the sample
    assert len({picture.tobytes() for picture in pictures.values()}) == len(pictures)
