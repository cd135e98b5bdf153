"""Fields: the kinds of values that keys take, each checked where it stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from mirror.config.quantities import DURATION, SIZE, parse_bandwidth, parse_duration
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


def wrong(message: str) -> PydanticCustomError:
    """The error that a validator raises; the message is shown as it is."""
    return PydanticCustomError("wrong", "{message}", {"message": message})


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?` when something similar is known, else ''."""
    found = difflib.get_close_matches(word.lower(), known, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """Validate by a function of the inner layers, which raise ConfigError; the text itself is kept."""

    def validate(text: str) -> str:
        try:
            check(text)
        except ConfigError as error:
            raise wrong(str(error)) from error
        return text

    return AfterValidator(validate)


def _parsed(parse: Callable[[str], object], example: str) -> BeforeValidator:
    def validate(value: Any) -> Any:
        if isinstance(value, timedelta):
            return value
        if not isinstance(value, str):
            raise wrong(f"wants a number with its unit, such as {example}")
        try:
            return parse(value)
        except ConfigError as error:
            raise wrong(str(error)) from error

    return BeforeValidator(validate)


def _host(text: str) -> str:
    try:
        return check_host(text)
    except ConfigError as error:
        raise wrong(str(error)) from error


def _url(text: str) -> str:
    fault = "is no address; write https://host, such as https://gitlab.com"
    try:
        url = urlsplit(text)
    except ValueError as error:
        raise wrong(fault) from error
    if url.username or url.password:
        raise wrong("has a login in it; remove it, the login stands in `credentials`")
    if url.scheme not in ("http", "https") or not url.netloc or url.query or url.fragment:
        raise wrong(fault)
    try:
        check_host(url.netloc)
    except ConfigError as error:
        raise wrong(str(error)) from error
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


def _variable(text: str) -> str:
    if re.fullmatch(VARIABLE, text) is None:  # not repeated: it may be the secret itself
        raise wrong(
            "is no name of a variable; write the name alone, such as GITLAB_TOKEN, without $ and value"
        )
    return text


def _name(text: str) -> None:
    if re.fullmatch(NAME, text) is None:
        raise ConfigError(f"{text[:80]!r} is no name; use up to 63 letters, digits, '.', '_' and '-'")


def _listen(text: str) -> None:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535 or "/" in host:
        raise ConfigError(
            f"{text[:80]!r} is no address to listen on; write host:port, such as 127.0.0.1:8080"
        )


def _database(value: Any, info: ValidationInfo) -> Any:
    """A relative SQLite file begins where the configuration file is, as all paths do. The URL is not repeated."""
    if not isinstance(value, str) or not value.startswith(("sqlite:///", "postgresql://")):
        raise wrong("is no database; write sqlite:///state.db, or postgresql://user:${PASSWORD}@host/name")
    file = value.removeprefix("sqlite:///")
    if file == value:
        return value
    if not file or file == ":memory:":
        raise wrong("names no file; write sqlite:///state.db")
    return f"sqlite:///{Path((info.context or {}).get('directory', '')).absolute() / file}"


def _path(value: Any, info: ValidationInfo) -> Any:
    """Relative paths begin where the configuration file is."""
    if not isinstance(value, str):
        return value
    if not value or "\n" in value or value.lstrip().startswith("{"):  # not repeated: it may be the secret
        raise wrong("is no path of a file; put the secret in a file and write its path here")
    return Path((info.context or {}).get("directory", "")) / value


def _platforms(value: Any) -> Any:
    if value == "all":
        return value
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
        raise wrong("is neither all nor a list; write all, or [linux/amd64, linux/arm64]")
    for text in value:
        _platform(text)
    return value


def _platform(text: str) -> None:
    try:
        platform = Platform.parse(text)
    except ValueError as error:
        raise wrong(f"{error}; write linux/amd64 or linux/arm/v7") from error
    known = {_SYSTEMS: platform.os, _ARCHITECTURES: platform.architecture}
    for names, word in known.items():
        if word not in names:
            other = _OTHER_NAMES.get(word)
            hint = f"; write {other}" if other else nearest(word, names) or f"; known are {', '.join(names)}"
            raise wrong(f"{text[:80]!r}: {word[:40]!r} is unknown{hint}")


Name = Annotated[str, _checked(_name), WithJsonSchema({"type": "string", "pattern": NAME})]
Host = Annotated[str, AfterValidator(_host)]
Url = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "pattern": "^https?://"})]
Project = Annotated[str, _checked(_project)]
PathPrefix = Annotated[str, _checked(_prefix)]
Component = Annotated[str, _checked(check_repository)]
PathPattern = Annotated[str, _checked(_pattern)]
NamePattern = Annotated[str, _checked(TagPattern.parse)]
VersionRange = Annotated[str, _checked(Range.parse)]
File = Annotated[Path, BeforeValidator(_path), WithJsonSchema({"type": "string", "minLength": 1})]
Listen = Annotated[str, _checked(_listen)]
Database = Annotated[
    str,
    BeforeValidator(_database),
    WithJsonSchema({"type": "string", "pattern": "^(sqlite:///|postgresql://)."}),
]
Variable = Annotated[str, AfterValidator(_variable), WithJsonSchema({"type": "string", "pattern": VARIABLE})]
Platforms = Annotated[
    Literal["all"] | tuple[str, ...],
    BeforeValidator(_platforms),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "all"},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "pattern": "^[^/]+(/[^/]+){1,2}$"},
                },
            ]
        }
    ),
]
Duration = Annotated[
    timedelta,
    _parsed(parse_duration, "5m"),
    WithJsonSchema({"type": "string", "pattern": DURATION}),
]
Bandwidth = Annotated[
    int, _parsed(parse_bandwidth, "10MiB/s"), WithJsonSchema({"type": "string", "pattern": SIZE})
]
Count = Annotated[int, Field(ge=1, le=1024)]
