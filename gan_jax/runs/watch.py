"""Signs that a game goes wrong, logged as metrics and warned of: samples that look alike, a generator taught nothing.

They end nothing: games recover. Values that aren't finite end a game. The second sign is for losses whose critic tells
real from fake by the logit's sign (`update.make_update`); a resumed run looks anew.
"""

import math
from collections import Counter

from gan_jax.update import ACCURACY_FAKE, ACCURACY_REAL, GRADIENT_NORM, metric_name

DIVERSITY = "samples/diversity"
ALIKE = 0.1
SURE = 0.99
VANISHED = 0.01
PATIENCE = 3  # looks in a row

Metrics = dict[str, list[float | None]]  # a value for each game


class Watch:
    """Looks at the metrics of a run's games as they come."""

    def __init__(self) -> None:
        self.largest: dict[int, float] = {}  # norm of the generator's gradient, of each game
        self.seen: Counter[tuple[int, str]] = Counter()

    def look(self, metrics: Metrics) -> list[str]:
        """The signs that have been there for PATIENCE looks in a row as of this one, a line each.

        A sign that isn't looked for, as its metrics aren't among these, is neither there nor gone.
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
        """Whether each sign that these metrics tell of is there."""
        signs = {}
        if DIVERSITY in metrics:
            signs[
                f"samples differ from one another by less than {ALIKE:.0%} of what real examples do: a mode collapse?"
            ] = metrics[DIVERSITY] < ALIKE
        norm = metrics.get(metric_name("generator", GRADIENT_NORM), math.nan)
        if math.isfinite(norm):
            self.largest[game] = max(norm, self.largest.get(game, 0.0))
            accuracies = [metrics[metric_name("critic", name)] for name in (ACCURACY_REAL, ACCURACY_FAKE)]
            always_right = min(accuracies) > SURE
            signs["the critic is always right and the generator's gradient has vanished: it's taught nothing"] = (
                always_right and norm < VANISHED * self.largest[game]
            )
        return signs
