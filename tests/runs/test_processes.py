"""Several real processes on this machine, two simulated devices each: the game of one, and its end when one is lost."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from experiment_files import EVERY_TERM

from gan_jax.cli import main as cli
from gan_jax.data.found import Found, Skipped
from gan_jax.data.source import on_device
from gan_jax.runs import processes as distributed
from gan_jax.runs.checkpoint import restore
from gan_jax.runs.folder import open_run
from gan_jax.runs.games import abstract_state, own_part
from gan_jax.runs.options import Options, Processes
from gan_jax.runs.processes import as_lines, check_alike, join, shared_settings, together
from gan_jax.types import Players

EXPERIMENT = '''"""Batch statistics over all replicas, spectral norm, two critic turns, batches of two sizes; SGD."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax import losses, measures, penalties, priors
from gan_jax.constraints import spectral_norm
from gan_jax.data.packaged.points2d import CENTRES_8, SIGMA_8, gaussians8
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.nets.layers import BatchNorm
from gan_jax.nets.linen import from_linen
from gan_jax.objectives import add, scale
from gan_jax.types import Players, View


def write(samples, path):
    path.write_bytes(np.asarray(samples).tobytes())


class Generator(nn.Module):
    @nn.compact
    def __call__(self, z, condition, mode):
        return nn.Dense(2)(nn.relu(BatchNorm()(nn.Dense(8)(z), condition, mode)))


def experiment(*, steps: int = 4, batch_size: int = 16, width: int = 8, bad: int = -1) -> Experiment:
    """Train a small game, in which with some keys a loss isn't finite at step `bad`."""

    def spoil(game):
        draw = jax.random.uniform(game.keys[0])
        return jnp.where((game.step == bad) & (draw < 0.5), jnp.nan, jnp.zeros_like(game.logits.real))

    return Experiment(
        data=gaussians8(),
        nets=Players(spectral_norm(mlp.critic(width=width)), from_linen(Generator())),
        objective=add(
            adversarial=losses.wasserstein(),
            penalty=scale(penalties.gradient_penalty(), 0.1),
            spoil=penalties.critic_penalty(spoil),
        ),
        optimizers=Players(optax.sgd(0.05), optax.sgd(0.05)),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        generator_batch_size=2 * batch_size,
        critic_steps=2,
        view=View({".png": write}, {".bytes": write}),
        measure=measures.mixture(CENTRES_8, SIGMA_8),
    )
