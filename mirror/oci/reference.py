"""Reference: `host[:port]/path[:tag][@digest]`, checked against the distribution specification."""

import re
from typing import NamedTuple, Self

from mirror.errors import ConfigError, InvalidManifest
from mirror.oci.digest import Digest

# <name> and <reference> of https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")

# Many clients count host and path together, says the specification; what they cannot pull is of no use.
MAX_NAME = 255
DOCKER_HUB = "docker.io"
_DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


class Reference(NamedTuple):
    """One image of one registry. Without tag and digest it means the tag `latest`."""

    host: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what people write after `docker pull`; ConfigError says what is wrong and what to write.

        A name without a host is Docker Hub's, as everywhere: `alpine` is `docker.io/library/alpine`.
        """
        if "://" in text:
            raise ConfigError(f"{_shown(text)} has a scheme; write it without {text.partition('://')[0]}://")
        name, _, digest = text.partition("@")
        host, path = _split_host(name)
        path, tag = _split_tag(path)
        if host == DOCKER_HUB and path and "/" not in path:
            path = f"library/{path}"
        reference = cls(
            host=check_host(host),
            repository=check_repository(path, host),
            tag=None if tag is None else check_tag(tag),
            digest=_digest(digest) if "@" in text else None,
        )
        return reference  # noqa: RET504 - the name says what the checks add up to

    @property
    def name(self) -> str:
        """`host/repository`, without tag and digest."""
        return f"{self.host}/{self.repository}"

    @property
    def identifier(self) -> str:
        """What a manifest is asked for by: the digest, else the tag, else `latest`."""
        return self.digest or self.tag or "latest"

    @property
    def api_host(self) -> str:
        """The host that answers `/v2/`; only Docker Hub's differs from its name."""
        return "registry-1.docker.io" if self.host == DOCKER_HUB else self.host

    def __str__(self) -> str:
        """The form that `parse` reads."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")


def check_host(host: str) -> str:
    """`host[:port]` in lower case, without scheme or path; ConfigError names the fix."""
    if "://" in host:
        raise ConfigError(f"{_shown(host)} has a scheme; write the host alone: {_bare(host)}")
    if "/" in host:
        raise ConfigError(f"{_shown(host)} has a path; write the host alone: {_bare(host)}")
    if "@" in host or HOST.fullmatch(host) is None or _port(host) > 65535:
        raise ConfigError(
            f"{_shown(host)} is not a host; write host or host:port, such as registry.gitlab.com"
        )
    return host.lower()


def check_repository(path: str, host: str = "") -> str:
    """A repository path that the specification allows; ConfigError names the fix."""
    if not path:
        raise ConfigError(f"the repository is missing; write {host or 'host'}/path")
    if REPOSITORY.fullmatch(path) is None:
        raise ConfigError(f"{path[:MAX_NAME]!r} is no repository path: {_why(path)}")
    length = len(path) + (len(host) + 1 if host else 0)
    if length > MAX_NAME:
        raise ConfigError(
            f"{path[:40]!r}... is too long: {length} characters with its host, {MAX_NAME} are allowed"
        )
    return path


def check_tag(tag: str) -> str:
    """A tag that the specification allows; ConfigError names the fix."""
    if TAG.fullmatch(tag) is None:
        raise ConfigError(
            f"{tag[:130]!r} is no tag: it has 1 to 128 letters, digits, '.', '_' or '-', "
            "and does not begin with '.' or '-'"
        )
    return tag


def _split_host(name: str) -> tuple[str, str]:
    # Docker's rule: the first component is a host when it could not be part of a path.
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or not first or any(c in ".:[" or c.isupper() for c in first)):
        host = first.lower()
        return (DOCKER_HUB if host in _DOCKER_HUB_NAMES else first), rest
    return DOCKER_HUB, name


def _split_tag(path: str) -> tuple[str, str | None]:
    head, colon, tag = path.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (path, None)


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except InvalidManifest as error:
        raise ConfigError(str(error)) from error


def _port(host: str) -> int:
    port = re.search(r":(\d{1,5})$", host)
    return int(port[1]) if port else 0


def _why(path: str) -> str:
    if path != path.lower():
        return f"only lower case is allowed; write {path.lower()[:MAX_NAME]!r}"
    if path.startswith("/") or path.endswith("/") or "//" in path:
        return "it has an empty part; write it without the extra '/'"
    return "its parts are lower-case letters and digits, joined by single '.', '_', '__' or any number of '-'"


def _bare(text: str) -> str:
    return text.rpartition("://")[2].partition("/")[0].rpartition("@")[2]


def _shown(text: str) -> str:
    """A quotation that is short and has no login in it."""
    scheme, separator, rest = text.rpartition("://")
    return repr((scheme + separator + rest.rpartition("@")[2])[:MAX_NAME])
