"""The page: its layout, and which control does what."""

import functools
import html
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from gan_jax.explorer.actions import Actions, told
from gan_jax.explorer.files import formats_of
from gan_jax.explorer.inputs import MOST, MOST_FRAMES, MOST_STOPS, Inputs
from gan_jax.explorer.state import GRID

HERE = Path(__file__).parent
SEEN = 8  # sliders that are always in sight
SPAN = 3.0  # standard deviations to each side
LIMITS = (2.0, 1.5, 1.0, 0.7, 0.5, 0.3)  # of the entries of z
METHODS = {"principal": "principal components", "first_layer": "first layer"}
CONDITIONS = 1000  # the most that the list has
AT_ONCE: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last"}
QUICK: dict[str, Any] = AT_ONCE | {"queue": False}  # half the time, but gradio shows no message of an error
LONG: dict[str, Any] = {"show_progress": "minimal"}
BOUNDED = """(...values) => {
  const ranges = %s;
  return values.map((value, at) => ranges[at] ? Math.min(Math.max(value, ranges[at][0]), ranges[at][1]) : value);
}"""
FORGET = (300, 3600)  # seconds: how often old files are deleted, and how old they are then
FONTS = ["system-ui", "sans-serif"]  # of the system: others would be fetched
CODE_FONTS = ["ui-monospace", "monospace"]


class Draws(NamedTuple):
    """The controls of the grid."""

    seed: gr.Number
    number: gr.Number
    condition: gr.Dropdown
    truncation: gr.Slider | gr.Dropdown
    grid: gr.HTML
    back: gr.Button
    forth: gr.Button
    dice: gr.Button


class Edits(NamedTuple):
    """The controls that change the current sample."""

    method: gr.Radio
    sliders: list[gr.Slider]
    reset: gr.Button
    other_seed: gr.Number
    other_number: gr.Number
    share: gr.Slider
    layer: gr.Slider


class Panels(NamedTuple):
    """What there is below the current sample."""

    stops: gr.Slider
    frames: gr.Slider
    walk: gr.Button
    film: gr.HTML
    form: gr.Dropdown
    make: gr.Button
    files: gr.File
    text: gr.Textbox
    read: gr.Button
    load: gr.Button
    find: gr.Button
    neighbours: gr.HTML


def build(actions: Actions, methods: dict[str, str]) -> gr.Blocks:
    """Builds the page.

    Args:
      actions: What its controls do.
      methods: The methods to find directions and their names on the page; the page begins with the first.
    """
    title = f"{actions.explorer.model.name} · gan-jax"
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=FORGET) as page:
        gr.HTML(title_of(actions), elem_id="title")
        with gr.Row():
            with gr.Column(scale=5, min_width=320):
                draws = drawing(actions)
            with gr.Column(scale=5, min_width=320, elem_id="current"):
                stage = gr.HTML(elem_id="stage")
                solid = gr.Model3D(label="Drag to rotate", interactive=False, height=320, visible=actions.show.solid)
                panels = panels_of(actions)
            with gr.Column(scale=4, min_width=320, elem_id="edits"):
                edits = editing(actions, methods)
        first, latent = gr.State(0), gr.State(None)
        inputs = Inputs(
            seed=draws.seed,
            number=draws.number,
            condition=draws.condition,
            truncation=draws.truncation,
            latent=latent,
            other_seed=edits.other_seed,
            other_number=edits.other_number,
            share=edits.share,
            layer=edits.layer,
            method=edits.method,
            amounts=edits.sliders,
        )
        pictures = [stage, solid] if actions.show.solid else [stage]
        connect_draws(actions, draws, inputs, first, pictures)
        connect_edits(actions, edits, inputs, pictures)
        connect_panels(actions, panels, draws, inputs, first, pictures)
        page.load(told(actions.pictures), inputs.flat, pictures, **AT_ONCE)
        page.load(told(actions.grid), [first, *inputs.flat], draws.grid, **AT_ONCE)
        page.load(told(actions.labelled), edits.method, edits.sliders, **LONG)
    return page


def title_of(actions: Actions) -> str:
    explorer = actions.explorer
    latents = f"styles of {explorer.size}, {explorer.layers} layers" if explorer.layers else f"z of {explorer.size}"
    facts = html.escape(f"step {explorer.model.step:,} · {latents}")
    return f"<h1>{html.escape(explorer.model.name)}</h1><p>{facts} · all samples are synthetic</p>"


