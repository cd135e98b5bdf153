"""Credentials: secret files that only their owner reads, and Google's keys: whole, of the right project, not old."""

from __future__ import annotations

import base64
import json
import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mirror.checks.check import Check, Finding, Probe
from mirror.checks.docker_login import logged_in
from mirror.checks.google_api import endpoint_override
from mirror.checks.keyless import Machine, keyless
from mirror.checks.place import TIMEOUTS, Place
from mirror.errors import ConfigError, MirrorError
from mirror.oci.auth import Login
from mirror.registries.artifact_registry import GCR_LOCATIONS
from mirror.registries.credentials import DockerConfig
from mirror.registries.denials import fix_of
from mirror.registries.google_auth import SCOPES, ApplicationDefault, fetched
from mirror.registries.json_key import service_account
from mirror.transport.client import Client

TOKEN = "access token"
_OLD = timedelta(days=90)
_SOON = timedelta(days=14)
_NEVER = 9999  # the year in which Google lets keys end that do not end
_TOKENS = "https://oauth2.googleapis.com/token"
_NO_DEFAULT = "gcloud auth application-default login"
_AS_DOWNLOADED = "the key must be handed over as it was downloaded; if it is lost, another must be made"
_CERTIFICATES = "https://www.googleapis.com/robot/v1/metadata/x509"


@dataclass(frozen=True, slots=True)
class Key:
    """A service account's key, as far as one may speak of it."""

    email: str
    project: str
    key_id: str
    info: dict[str, Any]

    @classmethod
    def of(cls, login: Login | None) -> Key | None:
        """The key that a login consists of; None for a login of another kind."""
        if login is None or login.username not in ("_json_key", "_json_key_base64"):
            return None
        text = base64.b64decode(login.password).decode() if login.username.endswith("64") else login.password
        info = json.loads(text)
        return cls(info["client_email"], info["project_id"], str(info.get("private_key_id", "")), info)

    @property
    def member(self) -> str:
        """The account as IAM writes it."""
        return f"serviceAccount:{self.email}"


def secret_file(place: Place, file: Path) -> list[Check]:
    """Whether a file with a secret is kept from others."""
    return [place.check("secret file", partial(readable, place, file))]


def google_login(place: Place, project: str, client: Client, machine: Machine) -> list[Check]:
    """The login at Google: whether it is one, whose, how old, and whether Google gives a token for it."""
    kept = logged_in(place) if isinstance(place.credential, DockerConfig) else ""
    return [
        *(
            []
            if _default(place)
            else [place.check("key", lambda: key(place, project, client, machine), kept)]
        ),
        place.check(TOKEN, lambda: token(place, project), kept, asks=_token_url(place)),
    ]


def readable(place: Place, file: Path) -> Iterator[Finding]:
    """The file is there, and only its owner (and group) can read it."""
    probe = place.probe("secret file", f"who may read {file}")
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        file.open("rb").close()
    except OSError as error:
        yield probe.failed(
            f"{error.strerror}", _mended(place, file, missing=isinstance(error, FileNotFoundError))
        )
        return
    if mode & stat.S_IROTH:
        yield probe.warning(
            f"everybody on this machine (mode {mode:04o})", f"chmod 600 {shlex.quote(str(file))}"
        )
    else:
        yield probe.ok(f"only its owner and group (mode {mode:04o})")


def _mended(place: Place, file: Path, *, missing: bool) -> str:
    name = shlex.quote(str(file))
    if not missing:
        return f"sudo chown {os.geteuid()} {name} && sudo chmod 600 {name}"
    if "TOKEN_SAVED" in place.known:
        return fix_of("gitlab-wrong-password", place.known)
    if "PROJECT" in place.known:
        return f"{_setup(place, place.known['PROJECT'])} --key-file {name} --apply"
    return f"(umask 077; cat >{name}) # and type the secret"


def key(place: Place, project: str, client: Client, machine: Machine) -> Iterator[Finding]:
    """The key parses, belongs to the target's project, is known to Google, young, and needed."""
    probe = place.probe("key", "read the service account's key")
    try:
        login = place.credential.login()
        found = Key.of(login)
        if login and found:
            service_account(login.password)
    except MirrorError as error:
        yield probe.refused(error, _another(place, project), _AS_DOWNLOADED)
        return
    except (ValueError, KeyError):
        yield probe.failed("it is not a service account's key", _another(place, project), _AS_DOWNLOADED)
        return
    if found is None:
        return
    if found.project != project:
        yield probe.warning(
            f"it is of the project {found.project}, the images go to {project}",
            f"{_another(place, project)} # unless that is meant",
        )
    else:
        yield probe.ok(f"of {found.email}")
    if better := keyless(machine, _setup(place, project, found), place.known):
        yield probe.warning(f"it is not needed: {better[0]}", better[1])
    yield from _age(place, found, client)


