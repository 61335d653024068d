"""Files of torch.save are read without torch, and hostile ones are refused in one line."""

import base64
import pickle
import zipfile
import zlib

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from torch_files import archive, body, tensor

from gan_jax.features import torch_file

GRID = np.arange(24, dtype=np.float32).reshape(4, 6)
EXPECTED = {
    "float32": GRID,
    "transposed": GRID.T,
    "window": np.arange(3, 15, 2, dtype=np.float32),
    "float64": np.array([0.1, -2.0]),
    "float16": np.array([0.5, 3.0], np.float16),
    "bfloat16": np.array([1.5, -256.0], np.float32),
    "int64": np.array(2**40),
    "int32": np.array([[-7]], np.int32),
    "uint8": np.array([255], np.uint8),
    "bool": np.array([True, False]),
    "empty": np.zeros((0, 3), np.float32),
    "parameter": np.array([2.5], np.float32),
}

# EXPECTED as torch 2.13.0+cpu writes it: torch.save(state, file, _use_new_zipfile_serialization=False or True) of
# base = torch.arange(24.0), base.reshape(4, 6), base.reshape(4, 6).T, base[3:15:2] ..., torch.nn.Parameter.
LEGACY = """
eNp9lElv00AUx20nTVuzlb3sZU9ZSuK6bsLWhVIKZmnNZpaSZpk2Lq6dZ09ARULKpaVw4giIA0eOHOFWiS/ClY+AhFTeZJykKQYrf8cznvn93zy/mYr0
RrZ/fxz91TX7eXxXT0W68TOC95cgxM0OQRBKnkvdvGtnnhHPt1wHRBxgbsA3tkWpTTLEKVhZB6QlU8ZOOl8iGd96QXyIvIRo3GzBTr/oehRadMmMYMty
KMT0qBllDNeZgVY9Wi6jZx5tbJKn6OLLt7wC8UhhxMpTGYRuA8S42Yozpm03S3sVkPLU9fLFnkyZWrYvZzySK1t2IUOJ47te5pkiQyTOp/g4MjtDIMqn
yKMMcZt3ytBibsQxaVVLJftUJZlQ+5QUxKqR5ktlDK7zJoW2CV3Qo3psEdr1mC4ugvy6yIJaR2G9ARv40r2s45dcnxRgYxG9i9FiKHtTkTM7GBMTsQib
dZGht3DmVgrbDNhuxnDqc8spuM9hx/94OwNe54Qe0WMLsEuXFmA3Z+2hsNeAfY3MaSrs57AgGSNuOWeTejYOrHZIptP9aAJd6CChw0EWMcIP6eICHOYO
RygcNeBYwyGpwfEmh7GsPV3nx5tWkFDTGn7L7oB/IuCfZPxTnH+aQo8BZ8w2nJarGSSaDIZHeXfdJNkw0ZRUn5JMJVKgBCa9gYnKTPq4iUah34BUtVix
PDFJ6SaH61imdfrZNSnS0mkFziFdRPp5pHd3c+oFChcNGKhRcaGDTdSrTqMKh5pDVhUVhw8H0EssZJGV3Qj/u8wNRilcMWCsalBGhxRcbU7MPG182Wtr
HHqTSgL0wOF61WEBbrDbTU6/RWHcgInqPs25rg1GMxy76vDba+EKhn8nyPjdIOP3GPw+h5sUHhjwsBo6mSvReXj0jxrX0v0aPEaUgKhJhhL0yCI8wWLH
TGQ4bopC1oCc2c5OrKyXnSOUeJD/xxlRHyFD4W9XtoBeleWfBNmZDrIzw25F7mhRmDXg6VK1Yb+COQMcdohNsoMzpEDEsI0lhe2GSNgmj4ZlpSWszmNh
K2kNK6+2sIpoD/uSMukRhVUXNqTg8cN7dn0bCJrLtX4hJQx3rp4jVNiYQfyhKqhPqGXUD5QwJAgdqC5UAjWIGkdNoUqoCmoJ9Rb1DvUJ9Rn1BfV1qOZQ
814eqHxvxNs1WHv+tbKyUntekepr+QPVWb04
"""
ZIP = """
eNqll89zU1UUx2+aNE2DlhZRfohYLWKLEPLjNT/4lfaBT/CBlIdoACV9TV6byGteT3IL4saOTgvucGSBLhx2umTj+GPhdPAfkBnHhcOCGcaF46g7R1f1
3HfT9N1b2khzpydvmrnfz/ec25tzmhHdHyAkFCLLVjfZQMxqoVS+ZO0tmtSMTF20NbWLnBPWTFuh4Ni2VaBlp1ILn6wWrapVPFIu0DCQAQN8/bkOhI3b
jkkTcWgrUAeZkfw0Ldu1cL5qjU2X7WKeWpWaU81fiofB388lNdxpTlgQ4JKwxhCn+ZthaM/5cE8Ugjk/PgtT09Chb6YQOqUTPaAH56BTD+q+OQh/VGJp
rKPwmAGP58K4mVbNSm3KqVlF6CqhWylQai8FS65+PdMH9cAcdOs+hunh+g0UnjBgYy6I+svlStG5DE/K2qdO6X49OAub9LZZ2Mx1WyhsNeDppTNIKrCN
C+tlHXGmx2yrUdczbl0x2I7MNgrPsnwQ16v7ZuE5znyeQp8BO5aYsSS8IDCPmvZ4g7jTJcbhRU7srxMHGHEXJ75EYbcBe3LsFowtIiMCUtX42w3sXheb
gCjHxurYOMMmOFahMGhAMteOG8sVVnpKYB53KhMNXtrlKZBBno/CPuQNDHDOfgoHDDi4yMFrdEjgHKss3YusixmEIY4ZZmn52EVQ+eMwRx6h8LIBmouc
RmYaXhHLvUKX/iZHXWYSjnHmqy5zFnT2cpzzTlB4zYCTuQA7QcexYUTE4VsN3CkXlwKDn9zp+sm9znBnOO4NCm8akHPTsyan6BU4u3jbXHEazqGYUDjP
xET3z8FbePmwvrc54AKFvAGjuU7cPGVWzUmLWlUwV/j0NXaEYUzwyUCB11ys12yxl3HuMUGhZED5mvvLO1fhogH2dGRE7wj9cXbyfA8eBYuRFRvMJrKr
0WAi40510qT5S1a1ho1EU3dKfWalFWN+X/9170OWLouV/baS1JJfvbvkTbs8UZm0KlRTE//TUlhJhSWQvQy/taFF26oJ9JBsI4ExvGAOa5aaun8tvovL
LlNqWyyH2YMPtrD2FFw1hy5ySOjqe6Oauq+FBDh1JosvQ/iDMYNxC2Me4z4GGcZZgtGLEcUYwhjBGMWYwpjBuIZxHeMmxi2MLzFuY3wzzCr7YPheZRRB
o00q2yFWFtPU3qaVffYpW99m65B55vf+r50nut0JuLqfIvrFNTX6yCdJ0kRlntf0Pz9hzSPQxHNI9Exo6oFWrs+5+ezMD8z/75s/Dq/BX2nV38X6mGdH
6MJX94vMNNQkhwNiDoOaml5zDv8uLCww775bN35ZQ/3JVut3zZG80Lx/dZHDonlKU7MtmePyuSf/fd+dnNi/yEMTUMUE0pp6qMUEVit3o+iW0dRusvz+
9A6xCiLfbbvT/O+33tOBG6Ompf6bCDP3u59PnGne/7eT+NIAckuqWdUyTqD3TPbfc75c1NTIIyYTiydSqWQsqkTTyYyiDKajyVQ0lYkmMumkkhxMK0os
kYnFoizL61+8G+3HPPrdLH0s2Uae3pHdvSxz+XuArPYO4E2iMkBWGvIyxDtEtwqQu17Issktc7yDsEfgGO1k+QCW5d5p0yXIf24n0uyUtd7JIWpvByVt
TNZ6J4Co7e2QtHFZ6+3eovaGrE3IWm/XFbUbQ5JWkbXerilqb8raQVnrbXqSb6ekTcpab78StR/L2tSi9uEdzbs2hCVtWvb1dhlROyNrM7LW2yPWC9qf
PNoVPhvej+528U6vI02ayogeDO5ebEH+PZ4v+OLzdz9//rOOP1HHvmKSB/Vs+XRqD3JNt7uf7/0Pf8evJQ==
"""
STORED = {"legacy": zlib.decompress(base64.b64decode(LEGACY)), "zip": zlib.decompress(base64.b64decode(ZIP))}


