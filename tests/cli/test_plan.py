"""`gan-jax plan` needs the shapes of the data, not the data."""

from pathlib import Path

import jax
import pytest
from command_line import refused

from gan_jax.errors import UserError
from gan_jax.experiment import init_of
from gan_jax.runs.games import KEY
from gan_jax.tpu_plan import compile as planned

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
WITHOUT_DATA = {
    "images": ("relativistic_images.py", "--folder", (64, 64, 3)),
    "videos": ("relativistic_video.py", "--clips", (16, 32, 32, 3)),
    "sounds": ("wavegan_drums.py", "--folder", (16_384, 1)),
    "shapes": ("gan3d_furniture.py", "--models", (32, 32, 32, 1)),
    "text": ("wgan_gp_text.py", "--text", (32, 64)),
}


@pytest.mark.parametrize(
    "kind", [kind if kind == "images" else pytest.param(kind, marks=pytest.mark.exhaustive) for kind in WITHOUT_DATA]
)
def test_an_experiment_is_planned_where_its_data_are_not(monkeypatch, capsys, kind):
    file, option, shape = WITHOUT_DATA[kind]

    def plan_for(built, topology, form):
        assert built.data.example.x.shape == shape
        assert jax.eval_shape(init_of(built), KEY).params.critic
        raise UserError("built")

    monkeypatch.setattr(planned, "plan_for", plan_for)
    arguments = "plan", str(EXPERIMENTS / file), option, "/nowhere", "--topology", "v5e:4x4"
    assert refused(capsys, *arguments) == "gan-jax: built\n"
