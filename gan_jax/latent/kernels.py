"""The kernels of the layers that latents enter first, found in the traced program of any generator."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.types import Array

CALLS = {"jit", "closed_call", "core_call", "remat2", "custom_jvp_call", "custom_vjp_call"}
PRODUCTS = {"dot_general", "conv_general_dilated", "gan_conv", "gan_conv_input_gradient"}
SCALES = {"mul", "div"}  # linear in the first argument, and mul in either
SUMS = {"add", "add_any", "sub", "neg", "concatenate", "pad", "reduce_sum"}
MOVES = {"reshape", "squeeze", "expand_dims", "broadcast_in_dim", "transpose", "rev", "slice", "split", "copy"}
CASTS = {"convert_element_type", "reduce_precision", "sharding_constraint"}
PICKS = {"gather", "dynamic_slice", "select_n"}  # indices and predicates are never carried


def first_kernels(of: Callable[[Array], Any], size: int) -> list[Array]:
    """The linear maps of the layers that latents enter first, in the order in which the generator uses them.

    They are found in the traced program, for any network: each product of something constant, such as a parameter, with
    latents that were at most reshaped, cut, scaled and joined to constants. The kernels include those scales.

    Args:
      of: Latents [1, size] -> anything, such as `lambda z: space.generate(z, None, condition)`.
      size: The entries of a latent example.

    Returns:
      A kernel [size, outputs] for each product.

    Raises:
      ValueError: Something nonlinear comes before the first product.
    """

    def products(z: Array) -> list[Array]:
        program = jax.make_jaxpr(of)(z[None])
        found: list[Array] = []
        follow(program.jaxpr, program.consts, [Carried(z[None])], found)
        return [jnp.ravel(product) for product in found]

    kernels = jax.jit(jax.jacfwd(products))(jnp.zeros(size))
    if not kernels:
        raise UserError(
            "no layer takes these latents as they are: a nonlinear function, such as StyleGAN2's normalisation, comes "
            "first (use its styles), or the layers can't be seen, as in a bundle (use its model.first_layer)"
        )
    return [kernel.T for kernel in kernels]


class Carried(NamedTuple):
    """A value that is an affine function of the latents, before any product with a kernel."""

    value: Array


BEYOND = object()  # stands for values after a product or a nonlinear function, which aren't computed


def follow(program: Any, constants: Sequence[Any], inputs: Sequence[Any], found: list[Array]) -> list[Any]:
    """Evaluates a jaxpr as far as latents are carried, and collects their products with constants in `found`.

    Inputs and results are constants, `Carried` or BEYOND.
    """
    known: dict[Any, Any] = dict(zip([*program.constvars, *program.invars], [*constants, *inputs], strict=True))

    def read(variable: Any) -> Any:
        return variable.val if hasattr(variable, "val") else known[variable]  # a literal has its value

    for step in program.eqns:
        known.update(zip(step.outvars, outcome(step, [read(variable) for variable in step.invars], found)))
    return [read(variable) for variable in program.outvars]


def outcome(step: Any, args: list[Any], found: list[Array]) -> list[Any]:
    """The results of one step of a jaxpr."""
    carried = [isinstance(arg, Carried) for arg in args]
    beyond = any(arg is BEYOND for arg in args)
    if (any(carried) or beyond) and step.primitive.name in CALLS:
        inner = step.params["call_jaxpr" if "call_jaxpr" in step.params else "jaxpr"]
        return follow(getattr(inner, "jaxpr", inner), getattr(inner, "consts", []), args, found)
    product = sum(carried) == 1 and step.primitive.name in PRODUCTS
    if beyond or (any(carried) and not product and not keeps(step.primitive.name, carried)):
        return [BEYOND] * len(step.outvars)
    bound = step.primitive.get_bind_params(step.params)
    functions, params = bound if isinstance(bound, tuple) else ((), bound)  # of JAX below 0.12, and from it on
    values = [arg.value if isinstance(arg, Carried) else arg for arg in args]
    results = step.primitive.bind(*functions, *values, **params)
    results = results if step.primitive.multiple_results else [results]
    if product:
        found.extend(results)
        return [BEYOND]
    if not any(carried):
        return results
    return [Carried(result) if jnp.issubdtype(result.dtype, jnp.floating) else BEYOND for result in results]


def keeps(name: str, carried: list[bool]) -> bool:
    """Whether a primitive is linear in its carried arguments, and moves, scales or adds them."""
    if name in SCALES:
        return carried == [True, False] or (name == "mul" and carried == [False, True])
    return name in SUMS | MOVES | CASTS | PICKS