def drawing(actions: Actions) -> Draws:
    """Lays out the seed, the condition, the truncation and the grid."""
    explorer = actions.explorer
    with gr.Row(elem_classes="compact"):
        seed = gr.Number(0, label="Seed", min_width=90, elem_id="seed")
        number = gr.Number(0, label="Sample", min_width=90, elem_id="number")
        condition = gr.Dropdown(
            [("all", -1), *((str(number), number) for number in range(min(explorer.conditions, CONDITIONS)))],
            value=-1,
            label="Class" if explorer.model.classes else "Condition",
            visible=explorer.conditions > 1,
            min_width=90,
            elem_id="condition",
        )
        truncation = truncations(explorer.layers > 0)
    grid = gr.HTML(elem_id="grid", js_on_load=script("grid.js"))
    with gr.Row(elem_classes="compact"):
        back = gr.Button("◀ Previous", size="sm", min_width=90, elem_id="back")
        forth = gr.Button("Next ▶", size="sm", min_width=90, elem_id="forth")
        dice = gr.Button("Random seed", size="sm", min_width=90, elem_id="dice")
    return Draws(seed, number, condition, truncation, grid, back, forth, dice)


def truncations(of_styles: bool) -> gr.Slider | gr.Dropdown:
    if of_styles:
        return gr.Slider(0, 1, 1, step=0.05, label="Truncation ψ", min_width=160, elem_id="truncation")
    limits = [("off", 0.0), *((f"|z| ≤ {limit:g}", limit) for limit in LIMITS)]
    return gr.Dropdown(limits, value=0.0, label="Truncation", min_width=90, elem_id="truncation")


def editing(actions: Actions, methods: dict[str, str]) -> Edits:
    """Lays out the directions and the mixing."""
    layers = actions.explorer.layers
    method = gr.Radio(
        [(name, method) for method, name in methods.items()],
        value=next(iter(methods)),
        label="Directions, in standard deviations",
        elem_id="method",
    )
    sliders = [direction(place) for place in range(1, SEEN + 1)]
    with gr.Accordion("More directions", open=False):
        sliders += [direction(place) for place in range(SEEN + 1, MOST + 1)]
    with gr.Group():
        share = gr.Slider(0, 1, 0, step=0.02, label="Mix with another sample", elem_id="share")
        with gr.Row(elem_classes="compact"):
            other_seed = gr.Number(1, label="Seed", min_width=90, elem_id="other_seed")
            other_number = gr.Number(0, label="Sample", min_width=90, elem_id="other_number")
        layer = gr.Slider(
            0,
            max(layers, 1),
            0,
            step=1,
            label="from layer",
            visible=layers > 0,
            elem_id="layer",
        )
    reset = gr.Button("Reset sliders", size="sm", elem_id="reset")
    return Edits(method, sliders, reset, other_seed, other_number, share, layer)


def direction(place: int) -> gr.Slider:
    return gr.Slider(-SPAN, SPAN, 0, step=0.05, label=f"{place}", visible=False, elem_id=f"direction_{place}")


def panels_of(actions: Actions) -> Panels:
    """Lays out walks, files, latents and neighbours."""
    walks, forms = bool(actions.explorer.model.view.walks), list(formats_of(actions.explorer.model.view))
    with gr.Tabs():
        with gr.Tab("Walk", visible=walks):
            with gr.Row(elem_classes="compact"):
                stops = gr.Slider(2, MOST_STOPS, 4, step=1, label="Samples", min_width=120, elem_id="stops")
                frames = gr.Slider(
                    2, MOST_FRAMES, actions.show.frames, step=1, label="Frames", min_width=120, elem_id="frames"
                )
            walk = gr.Button("Walk", size="sm", elem_id="walk")
            film = gr.HTML(elem_id="film", js_on_load=script("film.js"))
        with gr.Tab("Save"):
            form = gr.Dropdown(forms, value=forms[0], label="Save", elem_id="form")
            make = gr.Button("Create file", size="sm", elem_id="make")
            files = gr.File(label="Files", file_count="multiple", interactive=False, elem_id="files")
        with gr.Tab("Latent"):
            with gr.Row(elem_classes="compact"):
                read = gr.Button("Show", size="sm", elem_id="read")
                load = gr.Button("Load", size="sm", elem_id="load")
            text = gr.Textbox(
                label="The latent, as JSON",
                placeholder="Paste the text of latent.json here",
                lines=6,
                max_lines=6,
                buttons=["copy"],
                elem_id="text",
                interactive=True,
            )
        with gr.Tab("Neighbours", visible=actions.nearest is not None):
            find = gr.Button("Nearest training examples", size="sm", elem_id="find")
            neighbours = gr.HTML(elem_id="neighbours")
    return Panels(stops, frames, walk, film, form, make, files, text, read, load, find, neighbours)


