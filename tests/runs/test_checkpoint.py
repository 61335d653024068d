"""What is saved comes back as it was, or is refused by name."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import averages
from gan_jax.parallel import everywhere, make_mesh
from gan_jax.runs.checkpoint import Checkpoints, restore, set_aside, steps
from gan_jax.types import Array, Pair, Players, TrainState, Variables

HERE = Path(__file__).parent


def state_of(step: int) -> TrainState:
    """A state with every kind of leaf that a run has, whole on every device; no two leaves are alike."""

    def params(first: int) -> dict[str, Array]:
        return {"kernel": jnp.arange(6.0).reshape(2, 3) + first + step, "half": jnp.full(3, first + step, jnp.bfloat16)}

    def stats(first: int) -> dict[str, dict[str, Array]]:
        return {"batch_stats": {"mean": jnp.full(2, first + 0.1 * step)}}

    adam = optax.adam(1.0).init(params(0))
    state = TrainState(
        step=jnp.int32(step),
        params=Players(params(10), params(20)),
        stats=Players(stats(30), stats(40)),
        opt_state=Players(optax.tree.set(adam, mu=params(50), nu=params(60)), optax.sgd(1.0).init(params(0))),
        ema=Variables(params(70), stats(80)),
        objective={"lecam": averages.Average(Pair(jnp.float32(90 + step), jnp.float32(91)), jnp.int32(step))},
        augment={"p": jnp.float32(0.01 * step)},
    )
    return jax.device_put(state, everywhere(make_mesh()))


def like(state: TrainState) -> TrainState:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state)


def save(folder, *steps: int) -> None:
    with Checkpoints(folder) as checkpoints:
        for step in steps:
            checkpoints.save(step, state_of(step))


def restored_from(folder, which="latest") -> TrainState:
    return restore(folder, like(state_of(0)), which)


def test_the_newest_state_comes_back_bit_for_bit_where_it_was(tmp_path):
    save(tmp_path / "run", 3, 7)
    restored, saved = restored_from(tmp_path / "run"), state_of(7)
    assert jax.tree.structure(restored) == jax.tree.structure(saved)
    for new, old in zip(jax.tree.leaves(restored), jax.tree.leaves(saved), strict=True):
        assert new.dtype == old.dtype
        assert new.sharding == old.sharding
        assert np.asarray(new).tobytes() == np.asarray(old).tobytes()


def test_the_newest_two_are_kept(tmp_path):
    save(tmp_path / "run", 1, 2, 3, 4)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["3", "4"]


def test_a_step_is_saved_once(tmp_path):
    save(tmp_path / "run", 2)
    save(tmp_path / "run", 2)
    assert int(restored_from(tmp_path / "run").step) == 2


def test_the_seal_is_what_sha256sum_checks(tmp_path):
    save(tmp_path / "run", 2)
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path / "run" / "2", check=True)


def largest(folder):
    return max((path for path in folder.rglob("d/*")), key=lambda path: path.stat().st_size)


def cut(folder):
    largest(folder).write_bytes(largest(folder).read_bytes()[:-1])


def flip(folder):
    data = bytearray(largest(folder).read_bytes())
    data[len(data) // 2] ^= 1
    largest(folder).write_bytes(data)


def remove(folder):
    largest(folder).unlink()


@pytest.mark.parametrize("name", ["default/_METADATA", "metrics/metrics", "_CHECKPOINT_METADATA", "SHA256SUMS"])
def test_damage_to_any_file_leaves_the_checkpoint_before(tmp_path, name):
    folder = tmp_path / "run"
    save(folder, 3, 7)
    data = (folder / "7" / name).read_bytes()
    (folder / "7" / name).write_bytes(b"\xff" + data[: len(data) // 2])
    assert int(restored_from(folder).step) == 3
    set_aside(folder, after=3)
    save(folder, 7)
    assert int(restored_from(folder).step) == 7


def test_where_the_best_is_damaged_the_best_of_the_others_serves(tmp_path, capfd):
    folder = tmp_path / "run"
    with Checkpoints(folder) as checkpoints:
        for step, merit in {1: 1.0, 2: 9.0, 3: 2.0}.items():
            checkpoints.save(step, state_of(step), merit)
    flip(folder / "2")
    assert int(restored_from(folder, "best").step) == 3
    assert f"checkpoint {folder}/2 is damaged" in capfd.readouterr().err


@pytest.mark.parametrize("damage", [cut, flip, remove])
def test_damage_is_named_and_the_newest_whole_checkpoint_serves(tmp_path, capfd, damage):
    folder = tmp_path / "run"
    save(folder, 3, 7)
    damage(folder / "7")
    capfd.readouterr()
    assert int(restored_from(folder).step) == 3
    assert f"gan-jax: checkpoint {folder}/7 is damaged: " in capfd.readouterr().err
    damage(folder / "3")
    with pytest.raises(ValueError, match="no checkpoint is whole; start the run again"):
        restored_from(folder)


def test_a_checkpoint_that_was_killed_before_its_seal_does_not_count(tmp_path):
    save(tmp_path / "run", 3, 7)
    (tmp_path / "run" / "7" / "SHA256SUMS").unlink()
    assert int(restored_from(tmp_path / "run").step) == 3


def test_what_is_set_aside_makes_room_for_the_same_step(tmp_path):
    folder = tmp_path / "run"
    save(folder, 3, 7)
    set_aside(folder, after=3)
    assert steps(folder) == [3]
    with Checkpoints(folder) as checkpoints:
        checkpoints.save(7, state_of(8))
    assert int(restored_from(folder).step) == 8
    assert (folder / "aside" / "7" / "SHA256SUMS").is_file()


def test_a_reader_leaves_a_save_under_way_alone(tmp_path):
    folder = tmp_path / "run"
    save(folder, 3)
    begun = folder / "7.orbax-checkpoint-tmp"
    shutil.copytree(folder / "3", begun)
    assert int(restored_from(folder).step) == 3
    assert begun.is_dir()
    save(folder, 8)
    assert not begun.exists()


SMALL_DISK = """
import sys
import jax, jax.numpy as jnp
from pathlib import Path
from test_checkpoint import state_of
from gan_jax.runs.checkpoint import Checkpoints, NotSaved
try:
    with Checkpoints(Path(sys.argv[1])) as checkpoints:
        for step in range(5):
            large = {"kernel": jax.random.normal(jax.random.key(step), (200_000,))}
            checkpoints.save(step, state_of(step)._replace(ema=large))
