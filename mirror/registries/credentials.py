"""Credentials: where logins are kept. Everything is read when it is used, so that a rotated secret is picked up."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mirror.errors import ConfigError
from mirror.oci.auth import IDENTITY_TOKEN, Login
from mirror.transport import redact

Read = Callable[[], str]
_PROGRAM = "docker-credential-"


def from_file(path: Path) -> Read:
    """Reads a secret file; the line end that editors add is not part of the secret."""

    def read() -> str:
        try:
            text = path.read_text(encoding="utf-8-sig").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise ConfigError(f"the file {path} cannot be read: {reason}") from error
        if not text:
            raise ConfigError(f"the file {path} is empty")
        return text

    return read


def from_variable(name: str, env: Mapping[str, str]) -> Read:
    """Reads a variable of the environment."""

    def read() -> str:
        text = env.get(name, "")
        if not text:
            raise ConfigError(
                f"the variable {name} is not set, or empty (a protected CI variable is empty on an unprotected branch)"
            )
        return text

    return read


class Password(NamedTuple):
    """A user name, and a password or token that is kept elsewhere."""

    username: str
    read: Read

    def login(self) -> Login:
        """The login to use now."""
        return Login(self.username, self.read())


class DockerConfig(NamedTuple):
    """What `docker login` or a credential helper knows of a host; None (anonymous) when that is nothing."""

    host: str
    path: str = ""

    @property
    def file(self) -> Path:
        """Where Docker keeps it."""
        folder = os.environ.get("DOCKER_CONFIG")
        return (Path(folder) if folder else Path.home() / ".docker") / "config.json"

    def helper(self) -> str | None:
        """The program that is asked for this host; None where the file itself has the login. Raises ConfigError."""
        with self._understood():
            store = _store(self._config(), self.host)
        return f"{_PROGRAM}{store}" if store else None

    def login(self) -> Login | None:
        """What the helper for the host says, else the longest key that fits `host/path`. Raises ConfigError."""
        if not self.file.exists():
            return None
        with self._understood():
            config = self._config()
            store = _store(config, self.host)
            helped = _helped(_docker_name(self.host), store) if store else None
            return _login(helped) or _login(_longest(config.auths, f"{self.host}/{self.path}"))

    def _config(self) -> Any:
        import docker.auth  # noqa: PLC0415 - a tenth of a second, for those who have such a file

        return docker.auth.load_config(config_dict=_read(self.file) or {"auths": {}})

    @contextmanager
    def _understood(self) -> Iterator[None]:
        import docker.errors  # noqa: PLC0415 - slow, as above

        try:
            yield
        except docker.errors.DockerException as error:
            raise self._unusable(str(error)) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise self._unusable(f"{self.file} or what a helper says is not in Docker's form") from error

    def _unusable(self, why: str) -> ConfigError:
        return ConfigError(
            f"the Docker configuration has no usable login for {self.host}: {redact.detail(why)}"
        )


def _docker_name(host: str) -> str:
    """docker-py knows Docker Hub by this name only."""
    return "docker.io" if host == "index.docker.io" else host


def _store(config: Any, host: str) -> str | None:
    found: str | None = config.get_credential_store(_docker_name(host))
    return found or None


def _helped(name: str, store: str) -> Mapping[str, Any] | None:
    import shutil  # noqa: PLC0415 - slow, as above

    import docker.auth  # noqa: PLC0415 - slow, as above

    if shutil.which(f"{_PROGRAM}{store}") is None:
        raise ConfigError(
            f"the Docker configuration names {_PROGRAM}{store} for {name}, which is not installed"
        )
    # Without the file's own logins: docker-py would fall back to them, and cut their keys.
    config = docker.auth.AuthConfig({"credsStore": store})
    found: Mapping[str, Any] | None = config.resolve_authconfig(name)
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a JSON object"
        raise ConfigError(f"{file} cannot be read: {reason}; `docker login` writes it anew") from error


def _longest(auths: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """docker-py cuts keys at their first slash, and then confuses two projects on one host; Kubernetes does not."""
    keys = {_plain(key): value for key, value in auths.items()}
    fitting = [key for key in keys if f"{name}/".startswith(f"{key}/")]
    return keys[max(fitting, key=len)] if fitting else None


def _plain(key: str) -> str:
    return (
        key.removeprefix("https://")
        .removeprefix("http://")
        .rstrip("/")
        .removesuffix("/v2")
        .removesuffix("/v1")
    )


def _login(entry: Mapping[str, Any] | None) -> Login | None:
    """docker-py spells what helpers say with capitals, and what the file says without."""
    found = {key.lower(): value for key, value in (entry or {}).items()}
    if found.get("identitytoken"):
        return Login(IDENTITY_TOKEN, str(found["identitytoken"]))
    if found.get("username") and found.get("password"):
        return Login(str(found["username"]), str(found["password"]))
    return None
