"""Signatures of generated files by C2PA: who vouches for a file's origin, and whether it has changed since.

A manifest in the file says that a trained model made it, and which. It holds a hash of the rest of the file, and is
signed with the user's key. Nothing here uses the network: no timestamp authority, no remote manifests, no lists of
revoked certificates. C2PA Technical Specification 2.1. docs/provenance.md says what a signature proves.
"""

import datetime
import io
import json
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gan_jax.errors import UserError
from gan_jax.storage.certificates import algorithm_of, certificates_of, key_of, pem_of, pem_of_key
from gan_jax.storage.files import write_whole
from gan_jax.storage.provenance import SYNTHETIC, Origin

if TYPE_CHECKING:
    from c2pa import Context

FORMATS = {".png": "image/png", ".gif": "image/gif", ".mp4": "video/mp4", ".wav": "audio/wav"}
MANIFESTS = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"  # type of the box of all manifests; section 11.1
OWN = "gan_jax.origin"  # the name of our assertion
PURPOSES = {  # extended key usages of a signer and of those who vouch for time and validity; section 14.5
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "documentSigning": "1.3.6.1.5.5.7.3.36",
    "c2pa-kp-claimSigning": "1.3.6.1.4.1.62558.2.1",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "OCSPSigning": "1.3.6.1.5.5.7.3.9",
}
TRUST = {"trust_config": "\n".join(PURPOSES.values())}
SETTINGS = {
    "version": 1,
    "core": {"allowed_network_hosts": []},
    "builder": {"thumbnail": {"enabled": False}, "created_assertion_labels": ["c2pa.actions", OWN]},
}
UNTRUSTED = "signingCredential.untrusted"
EXPIRED = {"signingCredential.expired"}
CHANGED = {f"assertion.{kind}Hash.mismatch" for kind in ("data", "bmff", "boxes", "collection")}


class Signature(NamedTuple):
    """A C2PA manifest that was verified.

    Attributes:
      claims: The signer, and the signer's claims about the file.
      problems: C2PA's codes for what is wrong; section 15.2. An unknown signer is no problem.
      trusted: Whether one of the given root certificates vouches for the signer.
    """

    claims: dict[str, Any]
    problems: frozenset[str]
    trusted: bool


def open_signer(certificates: Path, key: Path, suffix: str) -> "Context":
    """Reads a certificate and its key, and signs a moment of silence with them, so that errors surface early.

    Args:
      certificates: PEM: the signer's certificate, then those that vouch for it.
      key: PEM: the private key of the first certificate, not encrypted.
      suffix: Of the files to sign.

    Raises:
      UserError: c2pa-python isn't installed, C2PA has no place in such files or refuses the certificate, or the
        certificate and the key can't be read or don't belong together.
    """
    c2pa = imported("signing")
    if suffix not in FORMATS:
        raise UserError(f"--sign: {', '.join(FORMATS)} files can be signed, but not {suffix}")
    chain, private = certificates_of(certificates), key_of(key)
    if chain[0].public_key() != private.public_key():
        raise UserError(f"{key} isn't the key of the first certificate in {certificates}: put the signer's own first")
    try:
        info = c2pa.C2paSignerInfo(algorithm_of(private, key), pem_of(chain), pem_of_key(private), None)
        signer = c2pa.Context(c2pa.Settings.from_dict(SETTINGS | {"trust": TRUST}), c2pa.Signer.from_info(info))
        signed(silence(), ".wav", "silence", Origin("silence", "", 0, 0), signer)
    except c2pa.C2paError as error:
        raise UserError(
            f"{certificates}: C2PA refuses the certificate ({one_line(error)}); it must be valid today, not be a CA's, "
            "and have the key usage digitalSignature and the extended key usage emailProtection"
        ) from error
    return signer


def sign(file: Path, origin: Origin, signer: "Context") -> None:
    """Signs a file in place; raises UserError if C2PA refuses it."""
    from c2pa import C2paError

    try:
        content = signed(file.read_bytes(), file.suffix, file.name, origin, signer)
    except C2paError as error:
        raise UserError(f"{file.name} can't be signed ({one_line(error)})") from error
    write_whole(file, content)


def signed(content: bytes, suffix: str, name: str, origin: Origin, signer: "Context") -> bytes:
    """Returns the content of a file with a signed manifest in it."""
    from c2pa import Builder

    result = io.BytesIO()
    with Builder(manifest(name, origin), signer) as builder:
        builder.sign(FORMATS[suffix], io.BytesIO(content), result)
    return result.getvalue()


