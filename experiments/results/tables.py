"""Tables and numbers in Markdown, and their places in a text."""

import re
from typing import Any


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def markdown(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join([*row, *[""] * (len(rows[0]) - len(row))]) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def stamp(protocol: dict[str, Any]) -> str:
    """Formats a stamp in one line."""
    return "Protocol: " + "; ".join(f"{part} {value}" for part, value in protocol.items()) + "."


def between(text: str, mark: str, inside: str) -> str:
    """Replaces the part of a text between two marks."""
    begin, end = f"<!-- {mark}: drawn by experiments/results/draw.py -->", f"<!-- /{mark} -->"
    found = re.search(f"{re.escape(begin)}.*{re.escape(end)}", text, re.DOTALL)
    if found is None:
        raise ValueError(f"no `{begin}` and `{end}` in the text: put them where the table belongs")
    return text.replace(found[0], f"{begin}\n{inside}\n{end}")
