"""Draws the tables and figures of docs/results.md and the README from the results beside this script.

python experiments/results/draw.py

Our figures come only from the JSON files; published ones stand here with their source.
"""

import json
import math
import statistics
from pathlib import Path
from typing import Any

import accelerator
from measure import AUGMENTED, BUDGET, IMAGES, OBJECTIVES, PLANS, POINTS, PROBABILITIES, STACKED
from PIL import Image
from tables import between, markdown, number, stamp

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

NAMES = {
    "minimax": "minimax",
    "non_saturating": "non-saturating",
    "packed": "non-saturating, packs of 2",
    "wgan": "WGAN, clipping",
    "wgan_gp": "WGAN-GP",
    "sn_hinge": "SN, hinge",
    "r1": "non-saturating + R1",
    "relativistic": "relativistic + R1 + R2",
    "wgan_gp_paper": "WGAN-GP, the paper's settings",
    "0": "as they are",
    "0.3": "augmented, p = 0.3",
}
TITLES = {
    "gaussians8": "8 Gaussians",
    "gaussians25": "25 Gaussians",
    "swiss_roll": "Swiss roll",
    "digits": "Digits",
    "fashion_mnist": "Fashion-MNIST",
    "furniture": "Furniture",
    "drums": "Drums",
    "emoji": "Emoji",
}
HEADINGS = {
    "frechet_distance": "Fréchet distance ↓",
    "covered": "modes ↑",
    "high_quality": "high quality ↑",
    "reverse_kl": "reverse KL ↓",
    "reverse_kl_floor": "floor of n",
    "wasserstein": "W₁ ↓",
    "precision": "precision ↑",
    "recall": "recall ↑",
    "coverage": "coverage ↑",
    "minimum_matching_distance": "matching distance ↓",
    "one_nearest_neighbour": "1-NN accuracy, best at 0.5",
}
# Lin et al. 2018 (PacGAN), Table 1: modes, share of high quality, reverse KL. Networks, scale and length differ.
PUBLISHED = {
    "gaussians8": {
        "GAN, published": {"covered": 6.3, "high_quality": 0.982, "reverse_kl": 0.45},
        "PacGAN2, published": {"covered": 7.9, "high_quality": 0.956, "reverse_kl": 0.07},
    },
    "gaussians25": {
        "GAN, published": {"covered": 17.3, "high_quality": 0.948, "reverse_kl": 0.70},
        "PacGAN4, published": {"covered": 24.8, "high_quality": 0.936, "reverse_kl": 0.04},
    },
}

Result = dict[str, Any]


def main() -> None:
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
    for group, rows, columns in SHEETS:
        if all(measured(group, data, columns) for data in rows):
            montage(group, rows, columns)


AND_PAPER = (*OBJECTIVES, "wgan_gp_paper")  # on the 25 Gaussians
SHEETS = (("points", POINTS, OBJECTIVES), ("images", IMAGES, OBJECTIVES), ("stacked", ("digits",), STACKED))


def texts() -> dict[Path, str]:
    """Returns every file that holds tables, with its new text."""
    readme = ROOT / "README.md"
    lent = ROOT / "experiments" / "accelerator" / "README.md"
    return {
        ROOT / "docs" / "results.md": "\n\n".join([INTRODUCTION, *points(), *images(), *augmentation(), *stacked()])
        + "\n",
        readme: between(readme.read_text(encoding="utf-8"), "results", table("points", "gaussians25", AND_PAPER)),
        ROOT / "docs" / "accelerator.md": accelerator.page(),
        lent: between(lent.read_text(encoding="utf-8"), "accelerator", accelerator.status()),
    }


INTRODUCTION = """# Results

*Written by `python experiments/results/draw.py` from the JSON files in `experiments/results/`, which hold the
command, the commit, the protocol, the seeds and the time of each. Medians over seeds, quartiles in brackets. The row
"real" compares real examples with other real examples; its number is theirs. Fewer examples than samples lower its
coverage.*"""


