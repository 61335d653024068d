"""A signed file says who signed it and that a model made it, and any change is noticed."""

import http.server
import io
import json
import struct
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax import views
from gan_jax.errors import UserError
from gan_jax.storage import signature
from gan_jax.storage.provenance import SYNTHETIC, Origin, inspect, mark
from gan_jax.storage.signature import FORMATS, is_signed, open_signer, sign, verdict, verify

c2pa = pytest.importorskip("c2pa", reason="C2PA signatures need c2pa-python")
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: E402
from signers import certificate, p256, pem, pem_of_key, signer  # noqa: E402

ORIGIN = Origin("relativistic_video", "ab" * 32, 4000, 2**32 - 1)
NOISE = np.random.default_rng(0).uniform(-1, 1, (2, 3, 16, 16, 3))
WRITERS = {
    ".png": lambda file: views.images.together[".png"](NOISE[0], file),
    ".gif": lambda file: views.images.walks[".gif"](NOISE, file),
    ".mp4": lambda file: views.videos.together[".mp4"](NOISE, file),
    ".wav": lambda file: views.sounds().single[".wav"](NOISE.reshape(-1, 1), file),
}
EACH = pytest.mark.parametrize("ending", FORMATS)


@pytest.fixture(scope="module")
def ann(tmp_path_factory):
    return signer(tmp_path_factory.mktemp("ann"))


@pytest.fixture
def file(tmp_path, ending):
    path = tmp_path / f"sample{ending}"
    WRITERS[ending](path)
    return path


def sign_by(who, file: Path) -> None:
    sign(file, ORIGIN, open_signer(who.certificate, who.key, file.suffix))


def content(file: Path) -> np.ndarray:
    """What one sees or hears of a file."""
    if file.suffix == ".wav":
        with wave.open(str(file)) as stream:
            return np.frombuffer(stream.readframes(stream.getnframes()), "<i2")
    if file.suffix == ".mp4":
        import av

        with av.open(file) as film:
            return np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])
    with Image.open(file) as image:
        frames = range(getattr(image, "n_frames", 1))
        return np.stack([np.asarray((image.seek(number), image.convert("RGB"))[1]) for number in frames])


@EACH
def test_a_signed_file_says_who_signed_it_and_which_model_made_it(file, ann):
    assert not is_signed(file)
    sign_by(ann, file)
    assert is_signed(file)
    found = verify(file)
    assert found.claims.pop("time")[:4].isdigit()
    assert found.claims == {
        "signer": "CN=Ann, O=Lab",
        "issuer": "CN=Root, O=Lab",
        "algorithm": "es256",
        "program": f"gan_jax {ORIGIN.version}",
        "source": SYNTHETIC,
        "experiment": "relativistic_video",
        "model": "ab" * 32,
        "step": 4000,
        "seed": 2**32 - 1,
    }
    assert not found.problems
    assert not found.trusted


@EACH
def test_signing_changes_nothing_that_one_sees_or_hears_and_keeps_the_note(file, ann):
    mark([file], ORIGIN)
    before, note = content(file), inspect(file)
    sign_by(ann, file)
    np.testing.assert_array_equal(content(file), before)
    assert inspect(file) == note == ORIGIN.as_dict()


@EACH
def test_a_changed_byte_anywhere_outside_the_manifest_is_noticed(file, ann):
    mark([file], ORIGIN)
    sign_by(ann, file)
    whole = file.read_bytes()
    start = whole.index(signature.MANIFESTS) - 16  # of the box of all manifests; a GIF has it in blocks of 255 bytes
    end = start + struct.unpack_from(">I", whole, start)[0] * 256 // 255
    first = 48 if file.suffix == ".mp4" else 8  # after the bytes that name the format
    places = [at for at in range(first, len(whole), 97) if not start - 20 < at < end + 20]
    assert len(places) > 5
    for at in places:
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            assert verify(file).problems & signature.CHANGED, at
        except UserError as error:  # the length of a part
            assert "is it whole" in str(error)  # noqa: PT017
    file.write_bytes(whole)
    assert not verify(file).problems


@pytest.mark.parametrize("ending", [".png"])
def test_a_changed_claim_is_noticed(file, ann):
    sign_by(ann, file)
    whole = file.read_bytes()
    assert whole.count(b"relativistic_video") == 1
    file.write_bytes(whole.replace(b"relativistic_video", b"relativistic_audio"))
    found = verify(file)
    assert found.problems == {"assertion.hashedURI.mismatch"}
    assert verdict(found) == (
        "has a signature that isn't valid: the manifest was changed, or is wrong (assertion.hashedURI.mismatch)"
    )


@pytest.mark.parametrize("ending", [".png"])
def test_a_manifest_moved_to_another_picture_is_noticed(file, ann):
    plain = file.read_bytes()
    sign_by(ann, file)
    whole = file.read_bytes()
    manifest = whole[33 : 33 + len(whole) - len(plain)]  # a chunk after the header
    Image.new("RGB", (9, 9)).save(file)
    other = file.read_bytes()
    file.write_bytes(other[:33] + manifest + other[33:])
    assert verdict(verify(file)) == "was changed after it was signed"


