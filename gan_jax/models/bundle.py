"""Bundles: a trained generator in one file, NAME.ganjax, to draw from without the run, its data or its code.

A bundle is a zip file of bundle.json (the facts), the programs of `programs.py`, variables.safetensors, README.md (the
model card) and, where there are any, directions.safetensors (those of the first layer) and conditions.safetensors
(other conditions than class numbers).

A bundle from anyone may be opened: it is read into memory, never unpacked to files; no part may be much larger than the
file; programs are checked to call nothing outside themselves and to fit the variables.
"""

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import numpy as safetensors

from gan_jax.errors import Missing, UserError
from gan_jax.latent import Directions
from gan_jax.models.directions import NO_DIRECTIONS, all_of_first_layer, check_directions
from gan_jax.models.model import Model, one_of
from gan_jax.models.programs import network_of, prior_of, programs_of
from gan_jax.storage.files import whole
from gan_jax.storage.versions import versions
from gan_jax.trees import named, outline
from gan_jax.types import Condition, Variables
from gan_jax.views import view_of
from gan_jax.views.recipes import check_view

SUFFIX = ".ganjax"
FORMAT = 1
FACTS, CARD = "bundle.json", "README.md"
VARIABLES, CONDITIONS, DIRECTIONS = "variables.safetensors", "conditions.safetensors", "directions.safetensors"
PRIOR, GENERATOR, SYNTHESIS = "prior.jax", "generator.jax", "synthesis.jax"
LARGEST = {FACTS: 50_000_000, CARD: 1_000_000, PRIOR: 10_000_000, GENERATOR: 100_000_000, SYNTHESIS: 100_000_000}
MOST_CLASSES = 1_000_000
LARGEST_STEP = 2**53
LONGEST = 100  # characters of a name
DENSEST = 8  # arrays are at most so many times as large as their part of the file
MADE = (1980, 1, 1, 0, 0, 0)  # the date of every member, so that the same model gives the same bytes


