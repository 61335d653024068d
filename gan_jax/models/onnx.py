"""Generators as ONNX programs, which run without JAX: in onnxruntime, browsers and phones. By jax2onnx.

A program has the inputs z and, in a conditional game, condition, and the output samples, each [b, ...] with any b. Of a
tree, each leaf has a name such as z/noise. Its variables are inside. ONNX has no keys of random numbers, so the prior
stays outside, and a generator gets no noise.

The network is traced to a program of JAX first, in the plain form that jax2onnx converts: calls are inlined, loops are
unrolled, and padding is joined on. Our convolutions become ONNX's own.
"""

import contextlib
import functools
import importlib.util
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from gan_jax.errors import UserError
from gan_jax.models.model import Model
from gan_jax.models.programs import free
from gan_jax.nets.conv.bilinear import conv_p, input_gradient_p
from gan_jax.sample import generate
from gan_jax.storage.files import write_whole
from gan_jax.storage.provenance import SYNTHETIC
from gan_jax.trees import named, outline, rows
from gan_jax.types import Array

SUFFIX = ".onnx"
CHECKED = 3  # examples that are drawn both ways
TOLERANCE = 1e-3  # of the largest value; rounding stays below 1e-5


def write(model: Model, card: str, file: Path) -> float:
    """Writes a model as an ONNX program, once onnxruntime has drawn the same samples from it.

    Args:
      model: The model.
      card: Its model card, in Markdown. It goes into the program's metadata.
      file: The program.

    Returns:
      The largest difference between its samples and JAX's, relative to the largest value.

    Raises:
      UserError: jax2onnx isn't installed, can't convert the network, or converts it wrongly.
    """
    if importlib.util.find_spec("jax2onnx") is None:
        raise UserError(f"{file}: writing ONNX needs jax2onnx: pip install 'gan-jax[onnx]'")
    about = {
        "name": model.name,
        "step": str(model.step),
        "prior": prior_of(model),
        "noise": "none: the generator is run without keys",
        "digital_source_type": SYNTHETIC,
        "card": card,
    }
    with quiet():
        try:
            content = converted(model, about)
            apart = difference(model, content)
        except UserError:
            raise
        except Exception as error:  # of jax2onnx, onnxruntime and a network of the user's
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise UserError(f"jax2onnx can't convert the generator of {model.name}: {reason}") from error
    if not apart < TOLERANCE:
        raise UserError(
            f"{file}: this version of jax2onnx converts the generator wrongly: samples differ by {apart:.1g} of the "
            "largest value: try another version"
        )
    write_whole(file, content)
    return apart


def converted(model: Model, about: dict[str, str]) -> bytes:
    """The program, with notes."""
    import jax2onnx
    from onnx.helper import set_model_props

    register_convolutions()
    z, condition = shapes_of(model)
    inputs, tree = jax.tree.flatten((z, condition))
    variables = jax.tree.map(jnp.asarray, model.variables)
    outputs: list[str] = []

    def draw(*leaves: Array) -> list[Array]:
        samples = generate(model.network, variables, *with_keys(*jax.tree.unflatten(tree, leaves)))
        outputs[:] = names("samples", samples)
        return jax.tree.leaves(samples)

    simple = jax.make_jaxpr(functools.partial(evaluated, jax.make_jaxpr(draw)(*inputs)))(*inputs)
    program = jax2onnx.to_onnx(
        jaxpr_as_fun(simple),
        inputs,
        model_name=model.name,
        input_names=[*names("z", z), *names("condition", condition)],
        output_names=outputs,
    )
    del program.graph.value_info[:]  # some of the shapes that jax2onnx notes are wrong, and no runtime needs them
    set_model_props(program, about)
    return bytes(program.SerializeToString())


def difference(model: Model, program: bytes) -> float:
    """The largest difference between the samples of onnxruntime and of JAX, relative to the largest value."""
    import onnxruntime

    z = jax.vmap(model.prior)(jax.random.split(jax.random.key(0), CHECKED))
    condition = rows(model.conditions, np.arange(CHECKED))
    wanted = jax.jit(functools.partial(generate, model.network))(model.variables, *with_keys(z, condition))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(program, options, providers=["CPUExecutionProvider"])
    leaves = map(np.asarray, jax.tree.leaves((z, condition)))
    got = session.run(None, dict(zip([*names("z", z), *names("condition", condition)], leaves, strict=True)))
    pairs = list(zip(got, map(np.asarray, jax.tree.leaves(wanted)), strict=True))
    return float(max(np.max(np.abs(a - b)) / np.max(np.abs(b)) for a, b in pairs))


def with_keys(z: Any, condition: Any) -> tuple[Any, None, Any]:
    """The generator's arguments, without keys."""
    return z, None, condition


def shapes_of(model: Model) -> tuple[Any, Any]:
    """The shapes of latents and conditions, trees of [b, ...]."""
    return free(model.latent), free(model.condition)


def names(what: str, tree: Any) -> list[str]:
    """The names of a tree's leaves, such as z or z/noise."""
    return [f"{what}/{name}".rstrip("/") for name in named(tree)]


