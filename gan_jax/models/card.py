"""Model cards: what a bundle's generator makes, was trained on, measures, and is for. Mitchell et al. 2019."""

import ast
from typing import Any

import numpy as np

from gan_jax.evaluation import result_file
from gan_jax.evaluation.compare import short
from gan_jax.evaluation.report import arrow, number, of_fewer
from gan_jax.experiment import Experiment
from gan_jax.models.model import Model
from gan_jax.runs.folder import Run
from gan_jax.storage.provenance import hash_of
from gan_jax.storage.versions import versions
from gan_jax.trees import named, outline

UNKNOWN = "not stated: ask whoever trained this model, and don't assume that it is free to use"
USES = """It is for research and teaching: to draw samples, look at the latent space, and compare methods. Its samples
are synthetic; `gan-jax sample` says so in each file.

Don't pass samples off as recordings, photographs or writings of people. A generator can repeat examples that it was
trained on, with whatever rights and personal data they carry: `gan-jax neighbours` shows samples beside the nearest
training examples. It repeats the data's gaps and biases too, and it isn't a source of facts. If it was trained on
pictures or voices of people, don't make deepfakes: they need the consent of those shown, and in many countries the law
says so."""


def card_of(model: Model, run: Run, experiment: Experiment, licence: str | None = None, game: int = 0) -> str:
    """Writes the card of a run's model, with the figures that `gan-jax evaluate` saved in the run.

    Args:
      model: The model.
      run: Its run.
      experiment: Its experiment.
      licence: The licence of the data; None: the one that the data set states.
      game: Which game of the run it is.

    Returns:
      Markdown.
    """
    data, example = experiment.data, experiment.data.example
    code = ast.parse((run.folder / "experiment.py").read_text(encoding="utf-8"))
    results = result_file.load(run.result) if run.result.exists() else []
    header = ast.get_docstring(code) or "It has none."
    count = sum(np.size(leaf) for leaf in named(model.variables).values())
    conditions = f"one of {model.classes} classes" if model.classes else outline(example.condition)
    parts = {
        f"# {model.name}": f"The generator of a GAN that gan_jax trained for {model.step:,} updates.",
        "## What it makes": table(
            {
                "samples": outline(example.x),
                "latents": outline(model.latent),
                "conditions": "none" if model.conditions is None else conditions,
                "variables": f"{count:,}",
            }
        ),
        "## Data": table({"name": data.name, "licence": licence or data.licence or UNKNOWN}),
        "## Training": "\n\n".join(
            [
                "The experiment's header, which describes its defaults:",
                quoted(header),
                "This run's settings:",
                table(settings_of(run)),
            ]
        ),
        "## Figures": "\n\n".join(figures(result, game) for result in results) or "None: the run wasn't evaluated.",
        "## Uses and misuses": USES,
        "## Provenance": table(
            {
                "run": run.folder.resolve().name,
                "SHA-256 of the variables": hash_of(model.variables),
                **{name: version for name, version in versions().items() if name in ("gan-jax", "jax", "python")},
            }
        ),
    }
    return "\n".join(f"{heading}\n\n{text}\n" for heading, text in parts.items())


def settings_of(run: Run) -> dict[str, Any]:
    """The arguments of a run and the options that shape its game, with the names of its files but not their places."""
    settings = run.arguments | {"seed": run.options.seed, "precision": run.options.precision}
    return {name: str(value).rpartition("/")[2] for name, value in settings.items() if value is not None}


def figures(result: dict[str, Any], game: int) -> str:
    """A table of one result's figures of a game, with the floor, the step and the protocol."""
    floor = result["floor"]
    real = f"{floor['examples']:,} of {floor['data']}" if floor else "real examples"
    rows = [f"| figure | value | {cell(real)} |", "|---|---|---|"]
    for name, values in result["figures"].items():
        of_real = number(floor["figures"].get(name)) if floor else "-"
        rows.append(f"| {name} {arrow(result, name)} | {number(values[game])} | {of_real} |")
    made = f"Measured at step {result['made']['step']:,}, before any rounding, seed {result['made']['seed']}"
    protocol = "; ".join(f"{part} {short(value)}" for part, value in result["protocol"].items())
    notes = [f"{made}.", *([f"{note}."] if (note := of_fewer(result)) else []), f"Protocol: {protocol}."]
    return "\n".join([*rows, "", " ".join(notes)])


def table(rows: dict[str, Any]) -> str:
    lines = [f"| {name} | {cell(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def cell(value: Any) -> str:
    return " ".join(str(value).replace("|", "\\|").split())


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