def write(model: Model, card: str, file: Path, *, half: bool = False) -> None:
    """Writes a model as a bundle.

    Args:
      model: The model.
      card: Its model card, in Markdown.
      file: The bundle.
      half: Whether the variables are stored in half precision, as of a `rounded` model. They are computed with in
        single precision all the same.

    Raises:
      UserError: The model's view, network, prior or conditions can't be stored, or the bundle can't be opened again.
    """
    if model.view.recipe is None:
        raise UserError(f"the view of {model.name} can't travel: export a model whose view is one of gan_jax.views")
    check_view(model.view, model.shape)
    first_layer = all_of_first_layer(model) if model.first_layer is None else model.first_layer
    variables = {name: np.asarray(leaf) for name, leaf in named(model.variables).items()}
    programs = programs_of(model)
    facts = {
        "format": FORMAT,
        "name": model.name,
        "step": model.step,
        "classes": model.classes,
        "view": model.view.recipe,
        "versions": versions(),
    }
    members = {
        FACTS: json.dumps(facts, indent=2).encode(),
        CARD: card.encode(),
        PRIOR: programs.prior,
        GENERATOR: programs.generator,
        SYNTHESIS: programs.synthesis,
        VARIABLES: stored({name: halved(leaf) if half else leaf for name, leaf in variables.items()}),
        CONDITIONS: None if model.classes or model.conditions is None else stored(named_conditions(model)),
        DIRECTIONS: None if first_layer is None else stored(in_single(first_layer)),
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in members.items():
            if content is not None:
                dense = name not in LARGEST and len(zlib.compress(content)) * DENSEST < len(content)
                how = zipfile.ZIP_STORED if dense else zipfile.ZIP_DEFLATED
                archive.writestr(zipfile.ZipInfo(name, MADE), content, how, 9)
    with whole(file) as part:
        part.write_bytes(written.getvalue())
        read(part)


def stored(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays as safetensors, which takes the memory as it lies."""
    return safetensors.save({name: np.array(array, order="C") for name, array in arrays.items()})


def in_single(found: Directions) -> dict[str, np.ndarray]:
    return {name: np.asarray(part, np.float32) for name, part in found._asdict().items()}


def rounded(model: Model) -> Model:
    """The model with variables that half precision can hold.

    Raises:
      UserError: A number is too large for half precision.
    """
    return model._replace(variables=jax.tree.map(lambda leaf: single(halved(np.asarray(leaf))), model.variables))


def halved(leaf: np.ndarray) -> np.ndarray:
    """Single as half precision; anything else as it is.

    Raises:
      UserError: A number is too large for half precision.
    """
    if leaf.dtype != np.float32:
        return leaf
    with np.errstate(over="ignore"):
        small = leaf.astype(np.float16)
    if not np.isfinite(small).all():
        raise UserError("a variable is above 65,504, the largest number of half precision: leave --half out")
    return small


def named_conditions(model: Model) -> dict[str, np.ndarray]:
    """The conditions under names from which `nested` makes their tree again."""
    flat = {f"condition/{name}".rstrip("/"): np.asarray(leaf) for name, leaf in named(model.conditions).items()}
    if outline(nested(flat)["condition"]) != outline(model.conditions):
        raise UserError(f"the conditions of {model.name} can't travel: make them an array, or nested dicts of arrays")
    return flat


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """{"a/b": leaf} as {"a": {"b": leaf}}."""
    tree: dict[str, Any] = {}
    for name, leaf in flat.items():
        *folders, last = name.split("/")
        here = tree
        for folder in folders:
            here = here.setdefault(folder, {})
        here[last] = leaf
    return tree


def read(file: Path) -> Model:
    """Opens a bundle.

    Raises:
      Missing: There is no such file.
      UserError: It isn't a bundle, isn't whole, or holds something that a bundle doesn't.
    """
    members = members_of(file)
    try:
        return model_of(members)
    except UserError as error:
        raise UserError(f"{file} can't be opened: {error}{made_by(members[FACTS])}") from error
    except Exception as error:  # of JSON, safetensors and JAX alike
        raise UserError(f"{file} is broken ({type(error).__name__}: {error}): export it again") from error


def made_by(facts: bytes) -> str:
    """The version of JAX that wrote a bundle, where it isn't this one: newer programs can't be read."""
    try:
        written = str(json.loads(facts)["versions"]["jax"])[:20]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return "" if written == jax.__version__ else f"; it was written with jax {written}, and this is {jax.__version__}"


def card_of(file: Path) -> str:
    """The model card of a bundle, in Markdown."""
    return members_of(file)[CARD].decode(errors="replace")


def model_of(members: dict[str, bytes]) -> Model:
    facts = json.loads(members[FACTS])
    if facts["format"] != FORMAT:
        raise UserError("another version of gan_jax wrote it")
    arrays = {name: single(leaf) for name, leaf in safetensors.load(members[VARIABLES]).items()}
    variables = Variables(**{"params": {}, "stats": {}} | nested(arrays))
    classes = facts["classes"]
    if not isinstance(classes, int) or not 0 <= classes <= MOST_CLASSES:
        raise UserError(f"its number of classes is {str(classes)[:40]!a}")
    conditions: Condition = None
    if classes:
        conditions = np.arange(classes, dtype=np.int32)
    elif CONDITIONS in members:
        conditions = nested(safetensors.load(members[CONDITIONS]))["condition"]
    name = str(facts["name"])
    if not name.isprintable() or not 0 < len(name) <= LONGEST or set(name) & set("/\\") or name.startswith("."):
        raise UserError(f"its name {name[:LONGEST]!a} can't be that of a file")
    step = facts["step"]
    if not isinstance(step, int) or not 0 <= step < LARGEST_STEP:
        raise UserError(f"its step is {str(step)[:40]!a}")
    model = Model(
        name=name,
        step=step,
        network=network_of(members[GENERATOR], members.get(SYNTHESIS), named(variables), one_of(conditions)),
        variables=variables,
        prior=prior_of(members[PRIOR]),
        conditions=conditions,
        classes=classes,
        view=view_of(facts["view"]),
        first_layer=directions_in(members[DIRECTIONS]) if DIRECTIONS in members else NO_DIRECTIONS,
    )
    check_view(model.view, model.shape)
    return model


def directions_in(content: bytes) -> Directions:
    """Reads directions, and raises UserError if they aren't any."""
    found = Directions(**safetensors.load(content))
    check_directions(found)
    return found


def single(leaf: np.ndarray) -> np.ndarray:
    return leaf.astype(np.float32) if leaf.dtype == np.float16 else leaf


def members_of(file: Path) -> dict[str, bytes]:
    """Reads the members of a bundle.

    Raises:
      Missing: There is no such file.
      UserError: It isn't a whole bundle, a member is strange, or is larger than it may be.
    """
    if not file.is_file():
        raise Missing(f"{file}: no such file; `gan-jax export RUN --out {file.name}` makes a bundle")
    members: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                check_member(info, members)
                with archive.open(info) as content:
                    members[info.filename] = content.read(info.file_size + 1)
                if len(members[info.filename]) != info.file_size:
                    raise UserError(f"{info.filename} is larger than it says")
    except UserError as error:
        raise UserError(f"{file} isn't a bundle: {error}") from error
    except Exception as error:  # of zipfile, zlib and struct
        raise UserError(f"{file} isn't a bundle, or isn't whole ({error}): export it again") from error
    if lacking := {FACTS, CARD, PRIOR, GENERATOR, VARIABLES} - members.keys():
        raise UserError(f"{file} isn't a bundle: it lacks {', '.join(sorted(lacking))}")
    return members


def check_member(info: zipfile.ZipInfo, before: dict[str, bytes]) -> None:
    """Raises UserError for a member that a bundle doesn't have, has twice, or has smaller."""
    name = info.filename
    if name not in (*LARGEST, VARIABLES, CONDITIONS, DIRECTIONS):
        raise UserError(f"it holds {name!a}")
    if name in before:
        raise UserError(f"it holds {name} twice")
    largest = LARGEST.get(name, DENSEST * info.compress_size)
    if info.file_size > largest:
        raise UserError(f"{name} has {info.file_size:,} bytes, where {largest:,} are many")
