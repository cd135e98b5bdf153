"""Codes: what a registry's error answer means.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
"""

from __future__ import annotations

import json
from typing import Any

from mirror.errors import (
    Denied,
    NotFound,
    RateLimited,
    RegistryError,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from mirror.transport import redact
from mirror.transport.answer import Answer
from mirror.transport.retry import seconds_asked

# A parent was written before its children: they are there no longer, or never were.
CHILD_UNKNOWN = frozenset({"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"})
# GitLab answers 401 where a tag may not be changed; the login is fine. (container-registry, errors.go)
_DENIED_DESPITE_401 = frozenset({"PROTECTED_TAG", "PROTECTED_MANIFEST", "IMMUTABLE_TAG", "DENIED"})
_TEMPORARY = frozenset({408, 500, 502, 503, 504})


def error_for(method: str, answer: Answer, about: str = "") -> RegistryError:
    """The error that an answer stands for. Its text is redacted and bounded; `about` is added to it."""
    codes, said = _errors(answer.body)
    kind = _kind(answer.status, codes)
    request = f"{method} {redact.url(answer.url)}"
    error = kind(
        f"{request}: {answer.status} {said} {about}".rstrip(),
        status=answer.status,
        codes=codes,
        detail=said,
        request=request,
    )
    if isinstance(error, RateLimited | Unavailable):
        error.retry_after = seconds_asked(answer.headers.get("Retry-After"))
    return error


def _kind(status: int, codes: tuple[str, ...]) -> type[RegistryError]:
    if status == 429:
        return RateLimited
    if status in _TEMPORARY:
        return Unavailable
    if status == 401:
        return Denied if _DENIED_DESPITE_401 & set(codes) else Unauthorized
    by_status: dict[int, type[RegistryError]] = {
        403: Denied,
        404: NotFound,
        405: Unsupported,
        415: Unsupported,
    }
    return by_status.get(status, RegistryError)


def _errors(body: bytes) -> tuple[tuple[str, ...], str]:
    try:
        entries = json.loads(body[:65536])["errors"]
        return _codes(entries), redact.detail("; ".join(_said(entry) for entry in entries))
    except (ValueError, KeyError, TypeError, RecursionError):
        return (), redact.detail(body[:2000].decode(errors="replace"))


def _codes(entries: Any) -> tuple[str, ...]:
    return tuple(str(entry.get("code", "")) for entry in entries if isinstance(entry, dict))


def _said(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    said = f"{entry.get('code', '')} {entry.get('message', '')}".strip()
    # The specification leaves the detail open; where it is words, they often are the reason.
    detail = entry.get("detail")
    return f"{said}: {detail}" if isinstance(detail, str) and detail else said
