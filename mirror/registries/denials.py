"""Denials: the table of every known refusal, and the lookup that explains an error with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from mirror.errors import CopyError, MirrorError, RegistryError
from mirror.registries.artifact_registry import Home, is_google
from mirror.registries.denial import Denial, Explanation

# Registries write these texts, and people paste what is made of them: only what is a word to a shell is taken over.
_RESOURCE = re.compile(r"projects/([\w.:-]+)/locations/([\w-]+)/repositories/([\w.-]+)")
# `projects/shop:getIamPolicy`, `projects/example.com:shop/…`; a project's number is not what people write.
_PROJECT = re.compile(r"\bprojects/((?:[a-z0-9-]+(?:\.[a-z0-9-]+)+:)?[a-z][a-z0-9-]*)(?![\w.])")
_SCOPE = re.compile(r"\brepository:(?P<path>[\w./-]+):pull")
_IN_PATH = re.compile(r"^/v2/(?P<path>[\w./-]+?)/(?:manifests|blobs|tags|referrers)/")
# How the text of an error begins: "GET https://host/path: 403 what it said".
_REQUEST = re.compile(r"\b[A-Z]+ https?://[^\s:]+(?::\d+)?[^\s:]*")
_ENDPOINT = re.compile(r"\b(https?)://([\w.-]+)(?::(\d+))?(?![^\s/:])")
_NAME = re.compile(r"\bthe name ([\w.-]+) does not resolve")
_STATUS = re.compile(r": (\d{3})\b")
_SERVICE = re.compile(r"/apis/(?:api|library)/([\w.]+\.googleapis\.com)")
_ACCOUNT = re.compile(r"[\w.-]+@[\w.-]+\.gserviceaccount\.com")


@cache
def denials() -> tuple[Denial, ...]:
    """The whole table, in the order in which it is searched."""
    read = tomllib.loads(files(__package__).joinpath("denials.toml").read_text("utf-8"))
    return tuple(Denial(**{**entry, "words": tuple(entry["words"])}) for entry in read["denial"])


def explain(error: MirrorError, known: Mapping[str, str] | None = None) -> Explanation | None:
    """Cause and fix of an error that the table knows, None for any other.

    `known` adds to what the error itself tells of the reader's project, host and so on (`placeholders`).
    """
    cause = _cause(error)
    found = _find(_text(cause), getattr(cause, "status", 0))
    reference = error.reference if isinstance(error, CopyError) else ""
    text, request = _text(cause), getattr(cause, "request", "")
    told = {**_owner(text, request, reference), **(known or {}), **_named(text, request, reference)}
    return found.explained(told) if found else None


def explain_text(text: str, reference: str = "") -> Explanation | None:
    """As `explain`, where only the error's text is left, and the image that it is about."""
    status = _STATUS.search(text)
    found = _find(text, int(status[1]) if status else 0)
    request = _REQUEST.search(text)
    asked = request[0] if request else ""
    told = {**_owner(text, asked, reference), **_named(text, asked, reference)}
    return found.explained(told) if found else None


def fix_of(key: str, known: Mapping[str, str]) -> str:
    """The fix of one entry of the table, for who knows by other means that it is the one."""
    return next(denial for denial in denials() if denial.key == key).explained(known).fix


def placeholders(home: Home) -> dict[str, str]:
    """What the words in capitals stand for when the place is known."""
    return {
        "PROJECT": home.project,
        "HOST": home.host,
        "LOCATION": home.location,
        "REPOSITORY": home.repository,
    }


def _find(text: str, status: int) -> Denial | None:
    return next((denial for denial in denials() if denial.matches(text.lower(), status)), None)


def _cause(error: MirrorError) -> MirrorError:
    while isinstance(error, CopyError):
        error = error.cause
    return error


def _text(error: MirrorError) -> str:
    if isinstance(error, RegistryError):
        return " ".join((str(error), error.detail, *error.codes, error.request))
    return str(error)


def _named(text: str, request: str, reference: str) -> dict[str, str]:
    """The reader's own project, host and so on, as far as the text, the request or the image tell them."""
    service = _SERVICE.search(text)
    known = {"SERVICE": service[1] if service else "artifactregistry.googleapis.com"}
    endpoint = _ENDPOINT.search(text)
    if endpoint:
        port = endpoint[3] or ("443" if endpoint[1] == "https" else "80")
        known["ENDPOINT"] = f"{endpoint[2]}:{port}"
    name = _NAME.search(text)
    if name:
        known["HOST"] = name[1]
    project = _PROJECT.search(text)
    if project:
        known["PROJECT"] = project[1]
    account = _ACCOUNT.search(text)
    if account:
        known["MEMBER"] = f"serviceAccount:{account[0]}"
    home = _home(text, request, reference)
    if home:
        known |= placeholders(home)
    resource = _RESOURCE.search(text)
    if resource:
        known |= dict(zip(("PROJECT", "LOCATION", "REPOSITORY"), resource.groups(), strict=True))
    return known


def _owner(text: str, request: str, reference: str) -> dict[str, str]:
    """GitLab's own URL and the group that a new token would be of, where a registry of GitLab's speaks."""
    endpoint = _ENDPOINT.search(text)
    path = _path(text, request)
    host, _, rest = reference.partition("/")
    if not path and not is_google(host):
        path = rest
    gitlab = f"{endpoint[1]}://{endpoint[2].removeprefix('registry.')}" if endpoint else ""
    return {word: value for word, value in (("GITLAB", gitlab), ("GROUP", path.partition("/")[0])) if value}


def _path(text: str, request: str) -> str:
    # Of a token service's answer, the scope that was asked for tells the repository.
    found = _IN_PATH.match(urlsplit(request.rpartition(" ")[2]).path) or _SCOPE.search(text)
    return found["path"] if found else ""


def _home(text: str, request: str, reference: str) -> Home | None:
    path = _path(text, request)
    if path:
        return Home.of_path(urlsplit(request.rpartition(" ")[2]).netloc, path)
    host, _, rest = reference.partition("/")
    return Home.of_path(host, rest.partition("@")[0])
