"""Tokens: JWTs as the distribution's token specification has them, signed and checked.

Signed with RS256 and an `x5c` header, so that a real registry (`auth: token` with `rootcertbundle`)
trusts them too. https://distribution.github.io/distribution/spec/auth/jwt/
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mirror.demo.access import Access


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """One key for the whole process: making one takes a tenth of a second; issuers differ."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def certificate() -> x509.Certificate:
    """The certificate of `signing_key`, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "embedded token service")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signing_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(signing_key(), hashes.SHA256())
    )


@dataclass(frozen=True, slots=True)
class TokenService:
    """Mints tokens for one registry. `lifetime` is in seconds and may be less than one.

    `backdate` moves all times of a token into the past: CNCF distribution and GitLab's registry accept a
    token for 60 seconds more than it says, so a token of 5 seconds is refused in time only when it is
    backdated by those 60.
    """

    issuer: str
    service: str
    lifetime: float = 300.0
    backdate: float = 0.0
    now: Callable[[], float] = field(default=time.time)

    def mint(self, subject: str, access: Iterable[Access] = ()) -> str:
        """A token for `subject` with this access."""
        now = self.now() - self.backdate
        # Real registries read whole numbers only; a lifetime below a second is for the embedded ones.
        start = int(now) if self.lifetime >= 1 else now
        end = start + (int(self.lifetime) if self.lifetime >= 1 else self.lifetime)
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": self.service,
            "jti": uuid.uuid4().hex,
            "iat": start,
            "nbf": int(now) - 5,
            "exp": end,
            "access": [
                {"type": one.kind, "name": one.name, "actions": sorted(one.actions)} for one in access
            ],
        }
        return jwt.encode(claims, signing_key(), algorithm="RS256", headers=_header())

    def verify(self, token: str) -> list[Access] | None:
        """The access that a token grants; None when it is not ours or has expired."""
        public = signing_key().public_key()
        try:
            claims = jwt.decode(
                token,
                public,
                ["RS256"],
                audience=self.service,
                issuer=self.issuer,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return None
        if claims["exp"] <= self.now():
            return None
        return [Access(one["name"], frozenset(one["actions"]), one["type"]) for one in claims["access"]]


def certificate_pem() -> bytes:
    """What a real registry wants as `rootcertbundle`."""
    return certificate().public_bytes(serialization.Encoding.PEM)


def private_key_pem() -> str:
    """The signing key, as it stands in a service-account key."""
    return (
        signing_key()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


@cache
def _header() -> dict[str, list[str]]:
    return {"x5c": [base64.b64encode(certificate().public_bytes(serialization.Encoding.DER)).decode()]}
