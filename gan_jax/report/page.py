"""The report as one page of HTML: it holds its scripts, pictures and sounds, and asks no host for anything."""

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

import gan_jax
from gan_jax.evaluation.report import arrow, collapsed, number, of_fewer, protocol
from gan_jax.report.curves import COLOURS, POINTS, charts_of
from gan_jax.report.pictures import Strip, embedded, strips_of
from gan_jax.report.read import Record
from gan_jax.report.samples import Newest
from gan_jax.report.tables import settings_of, tables_of

NEIGHBOURS = "neighbours.png"
LARGEST = 3_000_000  # bytes of a picture of neighbours


def page_of(records: Sequence[Record], newest: Sequence[Newest]) -> str:
    """Returns the page.

    Args:
      records: The runs.
      newest: The newest samples of each run; none if the page is without them.
    """
    own = files(gan_jax) / "report"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"number": number, "duration": duration, "script": as_script}
    return environment.from_string((own / "page.html").read_text(encoding="utf-8")).render(
        records=records,
        newest=newest,
        colours=[COLOURS[place % len(COLOURS)] for place in range(len(records))],
        groups=charts_of(records),
        is_thinned=any(len(logged.steps) > POINTS for record in records for logged in record.metrics.values()),
        strips=strips_of(records),
        frames_of=frames_of,
        neighbours=[embedded(record.run.folder / NEIGHBOURS, LARGEST) for record in records],
        settings=settings_of(records),
        tables=tables_of(records),
        arrow=arrow,
        collapsed=collapsed,
        of_fewer=of_fewer,
        protocol=protocol,
        version=gan_jax.__version__,
        style=Markup((own / "page.css").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
        script=Markup((own / "page.js").read_text(encoding="utf-8")),
    )


def frames_of(strip: Strip) -> list[dict[str, Any]]:
    return [picture._asdict() for picture in strip.pictures]


def as_script(value: Any) -> Markup:
    """Returns JSON, or what becomes JSON, for a script element, which it can't end."""
    text = value if isinstance(value, str) else json.dumps(value)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def duration(seconds: float) -> str:
    """Returns a time such as 2 h 5 min."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def in_bytes(page: str) -> bytes:
    """Returns the page's bytes; a name of a file that isn't UTF-8 is written with escapes."""
    return page.encode("utf-8", errors="backslashreplace")
