"""Draws the tables and figures of docs/results.md, and the README's, from the results kept beside this script.

python experiments/results/draw.py

Figures of ours come from the JSON files alone; published ones stand here with their source.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from measure import OBJECTIVES, POINTS
from PIL import Image

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

NAMES = {
    "minimax": "minimax",
    "non_saturating": "non-saturating",
    "wgan": "WGAN, clipping",
    "wgan_gp": "WGAN-GP",
    "sn_hinge": "SN, hinge",
    "r1": "non-saturating + R1",
    "relativistic": "relativistic + R1 + R2",
}
TITLES = {"gaussians8": "8 Gaussians", "gaussians25": "25 Gaussians", "swiss_roll": "Swiss roll"}
HEADINGS = {
    "covered": "modes ↑",
    "high_quality": "high quality ↑",
    "reverse_kl": "reverse KL ↓",
    "wasserstein": "W₁ ↓",
    "precision": "precision ↑",
    "recall": "recall ↑",
    "coverage": "coverage ↑",
}
# Lin et al. 2018 (PacGAN), Table 1: modes, share of high quality, reverse KL. Networks, scale and length differ.
PUBLISHED = {
    "gaussians8": {"GAN, published": (6.3, 0.982, 0.45), "PacGAN2, published": (7.9, 0.956, 0.07)},
    "gaussians25": {"GAN, published": (17.3, 0.948, 0.70), "PacGAN4, published": (24.8, 0.936, 0.04)},
}

Result = dict[str, Any]


def main() -> None:
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
    montage(ROOT / "docs" / "results_points.png")


def texts() -> dict[Path, str]:
    """Every file that holds tables, and what it should hold."""
    readme = ROOT / "README.md"
    return {
        ROOT / "docs" / "results.md": page(),
        readme: between(readme.read_text(encoding="utf-8"), "results", table_of_points("gaussians25")),
    }


def page() -> str:
    """docs/results.md."""
    first = load("points", "gaussians25", OBJECTIVES[0])
    parts = [
        "# Results",
        "*Written by `python experiments/results/draw.py` from the JSON files in `experiments/results/`, which hold "
        "the command, the commit, the protocol, the seeds and the time of each. Medians over seeds, quartiles in "
        "brackets; the row of real points is real points against others, which no game betters but by chance.*",
        "## Points in the plane",
        "Seven objectives play one game, `experiments/objectives_points.py`, with eight seeds each: MLPs of width 64, "
        "batch 128, 5,000 updates, learning rates that fall to zero; the critics of WGAN and WGAN-GP have 5 turns an "
        "update, the others 1. Settings were chosen by a few short runs on the 25 Gaussians, so the other two show how "
        "far they carry. Collapsed is a game that covers fewer than half of the modes (Swiss roll: coverage below "
        "0.1), or diverged. Modes, high quality and reverse KL are PacGAN's, of as many samples (Lin et al. 2018, "
        "section 4.1).",
        "![Samples of the first seed of each](results_points.png)",
        "*Samples of the first seed: a row a distribution, a column an objective, in the tables' order.*",
    ]
    for data in POINTS:
        parts += [f"### {TITLES[data]}", table_of_points(data), stamp(load("points", data, OBJECTIVES[0]))]
    parts.append(f"Trained on {first['machine']}; seconds are of eight games together, with compilation.")
    return "\n\n".join(parts) + "\n"


def table_of_points(data: str) -> str:
    results = {objective: load("points", data, objective) for objective in OBJECTIVES}
    figures = [name for name in HEADINGS if name in results[OBJECTIVES[0]]["results"][0]["quartiles"]]
    rows = [["", *(HEADINGS[name] for name in figures), "collapsed", "seconds"]]
    for objective, result in results.items():
        (one,) = result["results"]
        cells = [quartiles(*one["quartiles"][name]) for name in figures]
        rows.append([NAMES[objective], *cells, f"{one['collapsed']:.0%}", f"{result['train_seconds']:.0f}"])
    floor = results[OBJECTIVES[0]]["results"][0]["floor"]["figures"]
    rows.append(["*real points*", *(number(floor[name]) for name in figures), "", ""])
    for name, (covered, high_quality, reverse_kl) in PUBLISHED.get(data, {}).items():
        rows.append([f"*{name}*", number(covered), number(high_quality), number(reverse_kl), "", "", ""])
    return markdown(rows)


def load(group: str, data: str, objective: str) -> Result:
    return json.loads((HERE / group / f"{data}_{objective}.json").read_text(encoding="utf-8"))


def stamp(result: Result) -> str:
    """The protocol, in one line."""
    protocol = result["results"][0]["protocol"]
    return "Protocol: " + "; ".join(f"{part} {value}" for part, value in protocol.items()) + "."


def quartiles(low: float, median: float, high: float) -> str:
    return f"{number(median)} ({number(low)}-{number(high)})"


def number(value: float) -> str:
    return f"{value:.3g}"


def markdown(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def between(text: str, mark: str, inside: str) -> str:
    """The text with what lies between the two marks put in place of what was there."""
    begin, end = f"<!-- {mark}: drawn by experiments/results/draw.py -->", f"<!-- /{mark} -->"
    found = re.search(f"{re.escape(begin)}.*{re.escape(end)}", text, re.DOTALL)
    if found is None:
        raise ValueError(f"no `{begin}` and `{end}` in the text: put them where the table belongs")
    return text.replace(found[0], f"{begin}\n{inside}\n{end}")


def montage(path: Path) -> None:
    """A row a distribution, a column an objective."""
    side = 200
    sheet = Image.new("RGB", (side * len(OBJECTIVES), side * len(POINTS)), "white")
    for y, data in enumerate(POINTS):
        for x, objective in enumerate(OBJECTIVES):
            with Image.open(HERE / "points" / f"{data}_{objective}.png") as picture:
                pixels = np.asarray(picture.convert("RGB"))
            inner = Image.fromarray(pixels[20:560, 40:580])  # without the axes' numbers
            sheet.paste(inner.resize((side, side), Image.Resampling.LANCZOS), (x * side, y * side))
    sheet.quantize(32).save(path)


if __name__ == "__main__":
    main()
