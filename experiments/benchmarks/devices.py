"""The child of scaling.py: takes one iteration of ours for each line that it reads, on the devices that JAX sees.

It answers each with the number of devices.
"""

import sys

import jax
import ours_dcgan
import tyro
from game import Game


def main(game: Game) -> None:
    iteration = ours_dcgan.iteration(game)
    for _ in sys.stdin:
        iteration()
        print(jax.device_count(), flush=True)


if __name__ == "__main__":
    tyro.cli(main)
