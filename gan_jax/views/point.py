"""Points in the plane as dots and as coordinates."""

from pathlib import Path

import numpy as np

from gan_jax.types import View


def write_scatter(points: np.ndarray, path: Path) -> None:
    """Writes points [N, 2] as dots on a plane from -2 to 2."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.scatter(points[:, 0], points[:, 1], s=4, alpha=0.5, linewidths=0)
    axes.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
    figure.savefig(path, dpi=120, metadata={"Software": None})


def write_point(point: np.ndarray, path: Path) -> None:
    """Writes one point [2] as a line of comma-separated coordinates."""
    np.savetxt(path, point[None], fmt="%.6g", delimiter=",")


points = View({".png": write_scatter}, {".csv": write_point}, recipe={"kind": "points"})
"""The view of points [2] in the plane: PNG scatter plots, and CSV files of coordinates."""
