"""A private certificate authority and the server certificates that it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files of a server: its certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """A private CA. `file` is its certificate, `directory` a `--cert-dir` for skopeo that holds only that."""

    def __init__(self, directory: Path) -> None:
        """Make the CA's key and certificate below `directory`."""
        self.directory = directory / "ca"
        self.directory.mkdir(parents=True)
        self.file = self.directory / "ca.crt"
        self._servers = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Test authority")
        key_usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            _builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage, critical=True)
        )
        self.file.write_bytes(self._sign(builder))

    def server(self, *names: str, lasts: dt.timedelta = dt.timedelta(days=1)) -> Certificate:
        """A certificate for DNS names and addresses; 127.0.0.1 and localhost when none is given."""
        names = names or ("127.0.0.1", "localhost")
        directory = self._servers / names[0]
        directory.mkdir(exist_ok=True)
        made = Certificate(directory / "server.crt", directory / "server.key")
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(names[0]), key, lasts)
            .add_extension(
                x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        made.certificate.write_bytes(self._sign(builder))
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return made

    def _sign(self, builder: x509.CertificateBuilder) -> bytes:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = (
            builder.issuer_name(self._name)
            .add_extension(identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return signed.public_bytes(serialization.Encoding.PEM)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: dt.timedelta = dt.timedelta(days=1)
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(lasts, dt.timedelta()) - dt.timedelta(hours=1))
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
