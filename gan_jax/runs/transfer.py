"""Transfer: the first state of a run, which --init-from fills with another run's weights.

Both players and the averaged generator are copied, each to its own place, and the average goes on (ramp_up.py);
optimisers, terms and the augmentation start fresh, as in StyleGAN2-ADA (Karras et al. 2020).
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.errors import UserError
from gan_jax.experiment import Experiment
from gan_jax.runs.checkpoint import restore_parts
from gan_jax.runs.folder import open_run
from gan_jax.runs.freeze import check_frozen
from gan_jax.runs.games import abstract_state, keys_of
from gan_jax.runs.options import Options
from gan_jax.runs.processes import together
from gan_jax.storage.provenance import hash_of
from gan_jax.trees import name_of, named
from gan_jax.types import Array, Players, TrainState

PARTS = ("params", "stats", "ema")


class Start(NamedTuple):
    """The weights of another run that fit.

    Attributes:
      arrays: By their names in the state, such as "params/critic/Conv_0/kernel": one game's, or [S, ...].
      line: A line on them, which names the arrays that keep their own start.
      sha256: Of all the weights of that run, fitting or not.
    """

    arrays: dict[str, Array]
    line: str
    sha256: str


def read(options: Options, experiment: Experiment, expected: str | None = None) -> Start | None:
    """Reads the weights that --init-from names; None without it. All processes must call this.

    Args:
      options: The new run's.
      experiment: The new run's.
      expected: The SHA-256 that these weights had when the run was made; None as it is made.

    Raises:
      UserError: There are none, they aren't the expected ones, or nothing fits.
    """
    if options.init_from is None:
        return None
    where = f"--init-from {options.init_from}"
    try:
        with together():
            run = open_run(options.init_from)
        saved = restore_parts(run.checkpoints, ("step", *PARTS), options.init_checkpoint)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    step = saved.pop("step")
    sha256 = hash_of(saved)
    if expected not in (None, sha256):
        raise UserError(f"{where}: its weights have changed since, and this run saved none: start it again")
    games = options.num_seeds
    own = shapes_of_a_game(abstract_state(experiment, games), games)
    theirs = {name: x if step.ndim else x[None] for name, x in named(saved).items()}
    fitting = {name: x for name, x in theirs.items() if own.get(name) == x.shape[1:]}
    if not fitting:
        raise UserError(f"{where}: none of its {len(theirs)} arrays has the name and shape of one here")
    if options.freeze is not None:
        params, copied = (of_players(names, "params/") for names in (own, fitting))
        check_frozen(options.freeze, params, copied)
    arrays = {name: x[np.arange(games) % len(x)] if games > 1 else x[0] for name, x in fitting.items()}
    if broken := [name for name, x in arrays.items() if not np.isfinite(x).all()]:
        raise UserError(f"{where}: it has diverged, as {broken[0]} isn't finite")
    line = f"init-from {options.init_from}, step {np.ravel(step)[0]}: {account(own, theirs, fitting)}"
    return Start(arrays, line, sha256)


def shapes_of_a_game(state: Any, games: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays that can be copied, by their names in the state."""
    some = {part: getattr(state, part) for part in PARTS}
    return {name: x.shape if games == 1 else x.shape[1:] for name, x in named(some).items()}


def of_players(names: Collection[str], *parts: str) -> list[str]:
    """The names in these parts of the state, such as critic/Conv_0/kernel."""
    return [name.removeprefix(part) for name in names for part in parts if name.startswith(part)]


def account(own: dict[str, tuple[int, ...]], theirs: dict[str, Array], fitting: Collection[str]) -> str:
    """Counts both players' arrays that are copied, and names the others, or the layers that have no other."""
    mine, copied = (of_players(names, "params/", "stats/") for names in (own, fitting))
    shapes = {}
    for name, shape in own.items():
        if name in theirs and name not in fitting:
            shapes[name.partition("/")[2]] = f" {list(shape)} here, {list(theirs[name].shape[1:])} there"
    tops = dict.fromkeys(topmost(name, copied) for name in mine if name not in copied)
    kept = f"; keep their own start: {', '.join(top + shapes.get(top, '') for top in tops)}" if tops else ""
    return f"{len(copied)} of {len(mine)} arrays{kept}"


def topmost(name: str, copied: Collection[str]) -> str:
    """The shortest beginning of a name under which nothing is copied."""
    parts = name.split("/")
    beginnings = ["/".join(parts[:count]) for count in range(1, len(parts))]
    return next((one for one in beginnings if not any(other.startswith(f"{one}/") for other in copied)), name)


def first_state(
    init: Callable[[Array], TrainState], experiment: Experiment, options: Options, start: Start | None
) -> TrainState:
    """Makes the state of step 0.

    Args:
      init: The compiled init of all games.
      experiment: The experiment.
      options: The options of the run.
      start: The weights that replace those of `init`, with the optimisers' states that belong to them; None for none.
    """
    state = init(keys_of(options.seed, options.num_seeds).init)
    if start is None:
        return state

    def filled(state: TrainState, arrays: dict[str, Array]) -> TrainState:
        def of(path: Any, leaf: Array) -> Array:
            return arrays[name].astype(leaf.dtype) if (name := name_of(path)) in arrays else leaf

        some = jax.tree.map_with_path(of, {part: getattr(state, part) for part in PARTS})
        optimizers = experiment.optimizers
        opt_state = Players(*(one.init(params) for one, params in zip(optimizers, some["params"])))
        return state._replace(**some, opt_state=opt_state)

    each = filled if options.num_seeds == 1 else jax.vmap(filled)
    return jax.jit(each, out_shardings=jax.tree.map(lambda x: x.sharding, state))(state, start.arrays)
