"""Ours: one update of experiments/gan3d_furniture.py, as `gan-jax train` runs it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from game import Game
from side_by_side import advancing

from gan_jax.experiment import load
from gan_jax.runs.games import keys_of, make_program
from gan_jax.update import deal

FILE = Path(__file__).parent.parent / "gan3d_furniture.py"


def iteration(game: Game, *, objective: str = "wgan_gp") -> Callable[[], Any]:
    """objective: one of the experiment's."""
    experiment = load(FILE)(objective=objective, batch_size=game.batch_size, width=game.width, interval=1)
    experiment = dataclasses.replace(experiment, critic_steps=game.critic_steps)
    init, update = make_program(experiment, "jit")
    keys = keys_of(0)
    batch = next(experiment.data.stream(keys.data, 0, experiment.examples))
    return advancing(update, init(keys.init), deal(experiment.turns, batch), keys.game)
