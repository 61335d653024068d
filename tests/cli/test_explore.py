"""`gan-jax explore` from its start to Ctrl-C, and the training examples nearest to a sample."""

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from tiny_models import MODELS

from gan_jax.cli import main as cli
from gan_jax.explorer.nearest import COUNT, nearest_of
from gan_jax.models import bundle

GREYS = '''"""Grey squares."""

import numpy as np
import optax

from gan_jax import losses, priors
from gan_jax.data.source import on_device
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.types import Measure, Players


def experiment(*, steps: int = 1, batch_size: int = 8, measured: bool = True) -> Experiment:
    """Train on grey squares."""
    shape = (4, 4, 1)
    data = np.arange(0, 160, 10, dtype=np.uint8)[:, None, None, None] * np.ones((16, *shape), np.uint8)
    measure = Measure(
        look=lambda x: x.reshape(len(x), -1),
        summarise=list,
        compare=lambda real, fake: {"zero": 0.0},
        collapsed=lambda figures: False,
        better={"zero": "lower"},
        best="zero",
        num=8,
        protocol=lambda num: {},
    )
    return Experiment(
        data=on_device(data),
        nets=Players(mlp.critic(width=4), mlp.generator(shape, width=4)),
        objective=losses.non_saturating(),
        optimizers=Players(optax.sgd(0.1), optax.sgd(0.1)),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        measure=measure if measured else None,
    )
'''


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A bundle."""
    file = tmp_path_factory.mktemp("bundle") / "tiny.ganjax"
    bundle.write(MODELS["points"](), "# tiny", file)
    return file


def status(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_prints_its_address_answers_to_its_own_name_alone_and_ends_quietly(
    file, tmp_path, monkeypatch, number, code
):
    pytest.importorskip("gradio", reason="the page is made by gradio: pip install 'gan-jax[explore]'")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, "-m", "gan_jax", "explore", str(file), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            url = re.match(r"(http://127\.0\.0\.1:\d+/) shows tiny at step 7; Ctrl-C ends it\n", line)[1]
            assert status(url) == 200
            assert status(url, Host="rebound.example") == 400
            assert status(url, Origin=url.rstrip("/")) == 200
            assert status(url, Origin="http://evil.example") == 403
            assert status(f"{url}gradio_api/upload") == 403
            assert status(f"{url}gradio_api/file=/etc/passwd") in (403, 404)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (code, "")
    compiling = "gan-jax: compiling the generator, which may take half a minute the first time\n"
    assert err == compiling + ("gan-jax: interrupted\n" if number == signal.SIGINT else "")
    assert not list(tmp_path.glob("gan_jax_explore_*"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--port {taken}", "127.0.0.1:{taken} can't be opened"),
        ("--port 99999", "port 99999: it must be from 0 to 65535"),
        ("--host no.such.host.invalid --port 0", "no.such.host.invalid:0 can't be opened"),
        ("--port 0 --directions none.npz", "none.npz: no such file; `gan-jax directions` makes it"),
        ("--port 0 --game 1", "a bundle holds one generator"),
    ],
)
def test_bad_input_gets_one_line(file, capsys, words, says):
    pytest.importorskip("gradio", reason="the page is made by gradio: pip install 'gan-jax[explore]'")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as exit_:
            cli.main(["explore", str(file), *words.format(taken=port).split()])
    err = capsys.readouterr().err
    assert exit_.value.code == 2
    assert err.count("\n") == 1
    assert says.format(taken=port) in err


def test_without_gradio_a_line_names_the_extra(file, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gan_jax.explorer.serve", None)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["explore", str(file)])
    assert exit_.value.code == 2
    assert capsys.readouterr().err == "gan-jax: the page is made by gradio: pip install 'gan-jax[explore]'\n"


@pytest.fixture(scope="module")
def greys(tmp_path_factory):
    """Runs of a game with a measure, and of one without."""
    folder = tmp_path_factory.mktemp("greys")
    (folder / "greys.py").write_text(GREYS)
    for name, measured in (("with", "--measured"), ("without", "--no-measured")):
        cli.main(["train", str(folder / "greys.py"), measured, "--run-dir", str(folder / name)])
    return folder


def test_nearest_training_examples_come_nearest_first(greys):
    sample = np.full((4, 4, 1), 52 / 127.5 - 1, np.float32)
    found = nearest_of(greys / "with", "latest", None)(sample)
    assert found.shape == (1 + COUNT, 4, 4, 1)
    np.testing.assert_array_equal(found[0], sample)
    np.testing.assert_allclose((found[1:, 0, 0, 0] + 1) * 127.5, [50, 60, 40, 70, 30], atol=1e-3)


def test_without_a_measure_examples_are_compared_as_they_are(greys):
    sample = np.full((4, 4, 1), 52 / 127.5 - 1, np.float32)
    with_measure, without = (nearest_of(greys / name, "latest", None)(sample) for name in ("with", "without"))
    np.testing.assert_array_equal(without, with_measure)


def test_a_bundle_has_no_neighbours():
    assert nearest_of(Path("x.ganjax"), "latest", None) is None
