"""Files with the authors' names become generators that give the same images; others are refused in one line."""

import re
from typing import Any, NamedTuple

import jax
import numpy as np
import published
import pytest
import r3gan_cases
import stylegan2_cases
from torch_files import archive, body, written

from gan_jax import convert, make_sampler, priors
from gan_jax.nets import r3gan, stylegan2
from gan_jax.types import Mode, Network, Variables


class Case(NamedTuple):
    """A generator and its file."""

    read: Any
    network: Network
    variables: Variables
    state: dict[str, np.ndarray]
    latent: int
    classes: int


def filled(shapes):
    """Normal numbers in the place of shapes."""
    random = np.random.default_rng(2)
    return jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(np.float32), shapes)


def make(module, latent, **settings):
    """A case of either family, with variables of normal numbers."""
    classes = settings.get("classes", 0)
    network = module.generator(**settings)
    z, label = np.zeros((1, latent), np.float32), np.zeros(1, np.int32) if classes else None
    variables = Variables(*filled(jax.eval_shape(network.init, jax.random.key(0), z, label)))
    if module is r3gan:
        state = published.r3gan(variables.params, settings["blocks"])
        return Case(convert.r3gan, network, variables, state, latent, classes)
    return Case(convert.stylegan2, network, variables, published.stylegan2(*variables), latent, classes)


CASES = {
    "r3gan": make(r3gan, 6, widths=(16, 8), blocks=2, group_size=4, classes=3, shape=(8, 8, 3)),
    "r3gan of other sizes": make(
        r3gan, 5, widths=(6, 6, 2), blocks=1, group_size=9, expansion=3, shape=(16, 16, 1)
    ),  # the last stage is one group of 6
    "stylegan2": make(stylegan2, 8, widths=(6, 5, 4), depth=2, size=7, classes=3, shape=(16, 16, 3)),
    "stylegan2 of other sizes": make(stylegan2, 3, widths=(4, 4), depth=3, size=7, shape=(8, 8, 1)),
}
SMALL = {
    "r3gan": make(r3gan, 2, widths=(4, 2), blocks=1, group_size=4, classes=3, shape=(4, 4, 1)),
    "stylegan2": make(stylegan2, 2, widths=(3, 2), depth=1, size=2, classes=3, shape=(4, 4, 1)),
}
FAMILIES = list(SMALL)
REFUSED = r"^\S*file\.pt: [^\n]+; this is another network, [^\n]+\Z"


@pytest.fixture
def convert_file(tmp_path):
    """The function (case, state) -> `Converted`, by a file."""

    def converted(case, state):
        (tmp_path / "file.pt").write_bytes(written(state))
        return case.read(tmp_path / "file.pt")

    return converted


@pytest.mark.parametrize("name", CASES)
def test_the_sizes_are_read_off_the_shapes_and_samples_are_the_same(name, convert_file):
    case = CASES[name]
    network, variables, latent = convert_file(case, case.state)
    assert latent == case.latent
    jax.tree.map(np.testing.assert_array_equal, variables, case.variables)

    conditions = np.arange(case.classes) if case.classes else None

    def sampled(network, variables):
        return make_sampler(network, priors.normal(latent), conditions)(variables, jax.random.key(0), 3)

    np.testing.assert_array_equal(sampled(network, variables), sampled(case.network, case.variables))


def test_images_of_r3gan_are_those_of_the_build_in_pytorch(convert_file):
    state = published.r3gan(r3gan_cases.parameters("generator"), 2, prefix="Model.")
    agree(convert_file(CASES["r3gan"], state), r3gan_cases)


def test_images_of_stylegan2_are_those_of_the_build_in_pytorch(convert_file):
    state = published.stylegan2(*stylegan2_cases.variables("generator"))
    agree(convert_file(CASES["stylegan2"], state), stylegan2_cases)


def agree(converted, cases):
    """Compares with the golden images of a module of cases."""
    y, _ = jax.jit(converted.network.apply)(*converted.variables, *cases.inputs("generator"), Mode())
    golden = np.load(cases.FILE)["generator 0"]
    np.testing.assert_allclose(getattr(y, "y", y), golden, atol=1e-4 * np.abs(golden).max())


@pytest.mark.parametrize("name", FAMILIES)
def test_files_of_the_installed_torch_are_converted(name, tmp_path):
    torch = pytest.importorskip("torch", reason="torch isn't installed")
    case = SMALL[name]
    state = torch.nn.Module().state_dict()  # an OrderedDict that has _metadata
    state.update({key: torch.tensor(array.copy(), dtype=torch.float32) for key, array in case.state.items()})
    torch.save(state, tmp_path / "file.pt")
    jax.tree.map(np.testing.assert_array_equal, case.read(tmp_path / "file.pt").variables, case.variables)


