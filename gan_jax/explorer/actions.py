"""The actions of the page's controls: from their values to everything that changes on the page."""

import dataclasses
import functools
import html
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from gan_jax.errors import UserError
from gan_jax.explorer import media
from gan_jax.explorer.files import SAMPLE, WALK, formats_of, new_folder, written
from gan_jax.explorer.inputs import MOST, MOST_FRAMES, MOST_STOPS, STILL, Inputs, as_number, as_whole, inputs_of
from gan_jax.explorer.media import Show
from gan_jax.explorer.state import GRID, Choice, Explorer, as_text, of_text, offset_of
from gan_jax.latent import Directions
from gan_jax.models.directions import most_directions
from gan_jax.storage.provenance import Origin
from gan_jax.trees import rows
from gan_jax.types import Write


@dataclasses.dataclass(frozen=True)
class Actions:
    """The actions on a generator. Those that take values return the outputs that their names in `page` say.

    Attributes:
      explorer: The generator.
      origin: The origin of its samples, of seed 0.
      show: How samples are shown.
      nearest: A sample -> it and its nearest training examples; None without the data.
      directions: A method -> directions.
      folder: For files to take away.
    """

    explorer: Explorer
    origin: Origin
    show: Show
    nearest: Callable[[np.ndarray], np.ndarray] | None
    directions: Callable[[str], Directions]
    folder: Path

    @property
    def off(self) -> float:
        """The truncation that changes nothing."""
        return 1.0 if self.explorer.layers else 0.0

    @property
    def start(self) -> Inputs:
        """The values that the page begins with."""
        return Inputs(0, 0, -1, self.off, None, 1, 0, 0.0, 0, None, STILL)

    def choice(self, inputs: Inputs) -> Choice:
        """The choice that inputs stand for; raises UserError if one isn't a number."""
        return Choice(
            seed=as_whole(inputs.seed, "seed"),
            number=as_whole(inputs.number, "sample"),
            condition=None if inputs.condition in (None, -1) else inputs.condition,
            truncation=None if inputs.truncation in (None, self.off) else inputs.truncation,
            latent=inputs.latent,
            other=(as_whole(inputs.other_seed, "other seed"), as_whole(inputs.other_number, "other sample")),
            share=as_number(inputs.share, "share"),
            layer=as_whole(inputs.layer, "layer"),
            offset=self.offset(inputs),
        )

    def offset(self, inputs: Inputs) -> np.ndarray | float:
        amounts = [as_number(amount, f"direction {place}") for place, amount in enumerate(inputs.amounts, 1)]
        if not any(amounts):
            return 0.0
        found = self.directions(inputs.method)
        return offset_of(found, amounts[: len(found.scales)])

    def sample(self, choice: Choice) -> Any:
        """The current sample, [...]."""
        return rows(self.explorer.samples(self.explorer.points([choice])), 0)

    def stage(self, *values: Any) -> str:
        """The current sample as HTML."""
        inputs = inputs_of(values)
        choice = self.choice(inputs)
        return f'<div class="stage">{self.show.stage(self.sample(choice))}</div>{self.caption(choice)}'

    def stage_or_message(self, *values: Any) -> str:
        """The current sample as HTML, or why there is none."""
        try:
            return self.stage(*values)
        except UserError as error:
            return f'<p class="caption problem">{html.escape(str(error))}</p>'

    def caption(self, choice: Choice) -> str:
        model = self.explorer.model
        parts = ["a loaded latent" if choice.latent is not None else f"sample {choice.number} of seed {choice.seed}"]
        if self.explorer.conditions:
            parts.append(f"{'class' if model.classes else 'condition'} {self.explorer.condition(choice)}")
        if np.any(choice.offset):
            parts.append("moved along directions")
        if choice.share:
            parts.append(f"{choice.share:.0%} of sample {choice.other[1]} of seed {choice.other[0]}")
        return f'<p class="caption">{html.escape(", ".join(parts))}</p>'

    def pictures(self, *values: Any) -> list[Any]:
        """The current sample as HTML, and, where there are solids, as one."""
        stage = self.stage(*values)
        if not self.show.solid:
            return [stage]
        choice = self.choice(inputs_of(values))
        write = self.explorer.model.view.single[".glb"]
        return [stage, self.written(SAMPLE, ".glb", write, self.sample(choice), choice)[0]]

    def grid(self, first: int, *values: Any) -> str:
        """The samples from one on, without directions and mixing, as HTML."""
        choice = self.choice(inputs_of(values))
        current = choice.number if choice.latent is None else None
        cells = [self.show.cell(sample) for sample in media.each(self.gridded(first, choice))]
        return media.grid(cells, range(first, first + GRID), current)

    def gridded(self, first: int, choice: Choice) -> Any:
        plain = Choice(choice.seed, condition=choice.condition, truncation=choice.truncation)
        numbers = range(first, first + GRID)
        return self.explorer.samples(
            self.explorer.points([dataclasses.replace(plain, number=number) for number in numbers])
        )

    def everything(self, first: int, *values: Any) -> list[Any]:
        """The grid and the pictures."""
        return [self.grid(first, *values), *self.pictures(*values)]

    def turn(self, step: int, first: int, *values: Any) -> list[Any]:
        """The first sample of the grid after turning a page, and the grid."""
        first = max(0, first + step)
        return [first, self.grid(first, *values)]

    def seeded(self, first: int, *values: Any) -> list[Any]:
        """Forgets a loaded latent: None, the grid and the pictures."""
        return [None, *self.everything(first, *inputs_of(values)._replace(latent=None).flat)]

    def thrown(self, first: int, *values: Any) -> list[Any]:
        """A random seed, None, the grid and the pictures."""
        seed = secrets.randbelow(1_000_000)  # as many digits as its field shows
        return [seed, *self.seeded(first, *inputs_of(values)._replace(seed=seed).flat)]

    def numbered(self, *values: Any) -> list[Any]:
        """Forgets a loaded latent: None and the pictures."""
        return [None, *self.pictures(*inputs_of(values)._replace(latent=None).flat)]

    def picked(self, event: gr.EventData, *values: Any) -> list[Any]:
        """The number of the sample that was clicked, None and the pictures."""
        number = event.number
        return [number, *self.numbered(*inputs_of(values)._replace(number=number).flat)]

    def labelled(self, method: str) -> list[Any]:
        """The sliders at 0, with what each direction explains."""
        shares = self.directions(method).shares
        labels = [f"{place} · explains {share:.1%}" for place, share in enumerate(shares[:MOST], 1)]
        hidden = [gr.update(visible=False, value=0.0)] * (MOST - len(labels))
        return [gr.update(label=label, visible=True, value=0.0) for label in labels] + hidden

    def looked(self, *values: Any) -> list[Any]:
        """The sliders of another method, and the pictures."""
        inputs = inputs_of(values)._replace(amounts=STILL)
        return [*self.labelled(inputs.method), *self.pictures(*inputs.flat)]

    def reset(self, *values: Any) -> list[Any]:
        """The share, the layer, the sliders and the pictures as at first."""
        return [0.0, 0, *STILL, *self.pictures(*inputs_of(values)._replace(amounts=STILL, share=0.0, layer=0).flat)]

    def text(self, *values: Any) -> str:
        """The current latent as JSON."""
        return as_text(self.explorer, self.choice(inputs_of(values)))

    def loaded(self, text: str, first: int, *values: Any) -> list[Any]:
        """The first five of `Inputs`, the share, the layer, the sliders, the pictures and the grid."""
        kept = of_text(self.explorer, text or "")
        inputs = inputs_of(values)
        condition = inputs.condition if kept.condition is None else kept.condition
        seed, number = kept.noise_of
        inputs = inputs._replace(seed=seed, number=number, condition=condition, truncation=self.off, latent=kept.latent)
        return [*inputs[:5], *self.reset(*inputs.flat), self.grid(first, *inputs.flat)]

    def walk(self, stops: int, frames: int, *values: Any) -> str:
        """A walk from the current sample through the next ones and back, as HTML."""
        return self.show.walk(self.walked(stops, frames, self.choice(inputs_of(values))))

    def walked(self, stops: int, frames: int, choice: Choice) -> Any:
        """Samples along a walk; raises UserError unless it has from 2 to MOST_STOPS stops and MOST_FRAMES frames."""
        for name, value, most in (("samples", stops, MOST_STOPS), ("frames", frames, MOST_FRAMES)):
            if not 2 <= as_whole(value, name) <= most:
                raise UserError(f"{name} {value}: it must be from 2 to {most}")
        steps = range(1, int(stops))
        others = [dataclasses.replace(choice, number=choice.number + step, latent=None) for step in steps]
        return self.explorer.walk([choice, *others], int(frames))

    def files(self, form: str, first: int, stops: int, frames: int, *values: Any) -> list[str]:
        """Files to take away, in one of `formats_of`."""
        choice = self.choice(inputs_of(values))
        what, ending, write = formats_of(self.explorer.model.view)[form]
        if what == WALK:
            samples = self.walked(stops, frames, choice)
        else:
            samples = self.sample(choice) if what == SAMPLE else self.gridded(first, choice)
        return self.written(what, ending, write, samples, choice)

    def written(self, what: str, ending: str, write: Write, samples: Any, choice: Choice) -> list[str]:
        name = f"{self.explorer.model.name}_{what}"
        origin = self.origin._replace(seed=choice.seed)
        return [str(file) for file in written(name, ending, write, samples, origin, new_folder(self.folder))]

    def neighbours(self, *values: Any) -> str:
        """The current sample and the training examples nearest to it, as HTML."""
        assert self.nearest is not None
        found = self.nearest(self.sample(self.choice(inputs_of(values))))
        names = ["sample", *(f"nearest {place}" for place in range(1, len(found)))]
        cells = [
            f"<figure>{self.show.cell(x)}<figcaption>{name}</figcaption></figure>" for x, name in zip(found, names)
        ]
        return f'<div class="neighbours">{"".join(cells)}</div>'


def found_by(explorer: Explorer, given: Directions | None) -> Callable[[str], Directions]:
    """Makes the function from a method, principal, first_layer or file, to directions, which are found only once."""
    busy = threading.Lock()

    @functools.cache
    def find(method: Any) -> Directions:
        if method == "file":
            assert given is not None
            return Directions(*(part[:MOST] for part in given))
        return most_directions(explorer.model, method, min(MOST, explorer.size))

    def found(method: str) -> Directions:
        with busy:
            return find(method)

    return found


def told(action: Callable[..., Any]) -> Callable[..., Any]:
    """Shows a UserError of an action as a message."""

    @functools.wraps(action)
    def act(*values: Any) -> Any:
        try:
            return action(*values)
        except UserError as error:
            raise gr.Error(html.escape(str(error)), print_exception=False) from error
        except Exception as error:  # of a run's own experiment.py too
            raise gr.Error(html.escape(f"{type(error).__name__}: {error}")) from error

    return act
