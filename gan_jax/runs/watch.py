"""Signs in the metrics that a game goes wrong: samples that look alike, a generator that learns nothing.

They lead to warnings only, since games recover; values that aren't finite end a game. The second sign is for losses
whose critic tells real from fake by the sign of the logit (`update.make_update`). A resumed run starts to watch afresh.
"""

import math
from collections import Counter

from gan_jax.play import ACCURACY_FAKE, ACCURACY_REAL, GRADIENT_NORM, metric_name

DIVERSITY = "samples/diversity"
ALIKE = 0.1
SURE = 0.99
VANISHED = 0.01
PATIENCE = 3  # looks in a row

Metrics = dict[str, list[float | None]]  # a value for each game


class Watch:
    """Watches the metrics of a run's games as they come."""

    def __init__(self) -> None:
        self.largest: dict[int, float] = {}  # by game: the largest norm of the generator's gradient so far
        self.seen: Counter[tuple[int, str]] = Counter()

    def look(self, metrics: Metrics) -> list[str]:
        """Returns a line for each sign that is now there for the PATIENCE-th time in a row.

        A sign whose metrics aren't among these keeps its count.
        """
        games = max(map(len, metrics.values()), default=0)  # none where every game has diverged
        found = []
        for game in range(games):
            of_game = {name: value for name, values in metrics.items() if (value := values[game]) is not None}
            for sign, there in self.signs(game, of_game).items():
                self.seen[game, sign] = self.seen[game, sign] + 1 if there else 0
                if self.seen[game, sign] == PATIENCE:
                    found.append(sign if games == 1 else f"game {game}: {sign}")
        return found

    def signs(self, game: int, metrics: dict[str, float]) -> dict[str, bool]:
        """Returns whether each sign that these metrics can show is there."""
        signs = {}
        if DIVERSITY in metrics:
            signs[
                f"samples differ from one another less than {ALIKE:.0%} as much as real examples do: a mode collapse?"
            ] = metrics[DIVERSITY] < ALIKE
        norm = metrics.get(metric_name("generator", GRADIENT_NORM), math.nan)
        if math.isfinite(norm):
            self.largest[game] = max(norm, self.largest.get(game, 0.0))
            accuracies = [metrics[metric_name("critic", name)] for name in (ACCURACY_REAL, ACCURACY_FAKE)]
            always_right = min(accuracies) > SURE
            signs["the critic is always right and the generator's gradient has vanished: it learns nothing"] = (
                always_right and norm < VANISHED * self.largest[game]
            )
        return signs
