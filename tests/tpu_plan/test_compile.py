"""Plans for slices of TPUs: what the TPU's compiler must find in the update, and the arithmetic on what it says."""

import functools
import importlib.util
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
import pytest
from command_line import TINY, refused

from gan_jax import losses, parallel, priors
from gan_jax.cli import main as cli
from gan_jax.data.source import Source
from gan_jax.experiment import Experiment, init_of
from gan_jax.nets import mlp
from gan_jax.nets.conv import fourier
from gan_jax.nets.conv.convolution import conv
from gan_jax.nets.conv.geometry import geometry_of
from gan_jax.objectives import add
from gan_jax.penalties import gradient_penalty
from gan_jax.runs.games import KEY
from gan_jax.tpu_plan import compile as planned
from gan_jax.tpu_plan.compile import critic_alone, out_of_memory, plan_for
from gan_jax.tpu_plan.cost import Cost, Traffic, collectives, cost_of, memory_of, size_of
from gan_jax.tpu_plan.plan import CHIPS, Plan
from gan_jax.tpu_plan.report import si, verdict
from gan_jax.types import Batch, Players

with_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu isn't installed: pip install -e '.[tpu-plan]'"
)


def wgan_gp(*, batch_size: int = 256, width: int = 8, critic_steps: int = 2) -> Experiment:
    """Of points: no batch statistics, so that gradients and metrics are all that travels."""
    adam = optax.adam(1e-3)
    return Experiment(
        data=Source(Batch(jax.ShapeDtypeStruct((2,), jnp.float32)), None, 0, lambda *_: iter(())),
        nets=Players(critic=mlp.critic(width=width), generator=mlp.generator(width=width)),
        objective=add(adversarial=losses.wasserstein(), gradient_penalty=gradient_penalty()),
        optimizers=Players(adam, adam),
        prior=priors.normal(2),
        steps=1,
        batch_size=batch_size,
        critic_steps=critic_steps,
    )


@functools.cache
def costs(topology: str, form: str, critic_steps: int = 2) -> tuple[Cost, Cost, float]:
    """What the update takes with each turn counted once, what of that the critic's does, and bytes of memory a chip."""
    devices, experiment = planned.devices_of(topology), wgan_gp(batch_size=2**13, critic_steps=critic_steps)
    whole = planned.compiled(experiment, devices, form)
    critic = planned.compiled(experiment, devices, form, critic_alone)
    return cost_of(whole), cost_of(critic), memory_of(whole)


# ---- What the compiler must find.

FORMS = [
    ("v5e", "jit"),
    ("v5p", "pmap"),
    ("v6e", "jit"),
]
SLICES = {
    "v5e": ("v5e:2x2", "v5e:16x16"),
    "v5p": ("v5p:2x2x1", "v5p:4x8x8"),
    "v6e": ("v6e:2x2", "v6e:16x16"),
}  # 4 and 256


@pytest.mark.exhaustive
@with_libtpu
@pytest.mark.parametrize(("chip", "form"), FORMS)
@pytest.mark.parametrize("size", [0, 1], ids=["4 chips", "256 chips"])
def test_gradients_of_each_turn_travel_in_one_or_two_all_reduces_of_the_parameters_bytes(chip, form, size):
    params = jax.eval_shape(init_of(wgan_gp()), KEY).params
    bytes_of = [sum(leaf.size * 4 for leaf in jax.tree.leaves(player)) for player in params]
    whole, critic, _ = costs(SLICES[chip][size], form)
    assert whole.collectives.keys() == {"all-reduce"}  # and no all-gather: the state is whole on each chip
    both, turn = whole.collectives["all-reduce"], critic.collectives["all-reduce"]
    for (count, total), expected in zip([turn, (both.number - turn.number, both.bytes - turn.bytes)], bytes_of):
        assert 1 <= count <= 2
        assert 0 < total - expected <= 4 * 8  # the metrics, one number each


@pytest.mark.exhaustive
@with_libtpu
@pytest.mark.parametrize(("chip", "form"), FORMS)
def test_64_times_the_chips_take_a_64th_of_the_work_each_and_less_memory(chip, form):
    (few, few_critic, more_memory), (many, many_critic, less_memory) = (costs(name, form) for name in SLICES[chip])
    assert few.flops / many.flops == pytest.approx(64, rel=0.25)  # the optimiser's is on each
    assert few_critic.flops / many_critic.flops == pytest.approx(64, rel=0.25)
    assert less_memory < more_memory


