"""The Jacobian J of a game's vector field at its parameters: whether play nearby turns, converges or escapes.

`make_losses` (gan_jax.simultaneous) gives the losses of a state, and a method of gan_jax.dynamics the field of losses::

    field = dynamics.gradient(make_losses(nets, objective, prior)(state, batch, key))
    spectrum.eigenvalues(field, state.params)

Simultaneous gradient descent at rate h multiplies the distance from an equilibrium by 1 - hλ along the eigenvector of
λ. Players step against the field, so real parts above 0 attract, and imaginary parts turn.
"""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gan_jax.errors import UserError
from gan_jax.types import Array, Field, Params, Players


def jacobian_product(field: Field, params: Players[Params], direction: Players[Params]) -> Players[Params]:
    """J u: how the field changes along a direction u, at about twice the field's cost."""
    return jax.jvp(field, (params,), (direction,))[1]


def transposed_product(field: Field, params: Players[Params], direction: Players[Params]) -> Players[Params]:
    """Jᵀu. For the field's own value v, this is the consensus direction, the gradient of ‖v‖² / 2."""
    return jax.vjp(field, params)[1](direction)[0]


def consensus_angle(field: Field, params: Players[Params]) -> Array:
    """The angle between the field v and the consensus direction Jᵀv, in radians: [].

    A right angle means that the field only turns, as in a bilinear game; 0 that it attracts, π that it repels.
    Mescheder 2017 (The numerics of GANs), section 4.
    """
    v = field(params)
    ours, theirs = ravel_pytree(v)[0], ravel_pytree(transposed_product(field, params, v))[0]
    ours, theirs = ours / jnp.linalg.norm(ours), theirs / jnp.linalg.norm(theirs)
    return 2 * jnp.arctan2(jnp.linalg.norm(ours - theirs), jnp.linalg.norm(ours + theirs))  # exact near 0 and π


def jacobian(field: Field, params: Players[Params]) -> Array:
    """J, in the order of `ravel_pytree`, the critic's parameters first: [P, P]."""
    flat, unravel = ravel_pytree(params)
    return jax.jacfwd(lambda flat: ravel_pytree(field(unravel(flat)))[0])(flat)


def eigenvalues(field: Field, params: Players[Params]) -> np.ndarray:
    """All eigenvalues of J, for games of up to a few thousand parameters in all.

    Returns:
      [P], complex, in order of their real parts.
    """
    return np.sort_complex(np.linalg.eigvals(jax.jit(lambda params: jacobian(field, params))(params)))


def ritz_values(field: Field, params: Players[Params], key: Array, size: int) -> np.ndarray:
    """Estimates of the outermost eigenvalues of J, for large games, by `size` products with J.

    They are the eigenvalues of J on the Krylov space of a random direction: Arnoldi 1951, by the matfree package
    (``pip install gan-jax[spectrum]``). The space takes the memory of `size` copies of the parameters.

    Args:
      field: The game's field.
      params: Both players' parameters.
      key: A PRNG key, for the direction.
      size: The dimension of the Krylov space, at most the number of parameters.

    Returns:
      [size], complex, in order of their real parts; fewer if the space can't grow to that size.

    Raises:
      ValueError: A size that doesn't fit, or matfree isn't installed.
    """
    flat, unravel = ravel_pytree(params)
    if not 1 <= size <= flat.size:
        raise UserError(f"size {size}: it must be 1 or more, and at most {flat.size}, the number of parameters")
    if importlib.util.find_spec("matfree") is None:
        raise UserError("Krylov spectra need the matfree package: `pip install gan-jax[spectrum]`")
    from matfree import decomp

    def product(direction: Array, flat: Array) -> Array:
        return ravel_pytree(jacobian_product(field, unravel(flat), unravel(direction)))[0]

    arnoldi = decomp.hessenberg(size, reortho="full", custom_vjp=False)
    start = jax.random.normal(key, flat.shape, flat.dtype)
    small = np.asarray(jax.jit(lambda start, flat: arnoldi(product, start, flat).J_small)(start, flat))
    rounding = size * np.finfo(small.dtype).eps * np.nanmax(np.abs(small))
    complete = np.flatnonzero(
        np.diag(small, -1) <= rounding
    )  # J maps the space to itself; what follows is noise or NaN
    known = complete[0] + 1 if complete.size else size
    return np.sort_complex(np.linalg.eigvals(small[:known, :known]))
