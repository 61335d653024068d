"""`gan-jax sample --sign` and what `gan-jax inspect` says of signed files, changed and unchanged."""

import sys
from pathlib import Path

import pytest
import soundfile
from command_line import files, refused

from gan_jax.cli import main as cli
from gan_jax.models.model import Model

pytest.importorskip("c2pa", reason="C2PA signatures need c2pa-python")
from signers import signer

HUMS = '''"""Hums."""

import jax
import optax

from gan_jax import Experiment, Players, losses, priors, views
from gan_jax.data import endless
from gan_jax.nets import mlp


def draw(key):
    return jax.random.uniform(key, (4096, 1), minval=-1.0)


def experiment(*, steps: int = 1, batch_size: int = 8) -> Experiment:
    """Train on hums."""
    return Experiment(
        data=endless("hums", draw),
        nets=Players(mlp.critic(width=4), mlp.generator((4096, 1), width=4)),
        objective=losses.non_saturating(),
        optimizers=Players(optax.sgd(0.1), optax.sgd(0.1)),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        view=views.sounds(),
    )
'''


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hums")
    (folder / "hums.py").write_text(HUMS)
    cli.main(["train", str(folder / "hums.py"), "--run-dir", str(folder / "run")])
    return folder / "run"


@pytest.fixture(scope="module")
def ann(tmp_path_factory):
    return signer(tmp_path_factory.mktemp("ann"))


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sample(run, ann, *words: str) -> None:
    cli.main(["sample", str(run), "--num", "2", "--sign", str(ann.certificate), str(ann.key), *words])


def inspect(capsys, *words: str) -> tuple[int, str]:
    """The exit code of `gan-jax inspect`, and what it prints."""
    capsys.readouterr()
    try:
        cli.main(["inspect", *words])
    except SystemExit as exit_:
        return exit_.code, capsys.readouterr().out
    return 0, capsys.readouterr().out


@pytest.mark.parametrize("out", ["hums.wav", "hums.png"])
def test_a_signed_file_has_its_note_and_its_signature(run, ann, capsys, out):
    sample(run, ann, "--seed", "3", "--out", out)
    code, said = inspect(capsys, out)
    assert code == 0
    assert f"{out} says that it is synthetic" in said
    assert f"{out} is signed, and hasn't changed since\n" in said
    assert "signer      CN=Ann, O=Lab\n" in said
    assert said.count("experiment  hums\n") == said.count("seed        3\n") == 2
    assert "The signer isn't known, and anyone can make a certificate in any name: --trust CERTIFICATES checks" in said


def test_a_change_is_told_by_the_exit_code(run, ann, capsys):
    sample(run, ann, "--out", "hums.wav")
    whole = Path("hums.wav").read_bytes()
    Path("hums.wav").write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    code, said = inspect(capsys, "hums.wav")
    assert code == 1
    assert "hums.wav was changed after it was signed\n" in said
    assert "isn't known" not in said


def test_trust_asks_for_a_signature_that_a_root_vouches_for(run, ann, capsys, tmp_path):
    other = signer(tmp_path, name="Bob")
    sample(run, ann, "--out", "hums.wav")
    code, said = inspect(capsys, "hums.wav", "--trust", str(ann.root))
    assert (code, said.splitlines()[-1]) == (0, f"{ann.root} vouches for the signer")
    code, said = inspect(capsys, "hums.wav", "--trust", str(other.root))
    assert code == 1
    assert said.endswith(f"anyone can make a certificate in any name: {other.root} doesn't vouch for it\n")
    cli.main(["sample", str(run), "--num", "2", "--out", "hums.wav"])
    code, said = inspect(capsys, "hums.wav", "--trust", str(ann.root))
    assert (code, said.splitlines()[-1]) == (1, "hums.wav isn't signed")
    assert inspect(capsys, "hums.wav")[0] == 0


def test_every_file_of_a_folder_is_signed_and_plays_as_before(run, ann, capsys):
    cli.main(["sample", str(run), "--num", "2", "--out", "plain"])
    sample(run, ann, "--out", "signed")
    assert sorted(Path("signed").iterdir()) == [Path("signed/00000.wav"), Path("signed/00001.wav")]
    for file in Path("signed").iterdir():
        assert inspect(capsys, str(file), "--trust", str(ann.root))[0] == 0
        assert (soundfile.read(file)[0] == soundfile.read(Path("plain") / file.name)[0]).all()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--out hums --suffix flac", "--sign: .png, .gif, .mp4, .wav files can be signed, but not .flac"),
        ("--out hums.wav --no-provenance", "--sign states the origin, which --no-provenance leaves out: drop one"),
    ],
)
def test_what_cannot_be_signed_is_refused_before_samples_are_drawn(run, ann, capsys, monkeypatch, words, line):
    monkeypatch.setattr(Model, "sample", lambda *_: pytest.fail("samples were drawn"))
    signing = ["--sign", str(ann.certificate), str(ann.key)]
    assert line in refused(capsys, "sample", str(run), *signing, *words.split())


def test_a_missing_key_is_named_before_samples_are_drawn(run, ann, capsys, monkeypatch):
    monkeypatch.setattr(Model, "sample", lambda *_: pytest.fail("samples were drawn"))
    says = refused(capsys, "sample", str(run), "--out", "hums.wav", "--sign", str(ann.certificate), "none.pem")
    assert says == "gan-jax: none.pem: no such file\n"


def test_sign_takes_a_certificate_and_a_key(run, ann, capsys):
    assert "--sign takes two files: the certificate, and its private key" in refused(
        capsys, "sample", str(run), "--sign", str(ann.certificate)
    )


def test_without_c2pa_a_note_is_read_and_a_manifest_is_named(run, ann, capsys, monkeypatch):
    sample(run, ann, "--out", "hums.wav")
    monkeypatch.setitem(sys.modules, "c2pa", None)
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        cli.main(["inspect", "hums.wav"])
    said = capsys.readouterr()
    assert exit_.value.code == 2
    assert "hums.wav says that it is synthetic" in said.out
    assert said.err == (
        "gan-jax: hums.wav holds a C2PA manifest, and checking it needs c2pa-python: pip install 'gan-jax[sign]'\n"
    )
    before = files()
    signing = ["--sign", str(ann.certificate), str(ann.key)]
    with pytest.raises(SystemExit):
        cli.main(["sample", str(run), "--out", "more.wav", *signing])
    assert capsys.readouterr().err == "gan-jax: signing needs c2pa-python: pip install 'gan-jax[sign]'\n"
    assert files() == before


def test_letters_in_a_certificate_cannot_control_the_terminal(run, capsys, tmp_path):
    sample(run, signer(tmp_path, name="A\x1b[2Jnn"), "--out", "hums.wav")
    code, said = inspect(capsys, "hums.wav")
    assert code == 0
    assert "CN=A?[2Jnn" in said
    assert "\x1b" not in said


def test_a_note_that_was_broken_does_not_hide_that_the_file_was_changed(run, ann, capsys):
    cli.main(["sample", str(run), "--num", "2", "--out", "hums.png", "--sign", str(ann.certificate), str(ann.key)])
    content = Path("hums.png").read_bytes()
    Path("hums.png").write_bytes(content.replace(b"<x:xmpmeta", b"<y:xmpmeta", 1))
    code, said = inspect(capsys, "hums.png")
    assert code == 1
    assert "hums.png can't be read as .png" in said
    assert "hums.png was changed after it was signed" in said