def connect_draws(
    actions: Actions, draws: Draws, inputs: Inputs, first: gr.State, pictures: Sequence[gr.components.Component]
) -> None:
    """Says what the controls of the grid do."""
    values, latent = inputs.flat, inputs.latent
    all_values = [first, *values]
    on(draws.seed.input, told(actions.seeded), all_values, [latent, draws.grid, *pictures], AT_ONCE)
    on(draws.dice.click, told(actions.thrown), all_values, [draws.seed, latent, draws.grid, *pictures], AT_ONCE)
    for control in (draws.condition, draws.truncation):
        on(control.input, told(actions.everything), all_values, [draws.grid, *pictures], AT_ONCE)
    for button, step in ((draws.back, -GRID), (draws.forth, GRID)):
        turn = told(functools.partial(actions.turn, step))
        on(button.click, turn, all_values, [first, draws.grid], AT_ONCE)
    on(draws.grid.select, told(actions.picked), values, [inputs.number, latent, *pictures], AT_ONCE)
    on(inputs.number.input, told(actions.numbered), values, [latent, *pictures], AT_ONCE)


def connect_edits(actions: Actions, edits: Edits, inputs: Inputs, pictures: Sequence[gr.components.Component]) -> None:
    """Says what the controls that change the current sample do."""
    values = inputs.flat
    for control in (*edits.sliders, edits.share, edits.layer):
        on(control.input, actions.stage_or_message, values, pictures[0], QUICK)
        if actions.show.solid:
            on(control.release, told(actions.pictures), values, pictures, AT_ONCE)
    for number in (edits.other_seed, edits.other_number):
        on(number.input, told(actions.pictures), values, pictures, AT_ONCE)
    on(edits.method.input, told(actions.looked), values, [*edits.sliders, *pictures], LONG)
    changed = [edits.share, edits.layer, *edits.sliders, *pictures]
    on(edits.reset.click, told(actions.reset), values, changed, AT_ONCE)


def connect_panels(
    actions: Actions,
    panels: Panels,
    draws: Draws,
    inputs: Inputs,
    first: gr.State,
    pictures: Sequence[gr.components.Component],
) -> None:
    """Says what walks, files, latents and neighbours do."""
    values, path = inputs.flat, [panels.stops, panels.frames]
    on(panels.walk.click, told(actions.walk), [*path, *values], panels.film, LONG)
    on(panels.make.click, told(actions.files), [panels.form, first, *path, *values], panels.files, LONG)
    on(panels.read.click, told(actions.text), values, panels.text, AT_ONCE)
    loaded = [inputs.seed, inputs.number, inputs.condition, inputs.truncation, inputs.latent]
    changed = [*loaded, inputs.share, inputs.layer, *inputs.amounts, *pictures, draws.grid]
    on(panels.load.click, told(actions.loaded), [panels.text, first, *values], changed, AT_ONCE)
    on(panels.find.click, told(actions.neighbours), values, panels.neighbours, LONG)


def on(
    event: Callable[..., Any], action: Callable[..., Any], inputs: list[Any], outputs: Any, how: dict[str, Any]
) -> None:
    """Connects an event with an action. Sliders stay in their ranges, whatever is typed: gradio only says "Error"."""
    ranges = [[one.minimum, one.maximum] if isinstance(one, gr.Slider) else None for one in inputs]
    event(action, inputs, outputs, js=BOUNDED % json.dumps(ranges), **how)


def script(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def theme() -> gr.themes.Base:
    """The theme, with the system's fonts."""
    return gr.themes.Default(primary_hue="blue", font=FONTS, font_mono=CODE_FONTS)
