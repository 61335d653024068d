"""Meshes that can be turned, as figures of Plotly."""

import io

import numpy as np
import plotly.graph_objects as go

WOOD = "#c4a47a"


def mesh_of(glb: bytes) -> str | None:
    """Returns Plotly's JSON of the meshes in a GLB, whose y axis points up; None if there are none."""
    import trimesh

    scene = trimesh.load_scene(io.BytesIO(glb), file_type="glb", process=False)
    mesh = scene.to_mesh() if scene.geometry else None
    if mesh is None or not len(mesh.faces):
        return None
    (x, y, z), (i, j, k) = mesh.vertices.astype(np.float32).T, mesh.faces.astype(np.int32).T
    shape = go.Mesh3d(
        **{"x": x, "y": y, "z": z, "i": i, "j": j, "k": k, "color": WOOD, "flatshading": True, "hoverinfo": "skip"},
        lighting={"ambient": 0.55, "diffuse": 0.7, "specular": 0.05, "roughness": 0.9},
        lightposition={"x": 100, "y": 300, "z": 200},
    )
    axis = {"visible": False, "range": [0, 1]}
    scene_of_it = {
        "xaxis": axis,
        "yaxis": axis,
        "zaxis": axis,
        "aspectmode": "cube",
        "camera": {"up": {"x": 0, "y": 1, "z": 0}, "eye": {"x": 1.1, "y": 0.8, "z": 1.1}},
    }
    layout = {"template": go.layout.Template(), "margin": dict.fromkeys("lrtb", 0), "scene": scene_of_it}
    return go.Figure([shape], layout).to_json()
