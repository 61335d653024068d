"""The independent games of one run: one game whose batch is split over the devices, or several with a seed each.

Several games have a leading axis [S] on every array: state, batches, keys and metrics. Game i has its own initial
values, data order and noise, and equals the only game of a run with `--seed SEED + i`, to rounding.
"""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import parallel
from gan_jax.errors import UserError
from gan_jax.experiment import Experiment, init_of, make_updates
from gan_jax.types import Array, Batch, Players, TrainState
from gan_jax.update import Update, deal

KEY = jax.eval_shape(jax.random.key, 0)


class Keys(NamedTuple):
    """A key for each use of a run's seed, or [S] keys where there are several games.

    Attributes:
      init: For initial values.
      data: For the order of the data.
      game: For the update.
      samples: For the samples in pictures.
    """

    init: Array
    data: Array
    game: Array
    samples: Array


def keys_of(seed: int, games: int = 1, rollbacks: int = 0) -> Keys:
    """Makes the keys of a run.

    Args:
      seed: The seed of the first game.
      games: How many games there are.
      rollbacks: How often the run went back; each time changes the key of the game.
    """
    each = [Keys(*jax.random.split(jax.random.key(seed + number), 4)) for number in range(games)]
    if rollbacks:
        each = [keys._replace(game=jax.random.fold_in(keys.game, rollbacks)) for keys in each]
    return each[0] if games == 1 else stack(each)


def stack(trees: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def split(tree: Any, games: int) -> list[Any]:
    """Returns each game's part of a tree."""
    if games == 1:
        return [tree]
    return [jax.tree.map(lambda leaf, number=number: leaf[number], tree) for number in range(games)]


def step_of(state: TrainState) -> int:
    """Returns the number of updates done, which is the same for all games."""
    return int(np.ravel(jax.device_get(state.step))[0])


def make_program(experiment: Experiment, form: str, games: int = 1) -> tuple[Any, Update]:
    """Makes the init and the update of all games on all devices.

    Errors in the experiment's shapes, turns or terms surface here, before the first step.

    Args:
      experiment: The experiment.
      form: How the update of one game is spread over the devices, jit or pmap. Several games are spread whole.
      games: How many games there are.

    Returns:
      The compiled init, keys -> state, and the compiled update.

    Raises:
      UserError: The experiment, its batch or the number of games can't be played in this form.
    """
    update = make_updates(experiment)
    options = compiler_options(experiment)
    if games == 1:
        mesh = parallel.make_mesh()
        for _, batch_size in experiment.turns:
            parallel.check_batch(batch_size, mesh.size)
        init = parallel.jit_once(init_of(experiment), parallel.everywhere(mesh))
        if form == "pmap":
            program = parallel.pmap(update(axis_name=parallel.AXIS))
        else:
            program = parallel.jit(update(), mesh, options)
    else:
        if form == "pmap":
            raise UserError("--num-seeds spreads whole games over the devices: leave --parallel pmap out")
        if jax.process_count() > 1:
            raise UserError("--num-seeds goes without --distributed: start each game as a run of its own, with --seed")
        mesh = parallel.make_games_mesh(games)
        init = parallel.jit_once(jax.vmap(init_of(experiment)), parallel.each_its_own(mesh))
        program = parallel.games(update(), mesh, at_once=not has_convolutions(experiment), options=options)
    check_sizes(experiment)
    key = jax.eval_shape(functools.partial(keys_of, 0, games)).game
    checked = (
        program if jax.process_count() == 1 else update()
    )  # the program of several processes takes parts of batches
    jax.eval_shape(checked, abstract_state(experiment, games), abstract_batches(experiment, games), key)
    return init, program


def check_sizes(experiment: Experiment) -> None:
    """Raises UserError for a parameter without elements, such as that of a layer without units."""
    for path, leaf in jax.tree.leaves_with_path(jax.eval_shape(init_of(experiment), KEY).params):
        if not leaf.size:
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            raise UserError(f"{name} has no elements, {list(leaf.shape)}: give its layer a width of 1 or more")


def has_convolutions(experiment: Experiment) -> bool:
    """Whether a kernel has more than two axes: under vmap it would make a grouped convolution, which is slower."""
    return any(len(shape) > 2 for shape in shapes_of_params(experiment))


def compiler_options(experiment: Experiment) -> dict[str, str]:
    """Returns XLA's options; none where its defaults are faster: by a tenth for points at the paper's width."""
    return {} if has_wide_products(experiment) else parallel.compiler_options()


def has_wide_products(experiment: Experiment) -> bool:
    """Whether there are products of wide matrices, and no convolutions."""
    shapes = shapes_of_params(experiment)
    return not has_convolutions(experiment) and any(len(shape) == 2 and min(shape) >= parallel.WIDE for shape in shapes)


def shapes_of_params(experiment: Experiment) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(init_of(experiment), KEY).params)]


def abstract_state(experiment: Experiment, games: int = 1) -> TrainState:
    """Returns the shapes and shardings of the state, which a checkpoint is restored to."""
    init = init_of(experiment)
    if games == 1:
        shapes, sharding = jax.eval_shape(init, KEY), parallel.everywhere(parallel.make_mesh())
    else:
        keys = jax.ShapeDtypeStruct((games,), KEY.dtype)
        shapes, sharding = jax.eval_shape(jax.vmap(init), keys), parallel.each_its_own(parallel.make_games_mesh(games))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes)


def abstract_batches(experiment: Experiment, games: int) -> Players[Batch]:
    def all_dealt() -> Players[Batch]:
        one = jax.tree.map(
            lambda spec: jnp.zeros((experiment.examples, *spec.shape), spec.dtype), experiment.data.example
        )
        each = [deal(experiment.turns, one)] * games
        return each[0] if games == 1 else stack(each)

    return jax.eval_shape(all_dealt)


def dealt(experiment: Experiment, keys: Keys, games: int, first_step: int) -> Iterator[Players[Batch]]:
    """Yields this process's batches for each update from `first_step` on, dealt out to the turns of all games."""
    turns, places = experiment.turns, []
    if jax.process_count() > 1:
        turns, own = own_part(experiment.turns)
        places = [own]
    streams = [experiment.data.stream(key, first_step, experiment.examples, *places) for key in split(keys.data, games)]
    deal_one = functools.partial(deal, turns)
    deal_all = jax.jit(deal_one if games == 1 else lambda *each: stack([deal_one(batch) for batch in each]))
    while True:
        yield deal_all(*[next(stream) for stream in streams])


def own_part(turns: Players[tuple[int, int]]) -> tuple[Players[tuple[int, int]], np.ndarray]:
    """Returns each player's turns with this process's examples a turn, and their places in the whole batch."""
    parts, places, first = [], [], 0
    for number, batch_size in turns:
        own = parallel.own_places(batch_size)
        parts.append((number, len(own)))
        places += [first + turn * batch_size + own for turn in range(number)]
        first += number * batch_size
    return Players(*parts), np.concatenate(places)
