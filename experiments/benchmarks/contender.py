"""The child of kinds.py: takes one update of a contender for each line that it reads, and answers with a line."""

import importlib
import sys

import tyro
from game import Game


def main(module: str, game: Game, objective: str | None = None) -> None:
    chosen = {} if objective is None else {"objective": objective}
    iteration = importlib.import_module(module).iteration(game, **chosen)
    for _ in sys.stdin:
        iteration()
        print("done", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
