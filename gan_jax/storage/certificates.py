"""Certificates and private keys, read from PEM."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.errors import Missing, UserError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


def certificates_of(file: Path) -> list["Certificate"]:
    """Reads certificates from PEM."""
    from cryptography.x509 import load_pem_x509_certificates

    content = read(file)
    try:
        return load_pem_x509_certificates(content)
    except ValueError:
        raise UserError(f"{file} holds no certificates in PEM that can be read") from None


def key_of(file: Path) -> Any:
    """Reads a private key from PEM. Errors quote nothing of it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = read(file)
    try:
        return load_pem_private_key(content, None)
    except TypeError:
        raise UserError(f"{file} is encrypted: `openssl pkey -in {file} -out PLAIN` decrypts it") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(f"{file} holds no private key in PEM that can be read") from None


def algorithm_of(key: Any, file: Path) -> str:
    """Returns the name of the signature algorithm that C2PA uses with a private key. C2PA 2.1, section 13.2."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match key:
        case ec.EllipticCurvePrivateKey() if key.curve.name in CURVES:
            return CURVES[key.curve.name]
        case rsa.RSAPrivateKey():
            return "ps256"
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
    raise UserError(f"{file}: C2PA signs with keys on the curves P-256, P-384, P-521 and Ed25519, or of RSA")


def pem_of(chain: Sequence["Certificate"]) -> bytes:
    """Returns certificates as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(each.public_bytes(Encoding.PEM) for each in chain)


def pem_of_key(key: Any) -> bytes:
    """Returns a private key as PEM in PKCS #8, the only form that C2PA's library reads."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise Missing(f"{file}: no such file") from error
    except OSError as error:
        raise UserError(f"{file} can't be read ({error.strerror})") from error