except NotSaved as error:
    print(error)
"""


def test_a_full_disk_is_one_clear_error_and_what_was_saved_is_whole(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        ran = subprocess.run(
            [sys.executable, "-c", SMALL_DISK, disk / "run"], cwd=HERE, capture_output=True, text=True, timeout=120
        )
        assert re.fullmatch(
            r".*/run/\d can't be written: No space left on device; the checkpoints before it are whole\n", ran.stdout
        ), ran.stdout + ran.stderr
        assert ran.returncode == 0
        whole = [path.parent for path in (disk / "run").glob("*/SHA256SUMS")]
        assert whole
        for folder in whole:
            subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)  # a file of it may still be open


def test_a_state_of_another_shape_is_refused(tmp_path):
    save(tmp_path / "run", 3)
    other = like(state_of(0))
    other = other._replace(params=Players({"other": other.step}, other.params.generator))
    with pytest.raises(ValueError, match=r"doesn't fit the run's experiment\.py"):
        restore(tmp_path / "run", other)


def test_an_array_of_another_shape_is_named_and_nothing_else_is_printed(tmp_path, capfd):
    save(tmp_path / "run", 3)
    other = like(state_of(0))
    wider = {**other.params.critic, "kernel": jax.ShapeDtypeStruct((2, 4), jnp.float32)}
    other = other._replace(params=other.params._replace(critic=wider), ema=Variables(wider, {}))
    capfd.readouterr()
    with pytest.raises(
        ValueError, match=r"params/critic/kernel was saved as \[2, 3\], and is \[2, 4\] by .*, and 1 more"
    ):
        restore(tmp_path / "run", other)
    assert capfd.readouterr() == ("", "")


def test_an_empty_folder_has_nothing_to_restore(tmp_path):
    with pytest.raises(FileNotFoundError, match="no finished checkpoint"):
        restored_from(tmp_path / "run")


def test_the_best_of_old_is_kept_and_the_latest_is_never_deleted(tmp_path):
    merits = {1: 1.0, 2: 9.0, 3: None, 4: 5.0, 5: -3.0}
    with Checkpoints(tmp_path / "run", keep=2) as checkpoints:
        for step, merit in merits.items():
            checkpoints.save(step, state_of(step), merit)
    with Checkpoints(tmp_path / "run", keep=2) as checkpoints:
        assert set(checkpoints.manager.all_steps()) == {2, 4, 5}
    assert restored_from(tmp_path / "run", "best").step == 2
    assert restored_from(tmp_path / "run").step == 5