@pytest.mark.parametrize("form", STORED)
def test_both_formats_of_torch_are_read(form, tmp_path):
    agree(read(STORED[form], tmp_path), EXPECTED)


@pytest.mark.parametrize("form", STORED)
def test_tensors_that_share_memory_in_torch_share_it_here_and_cannot_be_written(form, tmp_path):
    arrays = read(STORED[form], tmp_path)
    assert np.shares_memory(arrays["float32"], arrays["window"])
    assert not any(array.flags.writeable for array in arrays.values())


@pytest.mark.parametrize("zipped", [False, True])
def test_files_of_the_installed_torch_are_read(zipped, tmp_path):
    torch = pytest.importorskip("torch", reason="torch isn't installed")
    layer = torch.nn.BatchNorm1d(3)
    state = layer.state_dict() | {"half": torch.ones(2, dtype=torch.bfloat16), "view": torch.arange(9.0)[1::3]}
    torch.save(state, tmp_path / "file.pth", _use_new_zipfile_serialization=zipped)
    arrays = torch_file.read(tmp_path / "file.pth")
    agree(
        arrays, {name: tensor.float().numpy() if name == "half" else tensor.numpy() for name, tensor in state.items()}
    )


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    mark = tmp_path / "mark"
    call = b"\x80\x02cos\nsystem\n(" + body(f"touch {mark}") + b"tR."
    for data in (call, in_zip(call), in_stream(call)):
        with pytest.raises(ValueError, match=r"^\S*file\.pth: not a state dict of torch.save's: \S[^\n]*; [^\n]+\Z"):
            read(data, tmp_path)
        assert not mark.exists()
    with pytest.raises(ValueError, match=r"it names 'os\.system', which could run code"):
        read(in_zip(call), tmp_path)