'''
PATH = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
EVERY = "--log-every 1 --save-every 2 --sample-every 2 --num-samples 4"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.py").write_text(EXPERIMENT)
    Path("every_term.py").write_text(EVERY_TERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command: str, number: int, count: int, port: int) -> subprocess.Popen[str]:
    return start_in({}, f"{command} --coordinator 127.0.0.1:{port} --num-processes {count} --process-id {number}")


def start_in(cluster: dict[str, str], command: str) -> subprocess.Popen[str]:
    """With variables of the environment as a cluster sets them."""
    return subprocess.Popen(
        [sys.executable, "-m", "gan_jax", *command.split(), "--distributed"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "2", "PYTHONPATH": PATH} | cluster,
    )


@contextlib.contextmanager
def started(command: str, count: int = 2) -> Iterator[list[subprocess.Popen[str]]]:
    port = free_port()
    processes = [start(command, number, count, port) for number in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ends(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Each one's exit code, and what it says on stderr."""
    said = [process.communicate(timeout=240)[1] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, said)]


def finish(command: str, count: int = 2) -> None:
    with started(command, count) as processes:
        for code, said in ends(processes):
            assert code == 0, said


def state_of(folder: str):
    run = open_run(Path(folder))
    return jax.device_get(restore(run.checkpoints, abstract_state(run.experiment())))


def metric_of(folder: str, name: str) -> np.ndarray:
    """[lines, 2]: the steps and values of a metric."""
    lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return np.array([[line["step"], line[name]] for line in lines if name in line])


def check_same_game(one: str, other: str) -> None:
    for a, b in zip(jax.tree.leaves(state_of(one)), jax.tree.leaves(state_of(other)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
    losses = [metric_of(run, "critic/loss") for run in (one, other)]
    np.testing.assert_allclose(*losses, rtol=1e-5, atol=1e-6)


def play_alone(command: str) -> None:
    """In this process, on its eight devices."""
    cli.main(command.split())


@pytest.mark.exhaustive
def test_two_processes_then_one_then_four_play_the_game_of_one_which_diverges_once():
    diverging = f"train small.py --bad 2 --on-divergence rollback --rollback-rate 0.5 {EVERY}"
    finish(f"{diverging} --run-dir several --steps 3")
    play_alone("resume several --steps 4")
    finish("resume several --steps 6", 4)
    play_alone(f"{diverging} --run-dir alone --steps 6")
    assert Path("several/rollbacks.jsonl").read_text() == Path("alone/rollbacks.jsonl").read_text()
    check_same_game("several", "alone")
    assert metric_of("several", "critic/loss")[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert sorted(path.name for path in Path("several/samples").iterdir()) == [
        f"step_000000{step}.png"
        for step in (2, 3, 4, 6)  # the last of a run, too
    ]


@pytest.mark.exhaustive
def test_two_processes_then_one_under_pmap_play_the_game_of_one():
    evaluated = f"train small.py --evaluate-every 2 --evaluate-num 16 {EVERY}"
    finish(f"{evaluated} --run-dir several --parallel pmap --steps 3")
    play_alone("resume several --steps 4")
    play_alone(f"{evaluated} --run-dir alone --steps 4")
    check_same_game("several", "alone")
    several, alone = (dict(metric_of(run, "evaluation/wasserstein")) for run in ("several", "alone"))
    assert (several.keys(), alone.keys()) == ({2, 4}, {2, 4})  # that of step 3 went as the run went on
    for step, value in alone.items():
        assert several[step] == pytest.approx(value, rel=1e-5)


@pytest.mark.exhaustive
@pytest.mark.parametrize("way", ["jit", "pmap"])
def test_two_processes_and_then_one_play_every_term_as_one_does(way):
    game = f"train every_term.py {EVERY} --parallel {way}"
    finish(f"{game} --run-dir several --steps 2")
    play_alone("resume several --steps 4")
    play_alone(f"{game} --run-dir alone --steps 4")
    check_same_game("several", "alone")
    state = state_of("several").objective
    assert state.keys() >= {"began", "lecam", "path_length"}
    logged = metric_of("several", "objective/lecam/mean/real")
    assert logged[:, 0].tolist() == [1, 2, 3, 4]
    assert logged[-1, 1] == pytest.approx(float(state["lecam"].mean.real))


def wait_for_lines(processes: list[subprocess.Popen[str]], run: str, count: int) -> None:
    metrics, deadline = Path(run) / "metrics.jsonl", time.monotonic() + 300
    while not metrics.exists() or metrics.read_text().count("\n") < count:
        assert all(process.poll() is None for process in processes), ends(processes)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def end_of_the_other(run: str, victim: int) -> None:
    """Starts a run, kills one of its two processes in mid-step, and sees that the other ends with an error."""
    with started(f"train small.py --run-dir {run} --steps 100000 {EVERY}") as processes:
        wait_for_lines(processes, run, 5)
        processes[victim].kill()
        begin = time.monotonic()
        ((code, said),) = ends([processes[1 - victim]])
        assert time.monotonic() - begin < 30
    assert code not in (0, None)
    assert f"gan-jax: process {1 - victim} of 2: a peer was lost" in said or "another task died" in said, said


@pytest.mark.exhaustive
def test_loss_of_the_first_process_ends_the_other():
    end_of_the_other("killed", victim=0)


@pytest.mark.exhaustive
def test_loss_of_a_peer_ends_the_others_and_the_run_goes_on_exactly():
    end_of_the_other("killed", victim=1)
    steps = int(metric_of("killed", "critic/loss")[-1, 0]) + 3
    finish(f"resume killed --steps {steps}")
    finish(f"train small.py --run-dir whole --steps {steps} {EVERY}")
    assert Path("killed/metrics.jsonl").read_bytes() == Path("whole/metrics.jsonl").read_bytes()
    for a, b in zip(jax.tree.leaves(state_of("killed")), jax.tree.leaves(state_of("whole")), strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.exhaustive
def test_a_signal_to_one_process_saves_and_ends_all():
    with started(f"train small.py --run-dir run --steps 100000 {EVERY}") as processes:
        wait_for_lines(processes, "run", 3)
        processes[1].send_signal(signal.SIGTERM)
        (code, said), (other_code, _) = ends(processes)
    assert (code, other_code) == (143, 143)
    assert "by SIGTERM: `gan-jax resume run` goes on from there" in said
    assert int(state_of("run").step) == metric_of("run", "critic/loss")[-1, 0]


def last_line(said: str) -> str:
    return said.replace("\r", "\n").strip().splitlines()[-1]


def test_slurm_is_found_and_processes_that_are_not_alike_are_told_what_differs():
    def task(number: int) -> dict[str, str]:
        job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
        return job | {"SLURM_PROCID": str(number), "SLURM_LOCALID": str(number)}

    different = [start_in(task(n), f"train small.py --run-dir run --width {8 + n}") for n in range(2)]
    for code, said in ends(different):
        assert code == 2
        assert last_line(said) == "gan-jax: process 1 has width 9, process 0 has 8: start all alike"
    assert not Path("run").exists()


def test_what_is_wrong_in_one_process_is_told_by_all():
    Path("taken").mkdir()
    Path("taken/mine").touch()
    with started("train small.py --run-dir taken") as processes:
        (code, said), (other_code, other_said) = ends(processes)
    assert (code, other_code) == (2, 2)
    assert last_line(said) == "gan-jax: taken is not an empty folder: give another --run-dir"
    assert last_line(other_said) == "gan-jax: process 0: taken is not an empty folder: give another --run-dir"


def test_a_peer_that_does_not_come_is_one_line():
    begin = time.monotonic()
    code, said = ends([start("train small.py --start-timeout 2", 0, 2, free_port())])[0]
    assert time.monotonic() - begin < 30
    assert code == 2
    assert last_line(said).startswith("gan-jax: process 0 of 2: not all came together at 127.0.0.1:")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Processes(coordinator="a:1"), "go with --distributed: add it"),
        (Processes(distributed=True, coordinator="a"), "give the host and a port"),
        (Processes(distributed=True, start_timeout=0), "it must be 1 or more"),
    ],
)
def test_incomplete_descriptions_of_the_processes_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        join(given)


# ---- What needs no second process.


@pytest.mark.parametrize("count", [1, 2, 4])
def test_parts_of_all_processes_are_the_batch_and_each_turn_is_split_alike(monkeypatch, count):
    turns = Players((2, 8), (1, 16))
    monkeypatch.setattr(jax, "process_count", lambda: count)
    seen = []
    for index in range(count):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        parts, places = own_part(turns)
        assert parts == Players((2, 8 // count), (1, 16 // count))
        seen.append(places)
    assert sorted(np.concatenate(seen)) == list(range(32))
    first_turns = np.concatenate([places[: 8 // count] for places in seen])
    assert first_turns.tolist() == list(range(8))


def test_what_a_peer_says_is_wrong_is_raised_here(monkeypatch):
    monkeypatch.setattr(distributed, "everyone", lambda text: [text, "no room"])
    with pytest.raises(ValueError, match="process 1: no room"), together():
        pass
    with pytest.raises(KeyError), together():
        raise KeyError("mine")


def test_alike_is_alike_also_in_odd_words(monkeypatch):
    given = {"a": "x=1\ny", "b": Path("é"), "c": ""}
    monkeypatch.setattr(distributed, "everyone", lambda text: [text, text])
    check_alike(given)
    monkeypatch.setattr(distributed, "everyone", lambda text: [text, text + "\nd=1"])
    with pytest.raises(ValueError, match="process 1 has d 1, process 0 has None"):
        check_alike(given)


def test_data_that_differ_are_named_with_what_each_process_skips(monkeypatch):
    def given(*skipped: Skipped) -> dict[str, object]:
        data = on_device(np.zeros((4, 2, 2, 1), np.uint8), name=f"{4 - len(skipped)} images")
        data = data._replace(found=Found(data.name, skipped))
        return shared_settings("train", Path("small.py"), {}, Options(), data)

    texts = [as_lines(given()), as_lines(given(Skipped("3.png", "cut short")))]
    monkeypatch.setattr(distributed, "everyone", lambda text: texts)
    with pytest.raises(
        ValueError, match=r"process 1 has data 3 images \(3 images, 1 skipped \(3.png: cut short\); 0 cl"
    ):
        check_alike({})


EXPERIMENTS = sorted((Path(__file__).parents[2] / "experiments").glob("*.py"))


def test_loading_an_experiment_uses_no_device_so_that_processes_can_meet_after_it():
    program = (
        "import sys, jax\nfrom pathlib import Path\nfrom gan_jax.experiment import load\n"
        "for path in sys.argv[1:]: load(Path(path))\n"
        "jax.config.update('jax_num_cpu_devices', 3)"  # refused once a device was used
    )
    subprocess.run([sys.executable, "-c", program, *map(str, EXPERIMENTS)], check=True)
