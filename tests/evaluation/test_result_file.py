"""What is saved of an evaluation."""

from gan_jax.evaluation.result_file import load, save


def test_results_survive_being_written_and_read(tmp_path):
    one = {
        "figures": {"a": [1.0, None]},
        "quartiles": {"a": [1.0, 1.0, 1.0]},
        "better": {"a": "lower"},
        "collapsed": 0.0,
        "floor": None,
        "protocol": {"data": "x"},
        "made": {"games": 1, "seed": 0, "versions": {}},
    }
    save(one, tmp_path / "result.json")
    assert load(tmp_path / "result.json") == [one]