@pytest.mark.parametrize("name", FAMILIES)
def test_numbers_of_other_types_become_float32(name, tmp_path):
    torch = pytest.importorskip("torch", reason="torch isn't installed")
    case = SMALL[name]
    state = {key: torch.tensor(array.copy(), dtype=torch.float64) for key, array in case.state.items()}
    torch.save(state, tmp_path / "file.pt")
    assert {leaf.dtype for leaf in jax.tree.leaves(case.read(tmp_path / "file.pt").variables)} == {np.dtype("float32")}


BUFFERS = ("noise_const", "resample_filter", "Resampler.Kernel")


@pytest.mark.parametrize("name", FAMILIES)
def test_buffers_that_are_not_learned_may_be_missing(name, convert_file):
    case = SMALL[name]
    state = {key: array for key, array in case.state.items() if not key.endswith(BUFFERS)}
    assert len(state) < len(case.state)
    jax.tree.map(np.testing.assert_array_equal, convert_file(case, state).variables, case.variables)


OF_OTHER_NETWORKS = {  # these changes make files of networks with more channels and without classes
    ("AggregationLayer.Layer.weight", "longer"),
    ("EmbeddingLayer.weight", "removed"),
}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("change", ["removed", "longer"])
def test_any_tensor_that_is_missing_or_longer_is_refused_in_one_line(name, change, convert_file):
    case = SMALL[name]
    for key, array in case.state.items():
        if key.endswith(BUFFERS) or (key, change) in OF_OTHER_NETWORKS:
            continue
        longer = {key: np.concatenate([array, array]) if array.ndim else np.zeros(2)} if change == "longer" else {}
        with pytest.raises(ValueError, match=REFUSED):
            convert_file(case, {k: a for k, a in case.state.items() if k != key} | longer)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("change", ["renamed", "flat", "empty"])
def test_a_tensor_with_another_name_or_other_axes_is_refused_in_one_line(name, change, convert_file):
    case = SMALL[name]
    *_, key = [key for key, array in case.state.items() if array.ndim == 4]
    array = case.state[key]
    changed = {
        "renamed": {f"{key}s": array},
        "flat": {key: array.reshape(-1)},
        "empty": {key: np.zeros((0, *array.shape[1:]))},
    }
    with pytest.raises(ValueError, match=REFUSED):
        convert_file(case, {k: a for k, a in case.state.items() if k != key} | changed[change])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_tensor_without_a_place_is_refused_in_one_line(name, convert_file):
    state = SMALL[name].state | {"skip.weight\n": np.ones(2)}
    with pytest.raises(ValueError, match=r"^\S*file\.pt: the network has no 'skip\.weight\\n'; [^\n]+\Z"):
        convert_file(SMALL[name], state)


@pytest.mark.parametrize("name", FAMILIES)
def test_another_filter_is_refused(name, convert_file):
    case = SMALL[name]
    key = next(key for key in case.state if key.endswith(BUFFERS[1:]))
    for taps in ([1, 2, 1], [1, 4, 4, 1]):
        other = {key: np.outer(taps, taps) / sum(taps) ** 2}
        with pytest.raises(ValueError, match=rf"^\S*file\.pt: '{re.escape(key)}' isn't the network's filter[^\n]+\Z"):
            convert_file(case, case.state | other)


@pytest.mark.parametrize(("name", "other"), [FAMILIES, FAMILIES[::-1]])
def test_a_file_of_the_other_family_is_refused(name, other, convert_file):
    with pytest.raises(ValueError, match=r"^\S*file\.pt: [^\n]+ is missing; this is another network[^\n]+\Z"):
        convert_file(CASES[name], CASES[other].state)


def test_an_embedding_of_another_size_than_the_latent_is_refused(convert_file):
    case = CASES["r3gan"]
    shorter = {"EmbeddingLayer.weight": case.state["EmbeddingLayer.weight"][:4]}
    with pytest.raises(ValueError, match="makes embeddings of 4 beside latents of 8; "):
        convert_file(case, case.state | shorter)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_pickle_that_would_run_code_is_refused_in_one_line(name, tmp_path):
    mark, file = tmp_path / "mark", tmp_path / "file.pt"
    call = b"\x80\x02cos\nsystem\n(" + body(f"touch {mark}") + b"tR."
    file.write_bytes(archive({"data.pkl": call}))
    with pytest.raises(ValueError, match=r"^\S*file\.pt: [^\n]*'os\.system', which could run code[^\n]+\Z"):
        SMALL[name].read(file)
    assert not mark.exists()
