"""Makes inception_golden.json: outputs of torch-fidelity's Inception, layer by layer, for image() and made-up weights.

python tests/features/make_inception_golden.py, where torch-fidelity 0.4.0, pytorch-fid 0.3.0 and torch are.
"""

import importlib.metadata
import json
import zlib
from pathlib import Path

import numpy as np

PEERS = ("torch-fidelity", "pytorch-fid", "torch", "numpy")
FILE = Path(__file__).with_name("inception_golden.json")


def image() -> np.ndarray:
    """[1, 20, 28, 3], uint8."""
    return np.random.RandomState(0).randint(0, 256, (1, 20, 28, 3)).astype(np.uint8)


def weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A tensor of the network, float32, determined by its name and shape.

    By RandomState, whose stream stays as it is in every NumPy (NEP 19).
    """
    draws = np.random.RandomState(zlib.crc32(name.encode())).random_sample(shape)
    if name.endswith(("bn.weight", "running_var")):
        return (0.5 + draws).astype(np.float32)
    if len(shape) == 1:
        return (0.2 * draws - 0.1).astype(np.float32)
    bound = np.sqrt(6 / np.prod(shape[1:]))  # He 2015: the layers keep their scale
    return (bound * (2 * draws - 1)).astype(np.float32)


def summary(x: np.ndarray) -> np.ndarray:
    """[67]: the mean of x [1, H, W, C] or [1, C], its root mean square, the mean of its corner, and 64 elements."""
    x = np.asarray(x, np.float64)
    places = np.random.RandomState(x.size).randint(0, x.size, 64)
    corner = x[0, 0, 0] if x.ndim == 4 else x[0, :1]
    return np.array([x.mean(), np.sqrt(np.mean(x**2)), corner.mean(), *x.ravel()[places]])


def network():
    """torch-fidelity's, with the tensors of weight()."""
    from unittest import mock

    from torch_fidelity import feature_extractor_inceptionv3 as peer

    kind = peer.FeatureExtractorInceptionV3
    with mock.patch.object(kind, "load_state_dict"), mock.patch.object(peer, "load_state_dict_from_url"):
        model = kind("inception", ["2048", "logits_unbiased"])
    fill(model)
    return model


def fill(model) -> None:
    import torch

    state = {
        name: torch.tensor(weight(name, tuple(t.shape))) if t.ndim else t for name, t in model.state_dict().items()
    }
    model.load_state_dict(state)


def layers(model) -> dict[str, np.ndarray]:
    """Name of a layer -> its output for image(), channels last."""
    import torch

    seen = {}

    def keep(name):
        return lambda module, inputs, output: seen.update({name: last(output)})

    def last(x):
        return np.moveaxis(x.detach().numpy(), 1, -1).copy()

    hooks = [module.register_forward_hook(keep(name)) for name, module in model.named_children() if name != "fc"]
    hooks.append(model.Conv2d_1a_3x3.register_forward_pre_hook(lambda module, x: seen.update(prepared=last(x[0]))))
    features, logits = model(torch.tensor(np.moveaxis(image(), -1, 1).copy()))
    for hook in hooks:
        hook.remove()
    del seen["AvgPool"]
    return seen | {"features": features.numpy(), "logits": logits.numpy()}


def pytorch_fid_features(prepared: np.ndarray) -> np.ndarray:
    """pytorch-fid's [1, 2048] for images [1, 299, 299, 3] in [-1, 1), with the tensors of weight()."""
    from unittest import mock

    import torch
    from pytorch_fid import inception as peer

    with mock.patch.object(torch.nn.Module, "load_state_dict"), mock.patch.object(peer, "load_state_dict_from_url"):
        whole = peer.fid_inception_v3()
    fill(whole)
    with mock.patch.object(peer, "fid_inception_v3", return_value=whole):
        model = peer.InceptionV3(resize_input=False, normalize_input=False).eval()
    with torch.no_grad():
        return model(torch.tensor(np.moveaxis(prepared, -1, 1).copy()))[0].numpy()[:, :, 0, 0]


def main() -> None:
    versions = {name: importlib.metadata.version(name) for name in PEERS}
    seen = layers(network())
    seen["pytorch-fid's features"] = pytorch_fid_features(seen["prepared"])
    figures = {name: [float(f"{value:.8g}") for value in summary(x)] for name, x in seen.items()}
    FILE.write_text(json.dumps({"versions": versions, "layers": figures}) + "\n")


if __name__ == "__main__":
    main()