def manifest(name: str, origin: Origin) -> dict[str, Any]:
    """Returns the claims: a trained model created the file, and which. Section 18.12 (actions)."""
    program = {"name": "gan_jax", "version": origin.version}
    created = {
        "action": "c2pa.created",
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "softwareAgent": program,
        "digitalSourceType": SYNTHETIC,
    }
    return {
        "title": name,
        "claim_generator_info": [program],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": OWN, "data": origin._asdict()},
        ],
    }


def is_signed(file: Path) -> bool:
    """Returns whether a file holds a C2PA manifest, valid or not."""
    return MANIFESTS in file.read_bytes()


def verify(file: Path, roots: Path | None = None) -> Signature:
    """Verifies the C2PA manifest of a file.

    Args:
      file: A file that `is_signed`.
      roots: PEM: certificates that are trusted to vouch for signers.

    Raises:
      UserError: c2pa-python isn't installed, or the manifest can't be read.
    """
    c2pa = imported(f"{file} holds a C2PA manifest, and checking it")
    anchors = {"user_anchors": pem_of(certificates_of(roots)).decode()} if roots else {}
    try:
        context = c2pa.Context(c2pa.Settings.from_dict(SETTINGS | {"trust": TRUST | anchors}))
        with file.open("rb") as stream, c2pa.Reader(None, stream, context=context) as reader:
            found, details = json.loads(reader.json()), json.loads(reader.crjson())
        active = found["active_manifest"]
        (credential,) = (each["signature"] for each in details["manifests"] if each["label"] == active)
        claims = claims_of(found["manifests"][active], credential)
        return Signature(claims, problems_of(found), found["validation_state"] == "Trusted")
    except Exception as error:  # of C2PA, and of a manifest that lacks what every manifest has
        raise UserError(f"{file} holds a C2PA manifest that can't be read ({one_line(error)}): is it whole?") from error


def problems_of(found: dict[str, Any]) -> frozenset[str]:
    """The codes of everything that is wrong, but for an unknown signer; a file that is invalid has one at least."""
    codes = frozenset(status["code"] for status in found.get("validation_status", ()))
    if found["validation_state"] == "Invalid" and not codes:
        return frozenset({"invalid"})
    return codes - {UNTRUSTED}


def claims_of(manifest: dict[str, Any], credential: dict[str, Any]) -> dict[str, Any]:
    """Returns the signer, and what a manifest says of the file's creation and origin."""
    data = {each["label"]: each["data"] for each in manifest["assertions"]}
    actions = [action for label in data if label.startswith("c2pa.actions") for action in data[label]["actions"]]
    created: dict[str, Any] = next((action for action in actions if action["action"] == "c2pa.created"), {})
    program = manifest["claim_generator_info"][0]
    claims = {
        "signer": distinguished(credential["certificateInfo"]["subject"]),
        "issuer": distinguished(credential["certificateInfo"]["issuer"]),
        "algorithm": credential["algorithm"],
        "program": f"{program['name']} {program.get('version', '')}".rstrip(),
        "time": created.get("when"),
        "source": created.get("digitalSourceType"),
        **{name: data.get(OWN, {}).get(name) for name in ("experiment", "model", "step", "seed")},
    }
    return {name: value for name, value in claims.items() if value is not None}


def verdict(signature: Signature) -> str:
    """Returns whether a file is as it was signed, as words that follow its name."""
    if signature.problems & CHANGED:
        return "was changed after it was signed"
    if signature.problems - EXPIRED:
        codes = ", ".join(sorted(signature.problems))
        return f"has a signature that isn't valid: the manifest was changed, or is wrong ({codes})"
    if signature.problems:
        return "hasn't changed since it was signed, but the certificate has expired: the time of signing can't be known"
    return "is signed, and hasn't changed since"


def imported(purpose: str) -> Any:
    """Returns the module c2pa."""
    try:
        import c2pa
    except ModuleNotFoundError as error:
        raise UserError(f"{purpose} needs c2pa-python: pip install 'gan-jax[sign]'") from error
    return c2pa


def silence() -> bytes:
    """Returns a WAV file of one frame."""
    file = io.BytesIO()
    with wave.open(file, "wb") as stream:
        stream.setparams((1, 2, 16_000, 0, "NONE", ""))
        stream.writeframes(b"\0\0")
    return file.getvalue()


def distinguished(name: dict[str, str]) -> str:
    """Returns a name in a certificate, as `CN=Ann, O=Lab`."""
    return ", ".join(f"{part}={value}" for part, value in name.items())


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())
