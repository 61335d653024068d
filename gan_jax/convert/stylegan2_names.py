"""StyleGAN2's generator (Karras et al. 2020), under the names of stylegan2-ada-pytorch."""

import os

from gan_jax.convert.state_dict import Converted, StateDict, converted, read
from gan_jax.nets.stylegan2 import generator


def stylegan2(path: str | os.PathLike[str]) -> Converted:
    """Reads a generator of stylegan2-ada-pytorch. No code in the file is run, and PyTorch isn't needed.

    Two things differ from the authors' network. The noise is drawn for each sample, as by their `noise_mode='random'`;
    their constant noise, the buffers `noise_const`, is dropped, so images of `noise_mode='const'` differ in fine
    details. The network computes in float32 and doesn't limit activations to ±256, as theirs does where it computes in
    float16. How much styles were mixed in training isn't in the file; the network has the default.

    Args:
      path: A file of `torch.save(G_ema.state_dict(), path)`.

    Raises:
      ValueError: The file is damaged, holds more than tensors, or is of another network.
      OSError: The file can't be read.

    Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data".
    """
    state = read(path, resampling="resample_filter")
    state = StateDict(path, {name: array for name, array in state.tensors.items() if not name.endswith("noise_const")})

    stages = state.count(lambda stage: f"synthesis.b{4 * 2**stage}.conv1.weight")
    depth = state.count(lambda layer: f"mapping.fc{layer}.weight")
    _, *base = state.shape("synthesis.b4.const", 3)
    (size,) = state.shape("mapping.w_avg", 1)
    latent, classes = state.shape("mapping.fc0.weight", 2)[1], 0
    if "mapping.embed.weight" in state.tensors:
        embedding, classes = state.shape("mapping.embed.weight", 2)
        latent -= embedding
        if latent < 1:
            raise state.other(f"mapping.embed.weight makes embeddings of {embedding}, and no latents remain")
    network = generator(
        widths=[state.shape(f"synthesis.b{4 * 2**stage}.conv1.weight", 4)[0] for stage in range(stages)],
        size=size,
        depth=depth,
        classes=classes,
        shape=(*(side * 2 ** (stages - 1) for side in base), state.shape("synthesis.b4.torgb.weight", 4)[0]),
    )
    return converted(state, network, latent, classes, names_of(stages, depth))


def names_of(stages: int, depth: int) -> dict[str, str]:
    """The authors' name of every variable of ours."""
    names = {"Synthesis_0/constant": "synthesis.b4.const", "averages/style": "mapping.w_avg"}
    layers = {"embedding": "mapping.embed"}
    layers |= {f"Mapping_0/Dense_{number}": f"mapping.fc{number}" for number in range(depth)}
    for stage in range(stages):
        block = f"synthesis.b{4 * 2**stage}"
        modulated = {
            f"Synthesis_0/Modulated_{2 * stage}": f"{block}.conv1",
            f"Synthesis_0/ToRGB_{stage}": f"{block}.torgb",
        }
        if stage:
            modulated[f"Synthesis_0/Modulated_{2 * stage - 1}"] = f"{block}.conv0"
        layers |= modulated | {f"{ours}/Dense_0": f"{theirs}.affine" for ours, theirs in modulated.items()}
        names |= {f"{ours}/strength": f"{theirs}.noise_strength" for ours, theirs in modulated.items()}
    parts = {"kernel": "weight", "bias": "bias"}
    return names | {f"{ours}/{i}": f"{theirs}.{j}" for ours, theirs in layers.items() for i, j in parts.items()}
