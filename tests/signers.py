"""Certificates and keys to sign with."""

import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION


class Signer(NamedTuple):
    """PEM files of a signer: certificate and key, and the certificate of the root that vouches for the signer."""

    certificate: Path
    key: Path
    root: Path


def p256():
    return ec.generate_private_key(ec.SECP256R1())


def signer(folder: Path, make_key=p256, name="Ann", purpose=EMAIL, days=(-1.0, 1.0), password=None) -> Signer:
    """Writes the files of a signer whose certificate has a purpose, and is valid for a range of days from now."""
    root, key = p256(), make_key()
    files = Signer(*(folder / f"{name}_{part}.pem" for part in ("certificate", "key", "root")))
    files.root.write_bytes(pem(certificate("Root", root, "Root", root)))
    files.certificate.write_bytes(pem(certificate(name, key, "Root", root, purpose, days)))
    files.key.write_bytes(pem_of_key(key, password))
    return files


def certificate(name, key, issuer, issuers_key, purpose=None, days=(-1.0, 1.0)) -> x509.Certificate:
    """A signer's certificate for a purpose, or a root's for none."""
    root, now = purpose is None, datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(of(name))
        .issuer_name(of(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days[0]))
        .not_valid_after(now + datetime.timedelta(days[1]))
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(not root, False, False, False, False, root, root, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers_key.public_key()), critical=False)
    )
    if not root:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(issuers_key, hashes.SHA256())


def of(name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab")]
    )


def pem(found: x509.Certificate) -> bytes:
    return found.public_bytes(serialization.Encoding.PEM)


def pem_of_key(key, password=None, form=serialization.PrivateFormat.PKCS8) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)
