"""Our generators' variables under the names of the authors' PyTorch code, with its buffers. They may share memory."""

import numpy as np

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def r3gan(params, blocks, prefix=""):
    state = {}
    count = sum(name.startswith("Block_") for name in params)
    convs = iter(sorted((name for name in params if name.startswith("Conv_")), key=lambda name: int(name[5:])))
    before = None
    for number in range(count):
        stage, layer = divmod(number, blocks)
        block, at = params[f"Block_{number}"], f"MainLayers.{stage}.Layers"
        width = block["Conv_2"]["kernel"].shape[-1]
        if number == 0:
            state[f"{at}.0.Basis"] = np.moveaxis(params["basis"], -1, 0)
            state[f"{at}.0.LinearLayer.weight"] = params["Dense_0"]["kernel"].T
        elif layer == 0:
            state[f"{at}.0.Resampler.Kernel"] = FILTER
            if width != before:
                state[f"{at}.0.LinearLayer.Layer.weight"] = conv(params[next(convs)])
        state |= {f"{at}.{layer + 1}.LinearLayer{i + 1}.Layer.weight": conv(block[f"Conv_{i}"]) for i in range(3)}
        state |= {f"{at}.{layer + 1}.NonLinearity{i + 1}.Bias": block[f"Conv_{i}"]["bias"] for i in range(2)}
        before = width
    state["AggregationLayer.Layer.weight"] = conv(params[next(convs)])
    if "Embed_0" in params:
        state["EmbeddingLayer.weight"] = params["Embed_0"]["embedding"].T
    return {prefix + name: array for name, array in state.items()}


def stylegan2(params, stats):
    def linear(name, layer):
        return {f"{name}.weight": layer["kernel"].T, f"{name}.bias": layer["bias"]}

    def modulated(name, layer):
        return {f"{name}.weight": conv(layer), f"{name}.bias": layer["bias"]} | linear(
            f"{name}.affine", layer["Dense_0"]
        )

    def noisy(name, layer, side):
        buffers = {f"{name}.resample_filter": FILTER, f"{name}.noise_const": np.ones((side, side))}
        return modulated(name, layer) | buffers | {f"{name}.noise_strength": layer["strength"]}

    synthesis, mapping = params["Synthesis_0"], params["Mapping_0"]
    state = {"synthesis.b4.const": np.moveaxis(synthesis["constant"], -1, 0)}
    for stage in range(sum(name.startswith("ToRGB") for name in synthesis)):
        side = 4 * 2**stage
        at = f"synthesis.b{side}"
        state[f"{at}.resample_filter"] = FILTER
        if stage:
            state |= noisy(f"{at}.conv0", synthesis[f"Modulated_{2 * stage - 1}"], side)
        state |= noisy(f"{at}.conv1", synthesis[f"Modulated_{2 * stage}"], side)
        state |= modulated(f"{at}.torgb", synthesis[f"ToRGB_{stage}"])
    for number in range(len(mapping)):
        state |= linear(f"mapping.fc{number}", mapping[f"Dense_{number}"])
    if "embedding" in params:
        state |= linear("mapping.embed", params["embedding"])
    return state | {"mapping.w_avg": stats["averages"]["style"]}


def conv(layer):
    """The kernel `[h, w, I, O]` as [O, I, h, w]."""
    return np.transpose(layer["kernel"], (3, 2, 0, 1))
