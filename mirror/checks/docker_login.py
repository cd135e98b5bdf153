"""Docker login: what Docker's configuration has for a host, and whether the helper that it names gives one."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace

from mirror.checks.check import Check, Finding
from mirror.checks.network import ANSWERS
from mirror.checks.place import Place
from mirror.errors import ConfigError
from mirror.registries.credentials import DockerConfig

_DOCKER = "docker login"
# How Google's two helpers are had, and logged in.
_INSTALL = {
    "docker-credential-gcloud": "apt-get install google-cloud-cli # see https://cloud.google.com/sdk/docs/install",
    "docker-credential-gcr": "go install github.com/GoogleCloudPlatform/docker-credential-gcr/v2@latest",
}
_LOG_IN = {
    "docker-credential-gcloud": "gcloud auth login",
    "docker-credential-gcr": "docker-credential-gcr gcr-login",
}


def docker_login(place: Place) -> list[Check]:
    """The login that Docker keeps, where the configuration names none and Docker has a file."""
    credential = _kept(place)
    if credential is None:
        return []
    found = place.check(_DOCKER, lambda: kept(place, credential), ANSWERS)
    host = place.host
    return [replace(found, tried=f"ask {credential.file} for {host}", late=f"docker login {host}")]


def logged_in(place: Place) -> str:
    """The check that whatever needs the login needs."""
    return _DOCKER if _kept(place) else ANSWERS


def kept(place: Place, credential: DockerConfig) -> Iterator[Finding]:
    """The helper is there and gives a login, or the file has one that only its owner reads."""
    file, host = credential.file, place.host
    probe = place.probe(_DOCKER, f"ask {file} for {host}")
    try:
        helper = credential.helper()
    except ConfigError as error:
        yield probe.refused(error, f"docker login {host}")
        return
    try:
        login = credential.login()
    except ConfigError as error:
        yield probe.refused(error, _fix(helper, host, missing="not installed" in str(error)))
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if login is None:
        yield probe.ok("none")
    elif helper is None and mode & stat.S_IROTH:
        yield probe.warning(f"everybody on this machine may read it (mode {mode:04o})", f"chmod 600 {file}")
    else:
        yield probe.ok(f"{helper or 'the file'} has one")


def _fix(helper: str | None, host: str, *, missing: bool) -> str:
    if helper is None:
        return f"docker login {host}"
    if missing:
        return _INSTALL.get(helper) or f"docker login {host} # or put {helper} into a folder of PATH"
    return _LOG_IN.get(helper) or f"echo {host} | {helper} get # says why"


def _kept(place: Place) -> DockerConfig | None:
    credential = place.credential
    return credential if isinstance(credential, DockerConfig) and credential.file.exists() else None
