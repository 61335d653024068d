"""`gan-jax plan`: the memory and time of an experiment's update on slices of TPUs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

from gan_jax.cli.arguments import check_picture, with_arguments_of
from gan_jax.cli.terminal import bad_input
from gan_jax.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable


def plan(file: Positional[Path]) -> None:
    """Estimate memory and time on TPUs, without a TPU; `gan-jax plan EXPERIMENT.py --help` has the rest.

    Args:
      file: The experiment, such as experiments/wgan_gp_digits.py.
    """
    with bad_input():
        plan_with_arguments_of(file)


def plan_with_arguments_of(file: Path) -> "Callable[..., None]":
    """Returns the `plan` command with the arguments of an experiment."""
    import jax

    from gan_jax.experiment import load

    jax.config.update("jax_platforms", "cpu")  # with libtpu installed, JAX would look for a TPU; and a GPU isn't needed
    experiment = load(file)

    def command(
        file: Positional[Annotated[Path, arg(help="The experiment.")]],
        topology: Annotated[
            tuple[str, ...],
            UseAppendAction,
            arg(help="A slice, such as v5e:4x4; several are compared in a table and a plot."),
        ] = (),
        *,
        parallel: Annotated[Literal["jit", "pmap"], arg(help="How the update is spread over the chips.")] = "jit",
        precision: Annotated[
            Literal["f32", "bf16"] | None,
            arg(help="Precision of the networks; by default the experiment's."),
        ] = None,
        json: Annotated[
            FlagCreatePairsOff[bool], arg(help="Print JSON, in bytes and seconds, and nothing else.")
        ] = False,
        out: Annotated[Path, arg(help="The plot of several slices.")] = Path("plan.png"),
        **arguments: Any,
    ) -> None:
        from gan_jax.data.memory import planning
        from gan_jax.evaluation.bars import each
        from gan_jax.experiment import build
        from gan_jax.tpu_plan import report
        from gan_jax.tpu_plan.compile import plan_for

        with bad_input(file):
            if not topology:
                raise UserError("no slice to plan for: name one or more, such as --topology v5e:4x4")
            if len(topology) > 1 and not json:
                check_picture(out)
            try:
                with planning():
                    built = build(experiment, arguments, precision)
            except Exception:  # its own code may want more than shapes, such as the number of examples
                built = build(experiment, arguments, precision)
            plans = [plan_for(built, name, parallel) for name in each(topology, "planning", "slice")]
        if json:
            print(report.as_text(plans))
        elif len(plans) == 1:
            report.print_plan(plans[0], file)
        else:
            report.print_table(plans)
            report.plot(plans, out)
            print(f"{out}: the plot of it")

    return with_arguments_of(experiment, command, file=file, what="plan")
