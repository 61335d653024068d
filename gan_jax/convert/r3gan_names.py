"""R3GAN's generator (Huang et al. 2024), under the names of its authors' PyTorch code."""

import itertools
import os
from collections.abc import Sequence

from gan_jax.convert.state_dict import Converted, StateDict, converted, read
from gan_jax.errors import UserError
from gan_jax.nets.r3gan import generator

PREFIX = "Model."  # of the module around the network in the authors' training code


def r3gan(path: str | os.PathLike[str]) -> Converted:
    """Reads a generator of R3GAN's authors. No code in the file is run, and PyTorch isn't needed.

    The network computes in float32; the authors' computes some of its stages in bfloat16.

    Args:
      path: A file of `torch.save(G_ema.state_dict(), path)`.

    Raises:
      ValueError: The file is damaged, holds more than tensors, or is of another network.
      OSError: The file can't be read.

    Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline".
    """
    state = read(path, resampling="Resampler.Kernel")
    state = StateDict(path, {name.removeprefix(PREFIX): tensor for name, tensor in state.tensors.items()})

    stages = state.count(lambda stage: f"MainLayers.{stage}.Layers.1.LinearLayer2.Layer.weight")
    blocks = state.count(lambda block: f"MainLayers.0.Layers.{block + 1}.LinearLayer2.Layer.weight")
    _, *base = state.shape("MainLayers.0.Layers.0.Basis", 3)
    grouped = [state.shape(f"MainLayers.{stage}.Layers.1.LinearLayer2.Layer.weight", 4) for stage in range(stages)]
    widths = [state.shape(f"MainLayers.{stage}.Layers.1.LinearLayer3.Layer.weight", 4)[0] for stage in range(stages)]
    latent, classes = state.shape("MainLayers.0.Layers.0.LinearLayer.weight", 2)[1], 0
    if "EmbeddingLayer.weight" in state.tensors:
        embedding, classes = state.shape("EmbeddingLayer.weight", 2)
        latent -= embedding
        if latent != embedding:
            raise state.other(f"EmbeddingLayer.weight makes embeddings of {embedding} beside latents of {latent}")
    try:
        network = generator(
            widths=widths,
            blocks=blocks,
            expansion=max(1, grouped[0][0] // widths[0]),
            group_size=max(shape[1] for shape in grouped),
            classes=classes,
            shape=(*(side * 2 ** (stages - 1) for side in base), state.shape("AggregationLayer.Layer.weight", 4)[0]),
        )
    except UserError as error:
        raise state.other(str(error)) from error
    return converted(state, network, latent, classes, names_of(widths, blocks))


def names_of(widths: Sequence[int], blocks: int) -> dict[str, str]:
    """The authors' name of every parameter of ours."""
    names = {
        "Embed_0/embedding": "EmbeddingLayer.weight",
        "basis": "MainLayers.0.Layers.0.Basis",
        "Dense_0/kernel": "MainLayers.0.Layers.0.LinearLayer.weight",
    }
    for block, (stage, layer) in enumerate(itertools.product(range(len(widths)), range(1, blocks + 1))):
        theirs = f"MainLayers.{stage}.Layers.{layer}"
        for conv in range(3):
            names[f"Block_{block}/Conv_{conv}/kernel"] = f"{theirs}.LinearLayer{conv + 1}.Layer.weight"
        for conv in range(2):
            names[f"Block_{block}/Conv_{conv}/bias"] = f"{theirs}.NonLinearity{conv + 1}.Bias"
    widened = [stage for stage in range(1, len(widths)) if widths[stage] != widths[stage - 1]]
    outside = [*(f"MainLayers.{stage}.Layers.0.LinearLayer" for stage in widened), "AggregationLayer"]
    return names | {f"Conv_{number}/kernel": f"{name}.Layer.weight" for number, name in enumerate(outside)}