def prior_of(model: Model) -> str:
    """The prior in words, such as "priors.normal: float32[64]"; of another than ours, only the shape."""
    z = outline(model.latent)
    module, name = (getattr(model.prior, part, "") for part in ("__module__", "__qualname__"))
    return f"priors.{name.split('.')[0]}: {z}" if module == "gan_jax.priors" else z


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences the warnings that jax2onnx logs about itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def evaluated(program: ClosedJaxpr, *arguments: Array) -> list[Array]:
    """Runs a program of JAX step by step; traced, it becomes one without calls, loops and padding."""
    jaxpr: Any = program.jaxpr
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*program.consts, *arguments], strict=True))

    def value(var: Any) -> Any:
        return var.val if isinstance(var, Literal) else values[var]

    for step in jaxpr.eqns:
        given, params = list(map(value, step.invars)), step.params
        called = params.get("call_jaxpr", params.get("jaxpr"))
        if step.primitive.name == "scan":
            found = unrolled(called, given, step)
        elif isinstance(called, ClosedJaxpr):
            found = evaluated(called, *given)
        elif step.primitive.name == "stack":
            found = [stacked(given, params["axis"])]
        elif step.primitive.name == "pad" and not any(between for *_, between in params["padding_config"]):
            x, filler = given
            found = [padded(x, filler, params["padding_config"])]
        else:
            found = step.primitive.bind(*given, **params)
            found = found if step.primitive.multiple_results else [found]
        values.update(zip(step.outvars, found, strict=True))
    return list(map(value, jaxpr.outvars))


def unrolled(body: Any, given: list[Array], step: Any) -> list[Array]:
    """A scan, turn by turn. What it scans over and what it stacks have one axis more outside than inside."""
    outer = [var.aval.ndim for var in step.outvars]
    carried = sum(ndim == inner.aval.ndim for ndim, inner in zip(outer, body.jaxpr.outvars, strict=True))
    scanned = sum(x.ndim > inner.aval.ndim for x, inner in zip(given, body.jaxpr.invars, strict=True))
    constants = given[: len(given) - scanned - carried]
    carry, xs = given[len(constants) : len(constants) + carried], given[len(given) - scanned :]
    turns = range(step.params["length"])
    stacks: list[list[Array]] = []
    for turn in reversed(turns) if step.params["reverse"] else turns:
        results = evaluated(body, *constants, *carry, *[lax.index_in_dim(x, turn, keepdims=False) for x in xs])
        carry = results[:carried]
        stacks.append(results[carried:])
    stacks = stacks[::-1] if step.params["reverse"] else stacks
    return [*carry, *map(stacked, zip(*stacks))]


def stacked(xs: Sequence[Array], axis: int = 0) -> Array:
    """Joins arrays along a new axis."""
    return lax.concatenate([lax.expand_dims(x, [axis]) for x in xs], axis)


def padded(x: Array, value: Array, config: Any) -> Array:
    """`lax.pad` without zeros in between, as joined blocks: jax2onnx's padding needs fixed shapes."""
    for axis, (low, high, _) in enumerate(config):
        x = lax.slice_in_dim(x, max(-low, 0), x.shape[axis] - max(-high, 0), axis=axis) if min(low, high) < 0 else x
        before, after = (
            [lax.broadcast(value, (*x.shape[:axis], count, *x.shape[axis + 1 :]))] if count > 0 else []
            for count in (low, high)
        )
        x = lax.concatenate([*before, x, *after], axis) if before or after else x
    return x


@functools.cache
def register_convolutions() -> None:
    """Teaches jax2onnx our convolution and its transpose: ONNX's Conv and ConvTranspose, which take the same kernel."""
    from jax2onnx.plugins.plugin_system import PrimitiveLeafPlugin, register_primitive

    @register_primitive(jaxpr_primitive=conv_p.name, testcases=[])
    class Convolution(PrimitiveLeafPlugin):
        def lower(self, ctx: Any, eqn: Any) -> None:
            convolved(ctx, eqn, ctx.builder.Conv)

    @register_primitive(jaxpr_primitive=input_gradient_p.name, testcases=[])
    class Transposed(PrimitiveLeafPlugin):
        def lower(self, ctx: Any, eqn: Any) -> None:
            shape = eqn.params["geometry"]
            beyond = [  # positions of x that no window reaches, in the direction of the axis
                size + low + high - reach - window + 1
                for size, reach, window, (low, high) in zip(shape.space, shape.reach, shape.window, shape.padding)
            ]
            convolved(ctx, eqn, ctx.builder.ConvTranspose, output_padding=beyond)


def convolved(ctx: Any, eqn: Any, operator: Any, **options: Any) -> None:
    """Writes a convolution with its channels moved: ONNX has x `[B, C, *space]` and w `[O, I/G, *window]`."""
    shape, last = eqn.params["geometry"], len(eqn.params["geometry"].space) + 1
    if min(map(min, shape.padding), default=0) < 0:
        raise UserError(f"ONNX has no convolution with negative padding {shape.padding}")
    x, w, y = map(ctx.get_value_for_var, [*eqn.invars, *eqn.outvars])

    def made(operator: Any, *given: Any, **options: Any) -> Any:
        result = operator(*given, _outputs=[ctx.fresh_name("conv")], **options)
        result.type = x.type
        return result

    result = made(
        operator,
        made(ctx.builder.Transpose, x, perm=[0, last, *range(1, last)]),
        made(ctx.builder.Transpose, w, perm=[last, last - 1, *range(last - 1)]),
        strides=list(shape.strides),
        pads=[low for low, _ in shape.padding] + [high for _, high in shape.padding],
        group=shape.groups,
        **options,
    )
    result = made(ctx.builder.Transpose, result, perm=[0, *range(2, last + 1), 1])
    result.shape = y.shape
    ctx.bind_value_for_var(eqn.outvars[0], result)
