"""A generator and its prior as programs of `jax.export`, which run where their code isn't, on any number of examples.

The network becomes a program (variables by name, z, keys, condition) -> (samples, extra), in which B is free. A
generator that takes its own `Output.extra`, such as styles, in the place of latents has a second program for them. The
programs run on a CPU, CUDA GPUs and TPUs, and their first derivatives travel with them.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from gan_jax.errors import UserError
from gan_jax.models.model import Model, one_of
from gan_jax.trees import as_output, named, outline
from gan_jax.types import Array, Condition, Mode, Network, Output, Params, Prior, Variables

PLATFORMS = ("cpu", "cuda", "tpu")
(BATCH,) = export.symbolic_shape("b")
KEY = jax.eval_shape(jax.random.key, 0)
CALL = re.compile(
    r'custom_call @("[^"]*"|[^\s(]+)|call_target_name = "([^"]*)"|stablehlo\.(infeed|outfeed|send|recv)\b'
)
HARMLESS = {"Sharding", "shape_assertion", "xla.sdy.FuncResultSharding"}  # custom calls that run no code


class Programs(NamedTuple):
    """Serialised programs.

    Attributes:
      prior: keys [B] -> z.
      generator: (variables by name, z, keys [B], condition) -> (samples, extra).
      synthesis: The same of extra in the place of z; None where the network doesn't take it.
    """

    prior: bytes
    generator: bytes
    synthesis: bytes | None


def programs_of(model: Model) -> Programs:
    """Exports a model's generator and its prior.

    Raises:
      UserError: The network or the prior needs something that can't be exported.
    """
    keys, z, condition = free(KEY), free(model.latent), free(model.condition)
    leaves, tree = jax.tree.flatten(model.variables)
    names = list(named(model.variables))
    by_name = {name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for name, leaf in zip(names, leaves, strict=True)}

    def generate(variables: dict[str, Array], z: Any, keys: Array, condition: Condition) -> tuple[Any, Any]:
        params, stats = jax.tree.unflatten(tree, [variables[name] for name in names])
        y, _ = model.network.apply(params, stats, z, condition, Mode(train=False, keys=keys))
        return tuple(as_output(y))

    draws = exported("the prior", jax.vmap(model.prior), keys)
    generator = exported("the generator", generate, by_name, z, keys, condition)
    extra = styles_of(model, z, condition)
    synthesis = None if extra is None else exported("the generator", generate, by_name, extra, keys, condition)
    return Programs(draws, generator, synthesis)


def free(example: Any) -> Any:
    """The shapes [B, ...] of a batch of examples, where B is any number."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((BATCH, *leaf.shape), leaf.dtype), example)


def exported(what: str, function: Callable[..., Any], *arguments: Any) -> bytes:
    try:
        with no_locations():
            return bytes(export.export(jax.jit(function), platforms=PLATFORMS)(*arguments).serialize(vjp_order=1))
    except Exception as error:  # a network of the user's may do anything
        raise UserError(f"{what} can't be exported: {type(error).__name__}: {error}".splitlines()[0]) from error


@contextlib.contextmanager
def no_locations() -> Iterator[None]:
    """Keeps the places of source files on this machine out of programs."""
    before = jax.config.jax_traceback_in_locations_limit
    jax.config.update("jax_traceback_in_locations_limit", 0)
    try:
        yield
    finally:
        jax.config.update("jax_traceback_in_locations_limit", before)


def styles_of(model: Model, z: Any, condition: Condition) -> Any:
    """The shapes of the generator's `Output.extra` if the network takes it in the place of z, as StyleGAN2 its styles.

    Args:
      model: The model.
      z: The shapes of latents, a tree of [B, ...].
      condition: The shapes of conditions, a tree of [B, ...].

    Returns:
      The shapes [B, ...]; None if there is no such thing.
    """

    def draw(variables: Variables, z: Any, condition: Condition) -> Any:
        return model.network.apply(*variables, z, condition, Mode())[0]

    def shapes(z: Any) -> Output:
        return as_output(jax.eval_shape(draw, model.variables, z, condition))

    y, extra = shapes(z)
    if extra is None or outline(extra) == outline(z):
        return None
    try:
        again = shapes(extra)
    except Exception:  # networks refuse other shapes in ways of their own
        return None
    return extra if outline((again.y, again.extra)) == outline((y, extra)) else None