def token(place: Place, project: str) -> Iterator[Finding]:
    """Google gives an access token for the login."""
    probe = place.probe(TOKEN, "ask Google for an access token")
    try:
        login = place.credential.login()
        info = Key.of(login)
        if login is None:
            fix = f"{_another(place, project)} # and credentials: {{json_key_file: key.json}} of the registry"
            yield probe.failed(
                "there is no login", fix, "credentials of the registry: json_key_file, or adc: true"
            )
            return
        if info is not None:
            fetched(lambda: google_credentials(login), lambda: datetime.now(UTC), TIMEOUTS.read)
    except ConfigError as error:
        yield probe.refused(error, _NO_DEFAULT if _default(place) else _another(place, project))
    except MirrorError as error:
        yield probe.refused(
            error, f"curl -v {shlex.quote(_token_url(place))} # is Google's token service reached?"
        )
    except (ValueError, KeyError):
        yield probe.failed("the key cannot be read", _another(place, project), _AS_DOWNLOADED)
    else:
        yield probe.ok("given")


def google_credentials(login: Login | None) -> Any:
    """google-auth's credentials for what the registry is logged in with: a key, or an access token."""
    from google.oauth2 import credentials, service_account  # noqa: PLC0415 - slow; not needed for help

    found = Key.of(login)
    make: Any = service_account.Credentials  # google-auth is half typed
    if found is not None:
        return make.from_service_account_info(found.info, scopes=SCOPES)
    plain: Any = credentials.Credentials
    return plain(login.password if login else None)


def key_ends(found: Key, client: Client) -> float | None:
    """The time (epoch) at which a key ends; None for never, and where Google does not tell."""
    published = _published(found, client)
    pem = published.get(found.key_id) if published else None
    if pem is None:
        return None
    ends = _certificate(pem).not_valid_after_utc
    return None if ends.year == _NEVER else ends.timestamp()


def _age(place: Place, found: Key, client: Client) -> Iterator[Finding]:
    probe = place.probe("key", "look the key up among those that Google publishes")
    published = _published(found, client)
    if published is None:
        return  # Nothing depends on it; whether the key works shows elsewhere.
    pem = published.get(found.key_id)
    if pem is None:
        yield probe.failed(
            "Google does not know it: it was deleted, or its account was",
            f"{_setup(place, found.project, found)} --key-file key.json --apply",
        )
        return
    yield _judged(probe, found, pem)


def _published(found: Key, client: Client) -> dict[str, str] | None:
    """Google publishes a certificate for each key: it begins when the key was made, and goes with it."""
    override = endpoint_override()
    if not override and found.info.get("token_uri") != _TOKENS:
        return None  # a key of the demo, or of another cloud of Google's technology
    base = f"{override}/certificates.googleapis.com" if override else _CERTIFICATES
    try:
        answer = client.exchange("GET", f"{base}/{quote(found.email)}", {})
        read = json.loads(answer.body) if answer.status == 200 else None
    except (MirrorError, ValueError):
        return None
    return read if isinstance(read, dict) else None


def _certificate(pem: str) -> Any:
    from cryptography import x509  # noqa: PLC0415 - slow; not needed for help

    return x509.load_pem_x509_certificate(pem.encode())


def _judged(probe: Probe, found: Key, pem: str) -> Finding:
    certificate = _certificate(pem)
    now = datetime.now(UTC)
    age, left = now - certificate.not_valid_before_utc, certificate.not_valid_after_utc - now
    email, key_id = shlex.quote(found.email), shlex.quote(found.key_id)
    renew = (
        f"gcloud iam service-accounts keys create new-key.json --iam-account={email} # put it in the place "
        f"of the old one (no restart is needed), then: gcloud iam service-accounts keys delete {key_id} "
        f"--iam-account={email}"
    )
    if left <= timedelta():
        return probe.failed(f"it ended on {certificate.not_valid_after_utc:%Y-%m-%d}", renew)
    if left <= _SOON:
        return probe.warning(f"it ends in {left.days} days", renew, "the organisation lets keys end")
    if age > _OLD:
        return probe.warning(
            f"{age.days} days old", renew, "the longer a key lives, the more copies there are"
        )
    return probe.ok(f"{age.days} days old")


def _token_url(place: Place) -> str:
    """Where tokens come from: a key of another cloud of Google's technology names another place."""
    if isinstance(place.credential, ApplicationDefault | DockerConfig):
        return _TOKENS  # To ask them may take long, and is not for those who make the list of checks.
    try:
        found = Key.of(place.credential.login())
    except (MirrorError, ValueError, KeyError):
        return _TOKENS
    return str(found.info.get("token_uri") or _TOKENS) if found else _TOKENS


def _another(place: Place, project: str) -> str:
    return f"{_setup(place, project)} --key-file key.json --apply"


def _default(place: Place) -> bool:
    return isinstance(place.credential, ApplicationDefault)


def _setup(place: Place, project: str, found: Key | None = None) -> str:
    """The command that makes Google ready; for the account of a key, where it is one of the project."""
    name = found.email.partition("@")[0] if found and found.project == project else "gcr-mirror"
    repository = "" if place.host in GCR_LOCATIONS else place.known.get("REPOSITORY", "")
    return (
        f"gcr-mirror setup google --project {project} --host {place.host}"
        + (f" --repository {repository}" if repository else "")
        + ("" if name == "gcr-mirror" else f" --service-account {shlex.quote(name)}")
    )
