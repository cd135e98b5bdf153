"""Failures: what goes wrong with HTTP, and what that, sockets and TLS raise as errors of this program."""

from __future__ import annotations

import socket
import zlib
from urllib.parse import urlsplit

from mirror.errors import ConnectFailed, ConnectionBroken, MirrorError, TimedOut
from mirror.transport import redact


class Garbled(Exception):
    """What arrived is not HTTP."""


class Cut(Garbled):
    """What arrived ended too early."""


FOREIGN = (OSError, Garbled, ValueError, zlib.error)


def translate(error: BaseException, url: str, *, connected: bool) -> MirrorError:
    """What was raised at `url`; `connected` says whether it was after the connection stood."""
    place, cause = redact.url(url), _root(error)
    if isinstance(cause, TimeoutError):
        return TimedOut(f"{place} did not answer in time")
    if isinstance(cause, socket.gaierror):
        return ConnectFailed(f"{place}: the name {urlsplit(url).hostname} does not resolve")
    # Only ssl.SSLCertVerificationError has this; who speaks plain http does not load ssl to find out that it is none.
    distrust = getattr(cause, "verify_message", None)
    if distrust is not None:
        return _for_good(
            f"{place}: its certificate is not trusted ({distrust}); name a private CA in ca_file"
        )
    kind = ConnectionBroken if connected else ConnectFailed
    return kind(f"{place}: {redact.detail(_words(cause))}")


def unreachable(url: str) -> MirrorError:
    """For what is no address."""
    return _for_good(f"{redact.url(url)} is not a URL that can be reached")


def _for_good(message: str) -> MirrorError:
    error = ConnectFailed(message)
    error.temporary = False
    return error


def _root(error: BaseException) -> BaseException:
    """What lies beneath: urllib3, through which others speak, wraps it as a reason, a cause or an argument."""
    inner = getattr(error, "reason", None) or error.__cause__ or (error.args[-1] if error.args else None)
    return _root(inner) if isinstance(inner, BaseException) and inner is not error else error


def _words(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
