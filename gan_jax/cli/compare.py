"""`gan-jax compare`: runs side by side, if their figures were measured by the same protocol."""

from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from gan_jax.cli.arguments import check_picture
from gan_jax.cli.terminal import bad_input
from gan_jax.errors import UserError

if TYPE_CHECKING:
    from gan_jax.evaluation.compare import Results


def compare(runs: Positional[tuple[Path, ...]], out: Path = Path("compare.png")) -> None:
    """Print the figures of evaluated runs in one table, and draw them, if they were measured by the same protocol.

    Args:
      runs: The runs' folders, or result files.
      out: The picture.
    """
    from gan_jax.evaluation.compare import comparable

    with bad_input():
        if not runs:
            raise UserError("no runs: name the folders of two or more that `gan-jax evaluate` measured")
        check_picture(out)
        show(comparable({str(run): run if run.is_file() else run / "result.json" for run in runs}), out)


def show(groups: "list[Results]", out: Path) -> None:
    """Prints a table and draws a picture of each group of results, each of one protocol."""
    from gan_jax.evaluation.report import figures_of, plot, print_table

    for number, group in enumerate(groups):
        path = out if number == 0 else out.with_stem(f"{out.stem}_{number + 1}")
        print_table(group)
        if figures_of(group):
            plot(group, path)
            print(f"{path}: the plot of it\n")
        else:
            print("no plot: every game of every run has diverged\n")
