"""The packaged furniture: real shapes, parted, from bits."""

import numpy as np
from source_properties import check_epochs, check_resumes, check_shapes, take

from gan_jax.data.packaged.furniture import furniture, load
from gan_jax.data.transforms import mirror
from gan_jax.data.voxels import pack


def test_it_is_a_source_and_so_is_its_mirrored_form():
    for source in (furniture(), mirror(furniture(), 0)):
        check_shapes(source)
        check_resumes(source)


def test_the_two_splits_are_parts_of_the_whole_and_share_no_shape():
    parts = []
    for split, size in (("train", 158), ("test", 17)):
        source = furniture(split)
        assert source.size == size
        assert source.name.startswith(f"furniture {split}, sha256 ")
        (batch,) = take(source, 1, batch_size=size)
        parts.append([bits.tobytes() for bits in pack(np.asarray(batch.x)[..., 0] > 0)])
    assert sorted(parts[0] + parts[1]) == sorted(bits.tobytes() for bits in load())
    assert not set(parts[0]) & set(parts[1])


def test_the_test_split_is_whole_in_each_epoch():
    order = {bits.tobytes(): n for n, bits in enumerate(load()[9::10])}
    check_epochs(furniture("test"), lambda x: [order[bits.tobytes()] for bits in pack(np.asarray(x)[..., 0] > 0)])


def test_voxels_are_full_or_empty_and_each_shape_fills_its_longest_side_in_the_middle():
    (batch,) = take(furniture(), 1, batch_size=158)
    x = np.asarray(batch.x[..., 0])
    assert set(np.unique(x)) == {-1, 1}
    for shape in x > 0:
        ends = [np.flatnonzero(shape.any(axis))[[0, -1]] for axis in ((1, 2), (0, 2), (0, 1))]
        assert max(high - low + 1 for low, high in ends) >= 31
        assert all(abs(low + high - 31) <= 2 for low, high in ends)
