"""Redaction: what may be said of a request without telling a secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_MAX_DETAIL = 500
# Compiled when something is first redacted: most runs have nothing to say.
_CONTROL = r"[\x00-\x1f\x7f-\x9f]+"
_SECRETS = (
    r"(?P<key>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))"
    r"|(?P<jwt>\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*)"
    r"|(?P<google>\bya29\.[\w.-]+)"
    r"|(?P<gitlab>\bgl[a-z]{2,8}-[\w.-]{8,})"
    r"|(?P<docker>\bdckr_[a-z]{2,8}_[\w-]{8,})"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s+)[\w.~+/=-]{6,}"
)
_URL = r"https?://[^\s\"'<>]+"
_QUERY = r"\?[^\s\"'<>()?]*=[^\s\"'<>()]*"


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
    flat = re.sub(_CONTROL, " ", re.sub(_SECRETS, _mask, text, flags=re.IGNORECASE | re.DOTALL))
    without_users = re.sub(_URL, lambda match: url(match[0]), flat)
    return re.sub(_QUERY, "", without_users)[:_MAX_DETAIL].strip()


def _mask(match: re.Match[str]) -> str:
    return (match["scheme"] or "") + "[redacted]"