def points() -> list[str]:
    text = """## Points in the plane

Seven objectives play one game, `experiments/objectives_points.py`, with eight seeds each: MLPs of width 64, batch
128, 5,000 updates, learning rates that fall to zero; the critics of WGAN and WGAN-GP have 5 turns an update, the
others 1. Settings were chosen by a few short runs on the 25 Gaussians, so the other two show how well they transfer.
A game has collapsed if it covers fewer than half of the modes (Swiss roll: coverage below 0.1) or diverged. Modes,
high quality and reverse KL are PacGAN's, with as many samples (Lin et al. 2018, section 4.1); its networks, scale and
length differ.

![Samples of the first seed of each](results_points.png)

*Samples of the first seed: a row a distribution, a column an objective, in the tables' order.*"""
    made = load("points", "gaussians25", "wgan_gp_paper")["results"][0]["made"]
    paper = f"""On the 25 Gaussians, our last row is `experiments/wgan_gp_points.py`: WGAN-GP with its paper's networks
and rates, width 512, batch 256, Adam at 1e-4 (Gulrajani et al. 2017), {made["games"]} seeds, and
{made["step"]:,} of its 100,000 updates. The other row of WGAN-GP has fifty times this learning rate, falling to
zero."""
    rows = {"gaussians25": AND_PAPER}
    return [
        text,
        paper,
        *(part for data in POINTS for part in section("points", data, rows.get(data, OBJECTIVES))),
    ]


def images() -> list[str]:
    if not all(measured("images", data, OBJECTIVES) for data in IMAGES):
        return []
    text = """## Digits and clothes

The same objectives on one DCGAN of width 32 at batch 16, `experiments/objectives_digits.py`, with three seeds each
and one budget: the time that 4,200 updates of minimax take on a CPU core, a minute or more. The cost of the others'
updates was timed side by side (`experiments/benchmarks/budget.py`); the last column is the part of the budget that
each spent. Learning rates were chosen on the digits, the best of three to five after half of the budget;
Fashion-MNIST shows how well they transfer. The first table of each data set uses the features of the package's own
classifier, the second those of EfficientNet-Lite0, on fewer images.

![Samples of the first seed of each](results_images.png)

*Samples of the first seed: a row a data set, a column an objective, in the tables' order.*"""
    return [
        text,
        *(part for data in IMAGES for part in section("images", data, OBJECTIVES, best_by="frechet_distance")),
    ]


def augmentation() -> list[str]:
    if not all(measured("augmentation", data, PROBABILITIES) for data in AUGMENTED):
        return []
    text = """## Augmentation of few examples

Does it help that the critic sees few examples augmented? Each augmentation has probability 0.3: quarter turns of 158
pieces of furniture (`experiments/gan3d_furniture.py --turns`); gain, polarity and shifts of 67 drum hits
(`experiments/wavegan_drums.py --augmentation`); ADA's geometry and colours of 500 of Noto's emoji, to which the
probability rises along a cosine (`experiments/relativistic_images.py --augmentation`). Each has the same number of
updates with and without. Figures are of held-out examples: 17 pieces, 21 hits, and 1,000 of the other 3,286 emoji.

Furniture and drums have three seeds, a third of the experiments' updates or less, and an update costs less than 5 %
more. In runs as short as these, before a critic knows its examples by heart, augmentation doesn't help, so the
experiments' default is none. The emoji have one seed and 28,000 updates of 16, 900 passes over the images: long enough
for augmentation to win, in distance and variety (recall). After 7,000 updates of the same game on another 500 emoji,
the distance was still 351 without and 360 with it. But the critic knew its examples: of the gap between its logits of
training images and of samples, 66 % was a gap between training and held-out images, and with augmentation 20 %. An
update of so narrow a DCGAN with augmentation takes 1.8 times as long on one core."""
    return [text, *(part for data in AUGMENTED for part in section("augmentation", data, PROBABILITIES))]


def stacked() -> list[str]:
    if not measured("stacked", "digits", STACKED):
        return []
    text = """## Stacked digits

Three of the 4,000 packaged digits in one image, thus 1,000 modes; `experiments/objectives_stacked.py`, two seeds each
and one budget: the time that 3,000 updates of the non-saturating game take on a CPU core; the last column is the part
of it that each spent. The reverse KL of n samples isn't 0 even for the uniform distribution: its mean is the floor.
PacGAN's Table 2, after 50 epochs of 128,000 images: DCGAN 99 modes and KL 3.40, PacDCGAN2 1000 and .06 (Lin et al.
2018). These games are far from that: they have a thirtieth of the updates or less, and WGAN-GP, whose update costs
most, is at its beginning.

![Samples of the first seed of each](results_stacked.png)

*Samples of the first seed, a column an objective, in the table's order.*"""
    return [text, *section("stacked", "digits", STACKED, best_by="reverse_kl")]


