"""Compiles the programs of train.py and speed.py for an H100 on a machine without one, to find errors there.

pip install 'jax[cuda13]'      # 5 GB; neither a GPU nor its driver is needed
PYTHONPATH=.:experiments/benchmarks python experiments/accelerator/compile_ahead.py [--only SNGAN]

Kernels are chosen without autotuning, which needs a card. PyTorch's programs aren't compiled.
"""

import functools
import importlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cifar10
import jax
import tyro
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding
from speed import plan
from speed_cases import FULL, Case, game_of
from speed_measure import IN_JAX
from train import CASES

from gan_jax import parallel
from gan_jax.experiment import build, init_of, load, make_updates
from gan_jax.runs.games import KEY, abstract_batches
from gan_jax.tpu_plan.cost import memory_of

CHIP = Path(__file__).with_name("h100.txtpb")  # a GpuTargetConfigProto, after XLA's own description of the H100


def main(only: str = "") -> None:
    """Compile each program, and print its memory.

    Args:
      only: Part of the names of the programs to compile.
    """
    jax.config.update("jax_platforms", "cpu")
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_autotune_level=0"
    (device,) = topologies.get_topology_desc(
        platform="cuda", topology_name="", topology="1x1x1", target_config=CHIP.read_text(encoding="utf-8")
    ).devices
    parallel.make_mesh = functools.partial(parallel.make_mesh, [device])
    for name, function, arguments in (*of_train(), *of_speed()):
        if only in name:
            start = time.monotonic()
            placed = on(device, arguments)
            memory = memory_of(function.lower(*placed).compile())
            print(f"{name}: {memory / 2**20:,.0f} MiB, compiled in {time.monotonic() - start:.0f} s", flush=True)


def on(device: jax.Device, shapes: Any) -> Any:
    sharding = SingleDeviceSharding(device)
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), shapes)


def of_train() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Yields the name, jitted update and shapes of its arguments for each case of train.py."""
    with tempfile.TemporaryDirectory() as folder:
        cifar10.noise(Path(folder) / "parts")
        cifar10.unpack(Path(folder) / "parts", Path(folder) / "tfds")
        for case in CASES:
            make = load(Path(__file__).parent.parent / f"{case.experiment}.py")
            experiment = build(make, {"data_dir": Path(folder) / "tfds"} | case.arguments, case.precision)
            update = parallel.jit(make_updates(experiment)(), parallel.make_mesh(), {})
            state = jax.eval_shape(init_of(experiment), KEY)
            yield case.name, update, (state, abstract_batches(experiment, 1), KEY)


def of_speed() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Yields the same for the programs in JAX of each case of speed.py."""
    for case in (part for group in plan(FULL) for part in group.parts if isinstance(part, Case)):
        game = game_of(case, FULL)
        for contender, framework in IN_JAX.items():
            nets = importlib.import_module(f"{framework}_{case.network}").nets(game)
            for program in importlib.import_module(f"{framework}_game").contender(game, nets).programs:
                if program.calls:
                    yield f"{case.name}: {contender}", program.function, program.arguments


if __name__ == "__main__":
    tyro.cli(main)
