"""Ours: one update of WaveGAN, as experiments/wavegan_drums.py plays it."""

from pathlib import Path
from typing import Any

from game import Game
from side_by_side import advancing

from gan_jax.experiment import load
from gan_jax.runs.games import dealt, keys_of, make_program

FILE = Path(__file__).parent.parent / "wavegan_drums.py"


def iteration(game: Game) -> Any:
    experiment = load(FILE)(batch_size=game.batch_size, width=game.width, critic_steps=game.critic_steps)
    init, update = make_program(experiment, "jit")
    keys = keys_of(0)
    return advancing(update, init(keys.init), next(dealt(experiment, keys, 1, 0)), keys.game)
