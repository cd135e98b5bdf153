"""Redaction: what may be said of a request without telling a secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_MAX_DETAIL = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_SECRETS = re.compile(
    r"(?P<key>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))"
    r"|(?P<jwt>\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*)"
    r"|(?P<google>\bya29\.[\w.-]+)"
    r"|(?P<gitlab>\bgl[a-z]{2,8}-[\w.-]{8,})"
    r"|(?P<docker>\bdckr_[a-z]{2,8}_[\w-]{8,})"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s+)[\w.~+/=-]{6,}",
    re.IGNORECASE | re.DOTALL,
)
_URL = re.compile(r"https?://[^\s\"'<>]+")
_QUERY = re.compile(r"\?[^\s\"'<>()?]*=[^\s\"'<>()]*")


def url(text: str) -> str:
    """`text` without user, password, query and fragment: signed URLs carry their secret in the query."""
    plain = text.partition("#")[0].partition("?")[0]
    try:
        parts = urlsplit(plain)
    except ValueError:
        return plain.rpartition("@")[2]  # not a URL, though it looks like one
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def detail(text: str) -> str:
    """What a registry said, short, on one line, without anything that looks like a secret."""
    flat = _CONTROL.sub(" ", _SECRETS.sub(_mask, text))
    without_users = _URL.sub(lambda match: url(match[0]), flat)
    return _QUERY.sub("", without_users)[:_MAX_DETAIL].strip()


def _mask(match: re.Match[str]) -> str:
    return (match["scheme"] or "") + "[redacted]"