@pytest.mark.exhaustive
@with_libtpu
def test_turns_are_counted_as_often_as_they_are_made():
    whole, critic, _ = costs("v5e:2x2", "jit")
    assert 0.1 < critic.flops / (whole.flops - critic.flops) < 10  # XLA counts a loop's body once
    five, five_critic, _ = costs("v5e:2x2", "jit", critic_steps=5)
    assert (five.flops, five_critic.flops) == pytest.approx((whole.flops, critic.flops), rel=0.01)
    one = plan_for(wgan_gp(batch_size=2**13), "v5e:2x2").cost
    assert one.flops == pytest.approx(whole.flops + critic.flops)
    assert one.collectives["all-reduce"].bytes == sum(each.collectives["all-reduce"].bytes for each in (whole, critic))


@with_libtpu
def test_update_that_does_not_fit_says_what_it_needs_of_what_there_is():
    one = plan_for(wgan_gp(batch_size=2**24, width=2048), "v5e:2x2")
    assert one.cost is None
    assert one.memory > one.available
    assert 15 * 2**30 < one.available <= CHIPS["v5e"].memory
    assert (one.bounds, one.estimate, one.seconds, one.bound_by) == ({}, None, None, None)
    assert verdict(one) == "does not fit"


@with_libtpu
def test_convolutions_that_are_spectra_on_this_cpu_are_convolutions_on_a_tpu(monkeypatch):
    x, w = jnp.zeros((16, 8, 9)), jnp.zeros((15, 9, 11))
    assert fourier.pays(geometry_of((8,), (15,), 1, "SAME"), x.dtype, 16, 9, 11)
    monkeypatch.setattr(parallel, "compiler_options", lambda: {"xla_cpu_enable_fast_math": "0"})  # a TPU's would refuse

    def update(w, x, key):
        return w, conv(x.critic.x[0], w)

    turns = Players(Batch(x[None]), Batch(x[None]))
    program = parallel.jit(update, parallel.make_mesh(planned.devices_of("v5e:2x2"))).lower(w, turns, KEY)
    assert program.as_text().count("stablehlo.convolution") == 1
    assert "stablehlo.dot" not in program.as_text()
    assert " convolution(" in program.compile().as_text()


# ---- Bad input.


@with_libtpu
@pytest.mark.parametrize(
    ("topology", "batch_size", "message"),
    [
        ("v5e:4x4", 100, "batch 100 does not divide among 16 devices: use 96 or 112"),
        ("v5e:3x5", 256, "topology v5e:3x5: libtpu knows no such slice"),
    ],
)
def test_what_no_slice_can_take_is_refused(topology, batch_size, message):
    with pytest.raises(ValueError, match=message):
        plan_for(wgan_gp(batch_size=batch_size), topology)


@pytest.mark.parametrize("topology", ["v9:4x4", "v5e", "v5e-16", "4x4", "v5e:4", "xv5e:4x4"])
def test_name_of_no_slice_is_refused_with_the_chips_that_there_are(topology):
    with pytest.raises(ValueError, match=f"topology {topology}: name a chip of v5e, v5p, v6e, and how many each way"):
        plan_for(wgan_gp(), topology)


def test_without_libtpu_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install -e '.\[tpu-plan\]'"):
        plan_for(wgan_gp(), "v5e:4x4")


def test_what_else_stops_the_compiler_is_told():
    with pytest.raises(ValueError, match="the TPU's compiler stopped: INTERNAL: no"):
        out_of_memory("INTERNAL: no\nmore")


# ---- Arithmetic on what it says.


def of_cost(seconds: float = 1.0, **collectives: Traffic) -> Plan:
    kinds = {kind.replace("_", "-"): traffic for kind, traffic in collectives.items()}
    return Plan("v5e:2x2", 4, CHIPS["v5e"], "jit", 100, 2**30, 2**34, Cost(197e12, 819e9 / 2, seconds, kinds))


def test_bounds_are_those_of_the_chips_peaks():
    bounds = of_cost(all_reduce=Traffic(2, 40_000_000_000), all_gather=Traffic(1, 10_000_000_000)).bounds
    assert bounds == pytest.approx({"arithmetic": 1.0, "memory bandwidth": 0.5, "interconnect": 2 * 0.2 * 3 / 4 + 0.05})


@pytest.mark.parametrize("seconds", [-2.666, 0.0, 0.5, float("nan")])
def test_estimate_that_no_update_can_keep_is_none_and_the_bound_stands_in_for_it(seconds):
    one = of_cost(seconds)
    assert one.estimate is None
    assert one.seconds == 1.0
    assert one.bound_by == "arithmetic"


