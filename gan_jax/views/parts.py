"""The view of one array of samples that have several."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.types import View, Write


def part(choose: Callable[[Any], np.ndarray], view: View) -> View:
    """Make the view of samples that are a tree, such as images of two domains, from the view of one of its arrays.

    Args:
      choose: Maps samples to the array that is shown, such as ``lambda samples: samples["photo"]``.
      view: The view of such arrays.
    """

    def chosen(write: Write) -> Write:
        def write_part(samples: Any, path: Path) -> None:
            write(choose(samples), path)

        return write_part

    def each(formats: dict[str, Write]) -> dict[str, Write]:
        return {ending: chosen(write) for ending, write in formats.items()}

    return View(each(view.together), each(view.single), each(view.walks), view.rows and chosen(view.rows))