def section(group: str, data: str, objectives: tuple[str, ...], *, best_by: str | None = None) -> list[str]:
    """Returns a title, and for each protocol its table, the best objective by the named figure, and the stamp."""
    parts = [] if group == "stacked" else [f"### {TITLES[data]}"]
    for which, one in enumerate(load(group, data, objectives[0])["results"]):
        parts.append(table(group, data, objectives, which))
        if best_by:
            parts.append(best(group, data, objectives, which, best_by))
        parts.append(stamp(one["protocol"]))
    return parts


def table(group: str, data: str, objectives: tuple[str, ...], number_of_protocol: int = 0) -> str:
    results = {objective: load(group, data, objective) for objective in objectives}
    first = results[objectives[0]]["results"][number_of_protocol]
    for objective, result in results.items():
        if result["results"][number_of_protocol]["protocol"] != first["protocol"]:
            raise ValueError(
                f"{data}_{objective}.json was measured by another protocol than the others: measure it again"
            )
    figures = [name for name in HEADINGS if name in first["quartiles"]]
    rows = [
        ["", *(HEADINGS[name] for name in figures), "collapsed", "updates", *(["budget"] if group in BUDGET else [])]
    ]
    for objective, result in results.items():
        one = result["results"][number_of_protocol]
        cells = [quartiles(*one["quartiles"][name]) for name in figures]
        steps, cost = one["made"]["step"], PLANS[group][f"{data}_{objective}"].cost
        spent = [] if cost is None else [f"{steps * cost / BUDGET[group]:.0%}"]
        rows.append([NAMES[objective], *cells, f"{one['collapsed']:.0%}", f"{steps:,}", *spent])
    real = first["floor"]
    rows.append(
        [f"*real: {real['examples']:,} of {real['data']}*", *(number(real["figures"][name]) for name in figures)]
    )
    for name, published in PUBLISHED.get(data, {}).items():
        rows.append([f"*{name}*", *(number(published[figure]) if figure in published else "" for figure in figures)])
    return markdown(rows)


def best(group: str, data: str, objectives: tuple[str, ...], number_of_protocol: int, figure: str) -> str:
    """Says which objective has the lowest median of a figure, by how much, and whether each seed is better."""
    figures = {
        objective: load(group, data, objective)["results"][number_of_protocol]["figures"][figure]
        for objective in objectives
    }
    # a game that diverged has no figure, and is worse than any that has one
    seeds = {name: sorted(math.inf if value is None else value for value in values) for name, values in figures.items()}
    first, second, *_ = sorted(seeds, key=lambda name: statistics.median(seeds[name]))
    apart = statistics.median(seeds[second]) / statistics.median(seeds[first])
    surely = "every seed of it before" if seeds[first][-1] < seeds[second][0] else "though not with every seed before"
    heading = HEADINGS[figure].removesuffix(" ↓")
    return (
        f"Best by median {heading}: {NAMES[first]}, {surely} every one of the next, {NAMES[second]}, "
        f"whose median is {apart:.2f} times as large."
    )


def measured(group: str, data: str, objectives: tuple[str, ...]) -> bool:
    return all((HERE / group / f"{data}_{objective}.json").exists() for objective in objectives)


def load(group: str, data: str, objective: str) -> Result:
    return json.loads((HERE / group / f"{data}_{objective}.json").read_text(encoding="utf-8"))


def quartiles(low: float, median: float, high: float) -> str:
    return number(median) if low == high else f"{number(median)} ({number(low)}-{number(high)})"


def montage(group: str, rows: tuple[str, ...], columns: tuple[str, ...]) -> None:
    """Draws docs/results_GROUP.png: samples, a row for each distribution and a column for each objective."""
    side = 200
    sheet = Image.new("RGB", (side * len(columns), side * len(rows)), "white")
    for y, data in enumerate(rows):
        for x, objective in enumerate(columns):
            with Image.open(HERE / group / f"{data}_{objective}.png") as picture:
                small = picture.convert("RGB").resize((side - 4, side - 4), Image.Resampling.LANCZOS)
            sheet.paste(small, (x * side + 2, y * side + 2))
    sheet.quantize(64).save(ROOT / "docs" / f"results_{group}.png")


if __name__ == "__main__":
    main()
