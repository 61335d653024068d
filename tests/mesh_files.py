"""Mesh files, written without a library that reads them."""

from pathlib import Path

import numpy as np


def write_obj(triangles: np.ndarray, path: Path) -> Path:
    points = "".join("v {!r} {!r} {!r}\n".format(*map(float, point)) for point in triangles.reshape(-1, 3))
    faces = "".join(f"f {3 * i + 1} {3 * i + 2} {3 * i + 3}\n" for i in range(len(triangles)))
    path.write_text(points + faces)
    return path
