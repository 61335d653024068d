"""What is saved comes back as it was, or is refused by name."""

import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.checkpoint import Checkpoints
from gan_jax.parallel import everywhere, make_mesh
from gan_jax.types import Players, TrainState, Variables


def state_of(step: int) -> TrainState:
    """A state with every kind of leaf that a run has, whole on every device."""
    params = {"kernel": jnp.arange(6.0).reshape(2, 3) + step, "half": jnp.full(3, step, jnp.bfloat16)}
    state = TrainState(
        step=jnp.int32(step),
        params=Players(params, params),
        stats=Players({}, {"batch_stats": {"mean": jnp.full(2, 0.1 * step)}}),
        opt_state=Players(optax.adam(1.0).init(params), optax.sgd(1.0).init(params)),
        ema=Variables(params, {}),
    )
    return jax.device_put(state, everywhere(make_mesh()))


def like(state: TrainState) -> TrainState:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state)


def save(folder, *steps: int) -> None:
    with Checkpoints(folder) as checkpoints:
        for step in steps:
            checkpoints.save(step, state_of(step))


def restore(folder) -> TrainState:
    with Checkpoints(folder) as checkpoints:
        return checkpoints.restore(like(state_of(0)))


def test_the_newest_state_comes_back_bit_for_bit_where_it_was(tmp_path):
    save(tmp_path / "run", 3, 7)
    restored, saved = restore(tmp_path / "run"), state_of(7)
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
    assert int(restore(tmp_path / "run").step) == 2


def test_the_seal_is_what_sha256sum_checks(tmp_path):
    save(tmp_path / "run", 2)
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path / "run" / "2", check=True)


def cut(files):
    files[0].write_bytes(files[0].read_bytes()[:-1])


def flip(files):
    data = bytearray(files[0].read_bytes())
    data[len(data) // 2] ^= 1
    files[0].write_bytes(data)


def remove(files):
    files[0].unlink()


@pytest.mark.parametrize("damage", [cut, flip, remove])
def test_damage_is_named_and_the_checkpoint_before_serves_once_it_is_removed(tmp_path, damage):
    folder = tmp_path / "run"
    save(folder, 3, 7)
    damage(sorted((folder / "7").rglob("d/*")))
    with pytest.raises(ValueError, match=r"checkpoint .*7 is damaged: remove that folder"):
        restore(folder)
    shutil.rmtree(folder / "7")
    assert int(restore(folder).step) == 3


def test_a_state_of_another_shape_is_refused(tmp_path):
    save(tmp_path / "run", 3)
    other = like(state_of(0))
    other = other._replace(params=Players({"other": other.step}, other.params.generator))
    with (
        pytest.raises(ValueError, match=r"doesn't fit the run's experiment\.py"),
        Checkpoints(tmp_path / "run") as checkpoints,
    ):
        checkpoints.restore(other)


def test_an_empty_folder_has_nothing_to_restore(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        restore(tmp_path / "run")


def test_the_best_of_old_is_kept_and_the_latest_is_never_deleted(tmp_path):
    merits = {1: 1.0, 2: 9.0, 3: None, 4: 5.0, 5: -3.0}
    with Checkpoints(tmp_path / "run", keep=2) as checkpoints:
        for step, merit in merits.items():
            checkpoints.save(step, state_of(step), merit)
    with Checkpoints(tmp_path / "run", keep=2) as checkpoints:
        assert set(checkpoints.manager.all_steps()) == {2, 4, 5}
        assert checkpoints.restore(like(state_of(0)), "best").step == 2
        assert checkpoints.restore(like(state_of(0))).step == 5