@pytest.mark.parametrize(
    "name", ["builtins.eval", "torch.load", "torch.storage.UntypedStorage", "torch._utils.os.system"]
)
@pytest.mark.parametrize("wrap", ["in_zip", "in_stream"])
def test_any_other_name_is_refused(name, wrap, tmp_path):
    module, _, attribute = name.rpartition(".")
    for naming in (f"c{module}\n{attribute}\n".encode(), body(module) + body(attribute) + b"\x93"):
        with pytest.raises(ValueError, match=f"it names '{name}', which could run code"):
            read(globals()[wrap](b"\x80\x04" + naming + b"."), tmp_path)


def test_a_pickle_cannot_affect_how_other_files_are_read(tmp_path):
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    poison = b"\x80\x02" + rebuild + b"N}" + body("__defaults__") + body((1, 2)) + b"s\x86b."
    with pytest.raises(ValueError, match="holds a function, not a dict"):
        read(in_zip(poison), tmp_path)
    agree(read(STORED["zip"], tmp_path), EXPECTED)


LIES = {
    "shape": ({"shape": (5,)}, "'w' has shape .5,. and strides .1,., over 4 numbers"),
    "huge shape": ({"shape": (2**40, 2**40), "strides": (0, 0)}, "over 4 numbers"),
    "offset": ({"offset": 1}, "'w' reaches number 4, but the file has 4"),
    "stride": ({"strides": (2,)}, "'w' reaches number 6, but the file has 4"),
    "negative offset": ({"offset": -1}, "over 4 numbers"),
    "negative stride": ({"offset": 3, "strides": (-1,)}, "over 4 numbers"),
    "ranks": ({"strides": (1, 1)}, "over 4 numbers"),
    "float shape": ({"shape": (4.0,)}, "over 4 numbers"),
    "length": ({"length": 5}, "'0'"),
    "huge length": ({"length": 2**50}, "claim 4503599627370496 bytes|'0'"),
    "negative length": ({"length": -1}, "an unknown kind of storage"),
    "view": ({"view": ("1", 0, 4)}, "storage '0' is a view"),
    "key": ({"key": 7}, "an unknown kind of storage"),
}


