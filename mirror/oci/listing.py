"""Listing: the tags of a repository, page by page, as the specification lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from mirror.errors import InvalidManifest, NotFound, Unsupported
from mirror.oci.authority import Scopes
from mirror.oci.content import Listing
from mirror.oci.registry import Registry
from mirror.oci.tag import Tag
from mirror.transport import redact
from mirror.transport.answer import Answer

# At 1,000 names a page this is a million tags; a registry that still says "next" is going in circles.
MOST_PAGES = 1000
PAGE = 1000
_NEXT = r'<([^>]*)>\s*;[^,]*\brel=(?:"next"|next(?![\w-]))'


def tags(registry: Registry, path: str, scopes: Scopes) -> Listing:
    """Names only: the specification's list tells neither digest nor time. A missing repository is empty."""
    try:
        found = list(pages(registry, f"/v2/{path}/tags/list?n={PAGE}", scopes))
    except NotFound:
        return Listing({}, exists=False)
    with understood(registry):
        names = [str(name) for page in found for name in page.get("tags") or ()]
    return Listing({name: Tag(name) for name in names})


def catalog(registry: Registry) -> list[str]:
    """Every repository that the registry lets us see."""
    found = list(pages(registry, f"/v2/_catalog?n={PAGE}", ("registry:catalog:*",)))
    with understood(registry):
        return [str(name) for page in found for name in page.get("repositories") or ()]


def pages(registry: Registry, url: str, scopes: Scopes) -> Iterator[dict[str, Any]]:
    """The JSON objects of all pages. Raises as `answers`."""
    return (document(registry, answer.body) for answer in answers(registry, url, scopes))


def answers(registry: Registry, url: str, scopes: Scopes) -> Iterator[Answer]:
    """All pages; Link is followed, only within the registry, and not for ever."""
    seen: set[str] = set()
    url = urljoin(registry.base, url)
    while url:
        if url in seen or len(seen) >= MOST_PAGES:
            raise Unsupported(
                f"{registry.host} lists without end: page {len(seen)} leads back or onwards for ever"
            )
        seen.add(url)
        answer = registry.request("GET", url, scopes)
        yield answer
        url = next_page(registry, answer.url, answer.headers.get("Link", ""))


@contextmanager
def understood(registry: Registry) -> Iterator[None]:
    """Raise Unsupported for what is JSON but not in the form of a list."""
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
        InvalidManifest,
    ) as error:
        raise Unsupported(
            f"{registry.host} lists what cannot be read: {redact.detail(f'{type(error).__name__} {error}')}"
        ) from error


def document(registry: Registry, body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; Unsupported when it is something else."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unsupported(f"{registry.host} answered a list that is not JSON") from error
    if not isinstance(read, dict):
        raise Unsupported(f"{registry.host} answered a list that is not a JSON object")
    return read


def next_page(registry: Registry, url: str, link: str) -> str:
    """The URL of the page after `url`, empty at the end. A Link to another host is refused, not followed."""
    match = re.search(_NEXT, link, re.IGNORECASE) if link else None
    if match is None:
        return ""
    with understood(registry):
        following: str = urljoin(url, match[1])
    if urlsplit(following)[:2] != urlsplit(registry.base)[:2]:
        raise Unsupported(f"{registry.host} links the next page of a list to another host; refused")
    return following
