import io
import tarfile

import numpy as np

from gan_jax.data.tfds.originals import read_cifar10


def test_cifar10_is_read_row_by_row_and_its_colours_are_planes():
    rows = np.random.default_rng(0).integers(0, 256, (6, 4, 3073), np.uint8)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for i, name in enumerate(["test_batch", *[f"data_batch_{i}" for i in range(1, 6)]]):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = rows[i].size
            archive.addfile(member, io.BytesIO(rows[i].tobytes()))
    splits = read_cifar10({"cifar-10-binary.tar.gz": file.getvalue()})
    assert splits["train"].images.shape == (20, 32, 32, 3)
    np.testing.assert_array_equal(splits["train"].labels, rows[1:, :, 0].ravel())
    np.testing.assert_array_equal(splits["test"].images[1, 2, 3], rows[0, 1, [1 + 67, 1 + 1024 + 67, 1 + 2048 + 67]])
