"""Makes golden.json: figures of features() by the field's own implementations.

python tests/metrics/make_golden.py, where torch-fidelity 0.4.0, pytorch-fid 0.3.0, prdc 0.2, torch and scipy are.
"""

import importlib.metadata
import json
from pathlib import Path

import numpy as np

PEERS = ("torch-fidelity", "pytorch-fid", "prdc", "scipy", "numpy", "torch")
FILE = Path(__file__).with_name("golden.json")


def features() -> tuple[np.ndarray, np.ndarray]:
    """Real [300, 24] and fake [260, 24], float32: the fake ones shifted, and of another spread in each direction."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(300, 24)) @ rng.normal(size=(24, 24)) / 5
    fake = rng.normal(size=(260, 24)) @ rng.normal(size=(24, 24)) / 5 + 0.2
    return real.astype(np.float32), fake.astype(np.float32)


def logits() -> np.ndarray:
    """[500, 10], some classes likelier than others."""
    return 3 * np.random.default_rng(1).normal(size=(500, 10)) + np.arange(10) / 5


def figures() -> dict:
    """Name/implementation -> its figure."""
    import torch
    from prdc import compute_prdc
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    real, fake = features()
    x, y = real.astype(np.float64), fake.astype(np.float64)
    few_x, few_y = x[:10], y[:12]  # fewer than dimensions: singular

    def pytorch_fid(a: np.ndarray, b: np.ndarray) -> float:
        return calculate_frechet_distance(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))

    statistics = [fid_features_to_statistics(torch.tensor(part)) for part in (x, y)]
    fidelity = fid_statistics_to_metric(*statistics, False)
    kid = kid_features_to_metric(
        torch.tensor(x[:260]), torch.tensor(y), kid_subsets=1, kid_subset_size=260, rng_seed=0, verbose=False
    )
    score = isc_features_to_metric(torch.tensor(logits()), splits=5, shuffle=False)
    return {
        "frechet/pytorch-fid": pytorch_fid(x, y),
        "frechet/torch-fidelity": fidelity["frechet_inception_distance"],
        "frechet of few/pytorch-fid": pytorch_fid(few_x, few_y),
        "kernel/torch-fidelity": kid["kernel_inception_distance_mean"],
        "score/torch-fidelity": [score["inception_score_mean"], score["inception_score_std"]],
        "manifold/prdc": {k: compute_prdc(x, y, k) for k in (3, 5)},
    }


def main() -> None:
    versions = {name: importlib.metadata.version(name) for name in PEERS}
    FILE.write_text(json.dumps({"versions": versions, **figures()}, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