def test_estimate_above_the_bound_is_taken():
    assert of_cost(1.5).seconds == 1.5


def test_collectives_of_a_programs_text():
    text = """
      %a = (f32[8,3]{1,0:T(8,128)S(1)}, pred[]{:T(128)}) all-reduce(%x, %y), channel_id=2, to_apply=%r
      %b = bf16[16]{0} all-gather-start(%c), dimensions={0}
      %d = bf16[16]{0} all-gather-done(%b)
      ROOT %e = f32[]{:T(128)} all-reduce(%z), metadata={op_name="psum"}
      %f = f32[8]{0} get-tuple-element(%all-reduce.1), index=0
      %g = u32[2,2]{1,0} collective-permute(%h), source_target_pairs={{0,1}}
    """
    assert collectives(text) == {
        "all-reduce": Traffic(2, 101),
        "all-gather": Traffic(1, 32),
        "collective-permute": Traffic(1, 16),
    }


@pytest.mark.parametrize(("shape", "size"), [("s64[3]", 24), ("(f8e4m3fn[5]{0}, u8[])", 6), ("c64[2]", 16), ("()", 0)])
def test_size_of_a_shape(shape, size):
    assert size_of(shape) == size


@pytest.mark.parametrize(
    "message",
    [
        "RESOURCE_EXHAUSTED: the total memory required (53.5G) exceeds available HBM (15.75G). HLO module: jit_update.",
        "RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 53.5G of 15.75G hbm. Exceeded by 37.75G.",
    ],
)
def test_what_is_asked_for_and_had_is_read_from_the_compilers_words(message):
    assert out_of_memory(message) == (53.5 * 2**30, 15.75 * 2**30)


@pytest.mark.parametrize(
    ("value", "text"), [(3.2e6, "3.2 M"), (12.5e-6, "12.5 µ"), (2e-9, "2 n"), (5, "5 "), (0, "0 n")]
)
def test_prefixes(value, text):
    assert si(value) == text


# ---- The command.


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(TINY)


@with_libtpu
def test_one_slice_is_told_in_lines(tiny, capsys):
    cli.main(["plan", "tiny.py", "--topology", "v5e:2x2", "--batch-size", "32", "--width", "4", "--parallel", "pmap"])
    out, err = capsys.readouterr()
    assert out.startswith("tiny.py on v5e:2x2: 4 chips, pmap, 64 examples an update\n")
    assert "of 16 GiB" in out
    assert "all-reduce" in out
    assert "verdict              fits; " in out
    assert err == ""
    assert [path.name for path in Path().iterdir()] == ["tiny.py"]


@pytest.mark.exhaustive
@with_libtpu
def test_several_slices_are_a_table_and_a_plot(tiny, capsys):
    cli.main(["plan", "tiny.py", "--topology", "v5e:2x2", "--topology", "v6e:2x2", "--out", "scaling.png"])
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()] == ["slice", "v5e:2x2", "v6e:2x2", "32", "scaling.png:"]
    assert Path("scaling.png").read_bytes().startswith(b"\x89PNG")


@with_libtpu
def test_json_is_figures_and_nothing_else(tiny, capsys):
    cli.main(["plan", "tiny.py", "--topology", "v5e:2x2", "--json"])
    (one,) = json.loads(capsys.readouterr().out)
    assert one["fits"]
    assert one["examples"] == 32
    assert one["collectives"].keys() == {"all-reduce"}
    assert one["examples_per_second"] == one["examples"] / max(one["estimate"] or 0, *one["bounds"].values())


def test_bad_input_is_one_line(tiny, capsys):
    assert "name one or more, such as --topology v5e:4x4" in refused(capsys, "plan", "tiny.py")
    assert "name a chip of v5e" in refused(capsys, "plan", "tiny.py", "--topology", "gpu:8")
    assert "no such experiment" in refused(capsys, "plan", "missing.py", "--topology", "v5e:2x2")
    several = "--topology", "v5e:2x2", "--topology", "v6e:2x2"
    assert "plot.jpg: name a picture" in refused(capsys, "plan", "tiny.py", *several, "--out", "plot.jpg")
    Path("own.py").write_text(
        TINY.replace("width: int = 8", "topology: int = 8").replace("width=width", "width=topology")
    )
    assert "every plan has topology already" in refused(capsys, "plan", "own.py", "--topology", "v5e:2x2")
