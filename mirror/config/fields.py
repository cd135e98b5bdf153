"""Fields: the kinds of values that keys take, each checked where it stands.

A kind's `read` turns what the file says into the value of the model, or raises ConfigError with what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from mirror.config.quantities import DURATION, SIZE, parse_bandwidth, parse_duration
from mirror.config.wording import lacks, nearest
from mirror.errors import ConfigError
from mirror.oci.descriptor import Platform
from mirror.oci.reference import REPOSITORY, check_host, check_repository
from mirror.sync.patterns import Glob, is_literal
from mirror.sync.selection import TagPattern
from mirror.sync.versions import Range

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_PROJECT = re.compile(r"(?:[a-z0-9][a-z0-9.-]*\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_SYSTEMS = ("linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "wasip1", "js", "aix", "solaris")
_ARCHITECTURES = (
    *("amd64", "arm64", "arm", "386", "ppc64le", "ppc64", "s390x", "riscv64", "loong64", "wasm"),
    *("mips", "mipsle", "mips64", "mips64le"),
)
_OTHER_NAMES = {"x86_64": "amd64", "x64": "amd64", "aarch64": "arm64", "i386": "386", "armv7": "arm/v7"}


# From what the file says, and the folder where relative paths begin, to the value of the model.
Read = Callable[[Any, Path], Any]


def _kind(read: Read, schema: Mapping[str, Any] | None = None) -> Meta:
    """The mark of a kind, with the words that the JSON Schema has for it."""
    return Meta(extra={"read": read}, extra_json_schema=dict(schema) if schema else None)


def _text(read: Callable[[str], str]) -> Read:
    """Text that a function makes the value of."""

    def checked(value: Any, _: Path) -> str:
        if not isinstance(value, str):
            raise ConfigError(lacks("text", value))
        return read(value)

    return checked


def _checked(check: Callable[[str], object]) -> Read:
    """Text that a function judges, which raises ConfigError; the text itself is kept."""

    def kept(text: str) -> str:
        check(text)
        return text

    return _text(kept)


def _quantity(parse: Callable[[str], Any], example: str) -> Read:
    def read(value: Any, _: Path) -> Any:
        if isinstance(value, timedelta):
            return value
        if not isinstance(value, str):
            raise ConfigError(f"wants a number with its unit, such as {example}")
        return parse(value)

    return read


def _url(text: str) -> str:
    fault = "is no address; write https://host, such as https://gitlab.com"
    try:
        url = urlsplit(text)
    except ValueError as error:
        raise ConfigError(fault) from error
    if url.username or url.password:
        raise ConfigError("has a login in it; remove it, the login stands in `credentials`")
    if url.scheme not in ("http", "https") or not url.netloc or url.query or url.fragment:
        raise ConfigError(fault)
    check_host(url.netloc)
    return text.rstrip("/")


def _project(text: str) -> None:
    if text.isdecimal():
        raise ConfigError("is the project's number; paths have its id, such as arctic-goal-676703")
    if _PROJECT.fullmatch(text) is None:
        raise ConfigError(
            f"{text[:80]!r} is no project id: 6 to 30 lower-case letters, digits and '-' "
            "('example.com:proj-id' inside a domain)"
        )


def _prefix(text: str) -> None:
    if text:
        check_repository(text)


def _pattern(text: str) -> None:
    positive = text.removeprefix("!")
    glob = Glob.parse(positive)
    if is_literal(positive):
        check_repository(positive)
    # A letter stands for each sign here: what is left must be possible in a name.
    plain = [re.sub(r"\[[^\]]*\]|\*+|\?", "x", alternative) for alternative in glob.texts]
    if not all(REPOSITORY.fullmatch(path) for path in plain):
        raise ConfigError(
            f"{text[:80]!r} fits no repository: paths are lower-case names, joined by '/', without one at the ends"
        )


def _variable(text: str) -> None:
    if re.fullmatch(VARIABLE, text) is None:  # not repeated: it may be the secret itself
        raise ConfigError(
            "is no name of a variable; write the name alone, such as GITLAB_TOKEN, without $ and value"
        )


def _name(text: str) -> None:
    if re.fullmatch(NAME, text) is None:
        raise ConfigError(f"{text[:80]!r} is no name; use up to 63 letters, digits, '.', '_' and '-'")


def _listen(text: str) -> None:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535 or "/" in host:
        raise ConfigError(
            f"{text[:80]!r} is no address to listen on; write host:port, such as 127.0.0.1:8080"
        )


def _user(text: str) -> None:
    if not text:
        raise ConfigError("is empty; write something")


def _database(value: Any, directory: Path) -> str:
    """A relative SQLite file begins where the configuration file is, as all paths do. The URL is not repeated."""
    if not isinstance(value, str) or not value.startswith(("sqlite:///", "postgresql://")):
        raise ConfigError(
            "is no database; write sqlite:///state.db, or postgresql://user:${PASSWORD}@host/name"
        )
    file = value.removeprefix("sqlite:///")
    if file == value:
        return value
    if not file or file == ":memory:":
        raise ConfigError("names no file; write sqlite:///state.db")
    return f"sqlite:///{directory.absolute() / file}"


def _path(value: Any, directory: Path) -> Path:
    """Relative paths begin where the configuration file is."""
    if not isinstance(value, str | Path):
        raise ConfigError(lacks("the path of a file", value))
    text = str(value)
    if not text or "\n" in text or text.lstrip().startswith("{"):  # not repeated: it may be the secret
        raise ConfigError("is no path of a file; put the secret in a file and write its path here")
    return directory / text


def _platforms(value: Any, _: Path) -> Any:
    if value == "all":
        return value
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
        raise ConfigError("is neither all nor a list; write all, or [linux/amd64, linux/arm64]")
    for text in value:
        _platform(text)
    return tuple(value)


def _platform(text: str) -> None:
    try:
        platform = Platform.parse(text)
    except ValueError as error:
        raise ConfigError(f"{error}; write linux/amd64 or linux/arm/v7") from error
    known = {_SYSTEMS: platform.os, _ARCHITECTURES: platform.architecture}
    for names, word in known.items():
        if word not in names:
            other = _OTHER_NAMES.get(word)
            hint = f"; write {other}" if other else nearest(word, names) or f"; known are {', '.join(names)}"
            raise ConfigError(f"{text[:80]!r}: {word[:40]!r} is unknown{hint}")


_A_LIST_OF_PLATFORMS = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "pattern": "^[^/]+(/[^/]+){1,2}$"},
}

Name = Annotated[str, _kind(_checked(_name), {"pattern": NAME})]
Username = Annotated[str, _kind(_checked(_user), {"minLength": 1})]
Host = Annotated[str, _kind(_text(check_host))]
Url = Annotated[str, _kind(_text(_url), {"pattern": "^https?://"})]
Project = Annotated[str, _kind(_checked(_project))]
PathPrefix = Annotated[str, _kind(_checked(_prefix))]
Component = Annotated[str, _kind(_checked(check_repository))]
PathPattern = Annotated[str, _kind(_checked(_pattern))]
NamePattern = Annotated[str, _kind(_checked(TagPattern.parse))]
VersionRange = Annotated[str, _kind(_checked(Range.parse))]
File = Annotated[Path, _kind(_path, {"type": "string", "minLength": 1})]
Listen = Annotated[str, _kind(_checked(_listen))]
Database = Annotated[str, _kind(_database, {"pattern": "^(sqlite:///|postgresql://)."})]
Variable = Annotated[str, _kind(_checked(_variable), {"pattern": VARIABLE})]
Platforms = Annotated[
    Literal["all"] | tuple[str, ...], _kind(_platforms, {"anyOf": [{"const": "all"}, _A_LIST_OF_PLATFORMS]})
]
Duration = Annotated[
    timedelta, _kind(_quantity(parse_duration, "5m"), {"type": "string", "pattern": DURATION})
]
Bandwidth = Annotated[int, _kind(_quantity(parse_bandwidth, "10MiB/s"), {"type": "string", "pattern": SIZE})]
Count = Annotated[int, Meta(ge=1, le=1024)]
Positive = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