@pytest.mark.parametrize(("lie", "match"), LIES.values(), ids=LIES)
@pytest.mark.parametrize("wrap", ["in_zip", "in_stream"])
def test_a_tensor_that_goes_beyond_its_numbers_is_refused(lie, match, wrap, tmp_path):
    agree(read(globals()[wrap](state()), tmp_path), {"w": np.arange(4, dtype=np.float32)})
    with pytest.raises(ValueError, match=match):
        read(globals()[wrap](state(**lie)), tmp_path)


STRANGE = {
    "text": (b"<!DOCTYPE html>", "it starts like neither of the two formats"),
    "empty": (b"", "it starts like neither of the two formats"),
    "plain pickle": (pickle.dumps({"w": 1}), "it starts like neither of the two formats"),
    "list": (b"\x80\x02].", "holds a list, not a dict of tensors"),
    "number": (pickle.dumps({"epoch": 3}, 2), "'epoch' is a int, not a tensor"),
    "memo": (b"\x80\x02}r\xff\xff\xff\x7f.", "claims more memory"),
}


@pytest.mark.parametrize(("data", "match"), STRANGE.values(), ids=STRANGE)
def test_anything_but_a_state_dict_is_refused(data, match, tmp_path):
    wrapped = data if "neither" in match else in_zip(data)
    with pytest.raises(ValueError, match=f"file.pth: not a state dict of torch.save's: .*{match}.*; fetch"):
        read(wrapped, tmp_path)


def test_a_zip_of_other_things_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"not with one data\.pkl in it"):
        read(in_zip(state(), name="kernel.npy"), tmp_path)
    with pytest.raises(ValueError, match="a compressed zip"):
        read(in_zip(state(), compression=zipfile.ZIP_DEFLATED), tmp_path)
    with pytest.raises(ValueError, match="big-endian"):
        read(in_zip(state(), byteorder=b"big"), tmp_path)


@pytest.mark.parametrize("form", STORED)
def test_a_file_cut_short_anywhere_is_refused(form, tmp_path):
    data = STORED[form]
    for length in (*range(0, len(data) - 1, 17), len(data) - 1):
        with pytest.raises(ValueError, match=r"file\.pth: .*; fetch the file again"):
            read(data[:length], tmp_path)


@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], max_examples=200)
@hypothesis.given(data=st.data())
def test_a_damaged_file_gives_arrays_or_one_line(data, tmp_path):
    damaged = bytearray(STORED[data.draw(st.sampled_from(sorted(STORED)))])
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=3)):
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        outcome = read(bytes(damaged), tmp_path)
    except ValueError as error:
        outcome = str(error)
    assert "\n" not in outcome if isinstance(outcome, str) else all(type(a) is np.ndarray for a in outcome.values())


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        torch_file.read(tmp_path / "nowhere.pth")


def read(data, folder):
    (folder / "file.pth").write_bytes(data)
    return torch_file.read(folder / "file.pth")


def agree(arrays, expected):
    assert list(arrays) == list(expected)
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype, name
        np.testing.assert_array_equal(arrays[name], array, strict=True)


def state(**claims):
    """The pickle of {"w": a tensor of 4 numbers}, with claims about them."""
    return b"\x80\x02}" + body("w") + tensor(**{"length": 4, "shape": (4,), "strides": (1,)} | claims) + b"s."


NUMBERS = np.arange(4, dtype="<f4").tobytes()


def in_zip(pickled, name="data.pkl", compression=zipfile.ZIP_STORED, byteorder=b"little"):
    return archive({name: pickled, "byteorder": byteorder, "data/0": NUMBERS}, compression)


def in_stream(pickled):
    head = [pickle.dumps(value, 2) for value in (int.from_bytes(torch_file.MAGIC, "little"), 1001, {})]
    return b"".join([*head, pickled, pickle.dumps(["0"], 2), (4).to_bytes(8, "little"), NUMBERS])