def network_of(generator: bytes, synthesis: bytes | None, variables: dict[str, Array], condition: Condition) -> Network:
    """The network whose programs these are. It can't be initialised or trained.

    Args:
      generator: Its program.
      synthesis: Its program for styles.
      variables: Its variables by name, which the programs must fit.
      condition: The shapes of one condition; None in an unconditional game.

    Raises:
      UserError: A program isn't one, or doesn't fit.
    """
    programs = [loaded(program, variables, condition) for program in (generator, synthesis) if program is not None]
    wanted = outline(condition)

    def init(key: Array, z: Any, condition: Condition) -> tuple[Params, Params]:
        raise UserError("a generator from a bundle can't be trained: train the run that it was exported from")

    def apply(params: Params, stats: Params, z: Any, condition: Condition, mode: Mode) -> tuple[Any, Params]:
        by_name = named(Variables(params, stats))
        count = jax.tree.leaves(z)[0].shape[0]
        keys = jax.vmap(jax.random.key)(jnp.zeros(count, jnp.uint32)) if mode.keys is None else mode.keys
        fitting = [program for program in programs if fits(program, z)]
        if not fitting:
            raise UserError(f"latents {outline(z)}: this generator takes {' or '.join(map(latents_of, programs))}")
        if (given := outline(one_of(condition))) != wanted:
            raise UserError(f"a condition of {given} for each sample: this generator takes {wanted}")
        y, extra = fitting[0].call(by_name, z, keys, condition)
        return y if extra is None else Output(y, extra), stats

    return Network(init, apply, mixes_examples=lambda stats: False)


def prior_of(program: bytes) -> Prior:
    """The prior whose program this is.

    Raises:
      UserError: The program isn't one of a prior.
    """
    draw = opened(program)
    check(draw, (free(KEY),), "a prior")

    @jax.custom_batching.custom_vmap
    def prior(key: Array) -> Any:
        return jax.tree.map(lambda leaf: leaf[0], draw.call(key[None]))

    @prior.def_vmap
    def many(size: int, batched: list[bool], keys: Array) -> tuple[Any, Any]:
        z = draw.call(keys)
        return z, jax.tree.map(lambda _: True, z)

    return prior


def loaded(program: bytes, variables: dict[str, Array], condition: Condition) -> export.Exported:
    """Opens the program of a generator, and checks that it takes these variables, keys and conditions."""
    found = opened(program)
    by_name = {name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for name, leaf in variables.items()}
    z = latents(found)
    if any(str(leaf.shape[:1]) != str((BATCH,)) for leaf in jax.tree.leaves(z)):
        raise UserError(f"a program makes a fixed number of samples, from {outline(z)}")
    check(found, (by_name, z, free(KEY), free(condition)), "a generator of these variables")
    return found


def opened(program: bytes) -> export.Exported:
    """Opens a program that may hold anything."""
    try:
        found = export.deserialize(bytearray(program))
        derivative = [found.vjp().mlir_module()] if found.has_vjp() else []
        names = [name for text in (found.mlir_module(), *derivative) for name in CALL.findall(text)]
        called = {"".join(name).strip('"') for name in names}
    except Exception as error:  # of flatbuffers and MLIR alike
        raise UserError(f"a program can't be read ({type(error).__name__})") from error
    if strange := sorted(called - HARMLESS):
        raise UserError(f"a program calls code outside itself: {', '.join(strange)[:80]}")
    return found


def latents(program: export.Exported) -> Any:
    """The shapes of a generator's latents: its second argument."""
    arguments, _ = jax.tree.unflatten(program.in_tree, program.in_avals)
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), arguments[1])


def latents_of(program: export.Exported) -> str:
    return outline(latents(program))


def fits(program: export.Exported, z: Any) -> bool:
    """Whether latents are like a program's, but for the number of examples."""
    return outline(one_of(latents(program))) == outline(one_of(z))


def check(program: export.Exported, arguments: tuple[Any, ...], what: str) -> None:
    """Raises UserError unless a program takes such arguments."""
    found = jax.tree.unflatten(program.in_tree, program.in_avals)
    if outline(found) != outline((arguments, {})):
        raise UserError(f"a program isn't {what}: it takes other arguments")