@EACH
def test_a_file_that_was_cut_is_named_or_counts_as_changed(file, ann):
    sign_by(ann, file)
    whole = file.read_bytes()
    for size in (0, 8, 100, 900, 2000, len(whole) // 2, len(whole) - 3):
        file.write_bytes(whole[:size])
        if not is_signed(file):
            continue
        try:
            assert verify(file).problems
        except UserError as error:
            assert f"{file.name} holds a C2PA manifest that can't be read" in str(error)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("rest", [b"", b"\0" * 900, b"\xff" * 900, b"{}" * 500])
@pytest.mark.parametrize("start", [b"", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WAVE", b"GIF89a", b"\0\0\0\x18ftypisom"])
def test_garbage_around_the_name_of_a_manifest_is_one_line(tmp_path, start, rest):
    (tmp_path / "broken").write_bytes(start + signature.MANIFESTS + rest)
    with pytest.raises(UserError, match="broken holds a C2PA manifest that can't be read") as error:
        verify(tmp_path / "broken")
    assert "\n" not in str(error.value)


def claims(file: Path) -> dict:
    with file.open("rb") as stream, c2pa.Reader(None, stream) as reader:
        return json.loads(reader.crjson())["manifests"][0]


@pytest.mark.parametrize("ending", [".png"])
def test_the_signer_vouches_for_the_creation_rather_than_passing_it_on(file, ann):
    sign_by(ann, file)
    claim = claims(file)["claim.v2"]
    created = {each["url"].rpartition("/")[2] for each in claim["created_assertions"]}
    assert created == {"c2pa.hash.data", "c2pa.actions.v2", "gan_jax.origin"}
    assert not claim.get("gathered_assertions")
    assert claim["dc:title"] == "sample.png"
    (action,) = claims(file)["assertions"]["c2pa.actions.v2"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["softwareAgent"] == {"name": "gan_jax", "version": ORIGIN.version}


@pytest.mark.parametrize("ending", [".png"])
def test_only_a_root_that_vouches_for_the_signer_makes_a_file_trusted(file, ann, tmp_path):
    other = signer(tmp_path, name="Bob")
    sign_by(ann, file)
    assert verify(file, ann.root).trusted
    found = verify(file, other.root)
    assert not found.trusted
    assert not found.problems
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    assert not verify(file, ann.root).trusted


@pytest.mark.parametrize("ending", [".wav"])
def test_a_root_vouches_through_a_chain_of_certificates(file, tmp_path):
    root, between, key = (p256() for _ in range(3))
    chain = [
        certificate("Ann", key, "Between", between, signer_purpose()),
        certificate("Between", between, "Root", root),
    ]
    (tmp_path / "chain.pem").write_bytes(b"".join(map(pem, chain)))
    (tmp_path / "key.pem").write_bytes(pem_of_key(key))
    (tmp_path / "root.pem").write_bytes(pem(certificate("Root", root, "Root", root)))
    sign(file, ORIGIN, open_signer(tmp_path / "chain.pem", tmp_path / "key.pem", ".wav"))
    assert verify(file, tmp_path / "root.pem").trusted


def signer_purpose() -> x509.ObjectIdentifier:
    return x509.ObjectIdentifier(signature.PURPOSES["emailProtection"])


@pytest.mark.parametrize("purpose", ["emailProtection", "documentSigning", "c2pa-kp-claimSigning"])
@pytest.mark.parametrize("ending", [".png"])
def test_certificates_for_mail_documents_and_claims_can_sign(file, tmp_path, purpose):
    who = signer(tmp_path, purpose=x509.ObjectIdentifier(signature.PURPOSES[purpose]))
    sign_by(who, file)
    assert verify(file, who.root).trusted


KEYS = {
    "es256": p256,
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "es512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("ending", [".png"])
def test_the_key_decides_the_algorithm(file, tmp_path, algorithm):
    who = signer(tmp_path, make_key=KEYS[algorithm])
    sign_by(who, file)
    found = verify(file, who.root)
    assert found.claims["algorithm"] == algorithm
    assert found.trusted


@pytest.mark.parametrize("ending", [".png"])
def test_a_key_in_the_older_form_of_openssl_signs(file, tmp_path):
    who = signer(tmp_path)
    key = serialization.load_pem_private_key(who.key.read_bytes(), None)
    who.key.write_bytes(pem_of_key(key, form=serialization.PrivateFormat.TraditionalOpenSSL))
    assert b"BEGIN EC PRIVATE KEY" in who.key.read_bytes()
    sign_by(who, file)
    assert not verify(file).problems


def bad(tmp_path, change: str):
    """A signer, one of whose files is bad."""
    if change == "an encrypted key":
        return signer(tmp_path, password=b"secret")
    if change == "a certificate for servers":
        return signer(tmp_path, purpose=x509.oid.ExtendedKeyUsageOID.SERVER_AUTH)
    if change == "an expired certificate":
        return signer(tmp_path, days=(-9, -1))
    if change == "a certificate of tomorrow":
        return signer(tmp_path, days=(1, 9))
    if change == "an unusual curve":
        return signer(tmp_path, make_key=lambda: ec.generate_private_key(ec.SECP256K1()))
    who = signer(tmp_path)
    if change == "another's key":
        return who._replace(key=signer(tmp_path, name="Bob").key)
    if change == "a root's certificate":
        root = p256()
        who.certificate.write_bytes(pem(certificate("Root", root, "Root", root)))
        who.key.write_bytes(pem_of_key(root))
    if change == "no key":
        who.key.unlink()
    if change == "a folder":
        who.key.unlink()
        who.key.mkdir()
    if change == "a key that is garbage":
        who.key.write_bytes(who.key.read_bytes()[:90] + b"\xff" + who.key.read_bytes()[91:])
    if change == "a certificate that is garbage":
        who.certificate.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    if change == "the files swapped":
        return who._replace(certificate=who.key, key=who.certificate)
    return who


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("an encrypted key", "Ann_key.pem is encrypted: `openssl pkey -in "),
        ("a certificate for servers", "C2PA refuses the certificate (Signature: the certificate is invalid); it must"),
        ("an expired certificate", "C2PA refuses the certificate (Signature: the certificate was not valid at time of"),
        (
            "a certificate of tomorrow",
            "C2PA refuses the certificate (Signature: the certificate was not valid at time of",
        ),
        (
            "an unusual curve",
            "Ann_key.pem: C2PA signs with keys on the curves P-256, P-384, P-521 and Ed25519, or of RSA",
        ),
        ("another's key", "Bob_key.pem isn't the key of the first certificate in "),
        ("a root's certificate", "C2PA refuses the certificate (Signature: the certificate was self-signed)"),
        ("no key", "Ann_key.pem: no such file"),
        ("a folder", "Ann_key.pem can't be read (Is a directory)"),
        ("a key that is garbage", "Ann_key.pem holds no private key in PEM that can be read"),
        ("a certificate that is garbage", "Ann_certificate.pem holds no certificates in PEM that can be read"),
        ("the files swapped", "Ann_key.pem holds no certificates in PEM that can be read"),
    ],
)
def test_what_cannot_sign_is_refused_before_there_is_a_file(tmp_path, change, line):
    who = bad(tmp_path, change)
    with pytest.raises(UserError) as error:
        open_signer(who.certificate, who.key, ".png")
    assert line in str(error.value)
    assert "\n" not in str(error.value)
    if who.key.is_file():
        secret = who.key.read_text(errors="replace").splitlines()[1]
        assert secret not in str(error.value)


@pytest.mark.parametrize("suffix", [".txt", ".flac", ".glb"])
def test_a_format_without_a_place_for_manifests_is_refused(ann, suffix):
    with pytest.raises(UserError, match=rf"--sign: .png, .gif, .mp4, .wav files can be signed, but not {suffix}"):
        open_signer(ann.certificate, ann.key, suffix)


def test_a_file_that_cannot_be_signed_is_named(ann, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(UserError, match=r"broken\.png can't be signed \("):
        sign(tmp_path / "broken.png", ORIGIN, open_signer(ann.certificate, ann.key, ".png"))


@pytest.mark.parametrize("ending", [".png"])
def test_a_certificate_that_expires_makes_the_time_of_signing_unknown(file, tmp_path):
    sign_by(signer(tmp_path, days=(-1, 2 / 86_400)), file)
    deadline = time.monotonic() + 20
    while not (found := verify(file)).problems and time.monotonic() < deadline:
        time.sleep(0.1)
    assert verdict(found) == (
        "hasn't changed since it was signed, but the certificate has expired: the time of signing can't be known"
    )


@pytest.mark.parametrize("ending", [".png"])
def test_verification_asks_no_server(file, ann):
    asked = []

    class Listen(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    with http.server.HTTPServer(("127.0.0.1", 0), Listen) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        remote = io.BytesIO()
        signing = open_signer(ann.certificate, ann.key, ".png")
        with c2pa.Builder(signature.manifest("remote", ORIGIN), signing) as builder:
            builder.set_remote_url(f"http://127.0.0.1:{server.server_port}/manifest")
            builder.set_no_embed()
            builder.sign("image/png", io.BytesIO(file.read_bytes()), remote)
        file.write_bytes(remote.getvalue())
        assert not is_signed(file)
        with pytest.raises(UserError, match="can't be read"):
            verify(file)
        server.shutdown()
    assert not asked


@pytest.mark.parametrize(
    ("state", "codes", "problems"),
    [
        ("Trusted", [], set()),
        ("Valid", ["signingCredential.untrusted"], set()),
        ("Invalid", ["assertion.dataHash.mismatch"], {"assertion.dataHash.mismatch"}),
        ("Invalid", [], {"invalid"}),
    ],
)
def test_a_file_that_is_invalid_has_a_problem_even_where_none_is_named(state, codes, problems):
    found = {"validation_state": state, "validation_status": [{"code": code} for code in codes]}
    assert signature.problems_of(found) == problems
