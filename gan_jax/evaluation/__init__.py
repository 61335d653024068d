"""Evaluation of runs: figures with their protocol, side by side."""
