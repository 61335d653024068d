"""Signs of a game that goes wrong are reported once they last, and not before."""

from gan_jax.runs.watch import PATIENCE, Watch


def game(norm=1.0, real=0.7, fake=0.7):
    return {"generator/gradient_norm": [norm], "critic/accuracy_real": [real], "critic/accuracy_fake": [fake]}


def test_samples_that_look_alike_are_told_once_when_it_lasts():
    watch = Watch()
    told = [watch.look({"samples/diversity": [0.05]}) for _ in range(PATIENCE + 3)]
    assert [len(signs) for signs in told] == [0] * (PATIENCE - 1) + [1, 0, 0, 0]
    assert "a mode collapse?" in told[PATIENCE - 1][0]


def test_a_sign_that_went_is_told_again_when_it_comes_back():
    watch = Watch()
    values = [0.05] * PATIENCE + [0.9] + [0.05] * PATIENCE
    assert sum(len(watch.look({"samples/diversity": [value]})) for value in values) == 2


def test_other_metrics_between_do_not_end_a_sign():
    watch = Watch()
    told = []
    for _ in range(PATIENCE):
        told += watch.look({"samples/diversity": [0.05]}) + watch.look(game())
    assert len(told) == 1


def test_a_critic_that_always_wins_is_told_only_where_the_generator_learns_nothing():
    ahead, vanished = Watch(), Watch()
    for watch in (ahead, vanished):
        assert watch.look(game(norm=1.0)) == []
    assert [ahead.look(game(1.0, 1.0, 1.0)) for _ in range(PATIENCE)] == [[]] * PATIENCE
    assert [vanished.look(game(1e-3)) for _ in range(PATIENCE)] == [[]] * PATIENCE
    told = [vanished.look(game(1e-3, 1.0, 1.0)) for _ in range(PATIENCE)]
    assert [len(signs) for signs in told] == [0] * (PATIENCE - 1) + [1]
    assert "the generator's gradient has vanished" in told[-1][0]


def test_games_are_watched_apart_and_one_that_diverged_is_left_alone():
    watch = Watch()
    told = [watch.look({"samples/diversity": [0.9, 0.05, None]}) for _ in range(PATIENCE)][-1]
    assert len(told) == 1
    assert told[0].startswith("game 1: ")


def test_nothing_is_looked_at_where_every_game_has_diverged():
    assert Watch().look({}) == []
