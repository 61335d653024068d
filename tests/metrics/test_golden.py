"""The stored figures are what their implementations say, where those are installed."""

import numpy as np
import pytest
from golden import GOLDEN, figures


@pytest.mark.filterwarnings("ignore")
def test_golden_figures_are_those_of_the_peers():
    for peer in ("torch", "torch_fidelity", "pytorch_fid", "prdc"):
        pytest.importorskip(peer)

    def close(found, stored):
        if isinstance(stored, dict):
            assert {str(key) for key in found} == set(stored)
            for key, value in found.items():
                close(value, stored[str(key)])
        else:
            np.testing.assert_allclose(found, stored, rtol=1e-4)

    close(figures(), {name: value for name, value in GOLDEN.items() if name != "versions"})
