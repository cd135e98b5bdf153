"""Logs: one line for each thing that happened: JSON where a program reads it, short and in colour for people.

The key `severity` is the one that Google's Cloud Logging reads.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO

from mirror.events import Closed, Copied, Event, Failed, Kept, Opened, Pruned
from mirror.registries.denials import explain_text
from mirror.state.attempts import NOT_THE_IMAGES_FAULT

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

# How often a tag of a mirror has failed so far.
Attempts = Callable[[str, str, str], int]
_SEVERITIES = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR"}


def logger(stream: TextIO) -> Any:
    """A logger that writes to `stream`: in colour on a terminal, else JSON."""
    structlog = _structlog()
    people = stream.isatty()
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people, key="time"),
    ]
    if people:
        processors.append(structlog.dev.ConsoleRenderer(timestamp_key="time", pad_event_to=0))
    else:
        processors += [_for_cloud_logging, structlog.processors.JSONRenderer()]
    return structlog.wrap_logger(
        structlog.PrintLogger(stream), processors=processors, wrapper_class=structlog.BoundLogger
    )


def _structlog() -> Any:
    """Structlog without rich, which it would load for tracebacks that no user is shown: 9 MB for as long as it runs."""
    absent: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None: it cannot be imported
    hidden = absent.setdefault("rich", None) is None
    try:
        return importlib.import_module("structlog")
    finally:
        if hidden:
            del absent["rich"]


class EventLog:
    """The listener that writes what happened to images and registries."""

    def __init__(self, log: Any, attempts: Attempts) -> None:
        """`log` as `logger` makes it."""
        self._log = log
        self._attempts = attempts

    def __call__(self, event: Event) -> None:
        """Write a line, if the event is worth one."""
        match event:
            case Copied():
                self._log.info("copied", **self._copied(event))
            case Failed():
                self._failed(event)
            case Kept():
                self._log.debug("kept", mirror=event.mirror, reference=event.target)
            case Pruned():
                reference = f"{event.repository}:{event.tag}"
                self._log.info("pruned", mirror=event.mirror, reference=reference, digest=event.digest)
            case Opened():
                self._log.error("registry is down", registry=event.registry, cause=event.message)
            case Closed():
                self._log.info("registry is back", registry=event.registry)
            case _:
                pass

    def _copied(self, event: Copied) -> dict[str, Any]:
        return {
            "mirror": event.mirror,
            "reference": event.target,
            "source": event.source,
            "digest": event.digest,
            "bytes": event.size,
            "seconds": round(event.seconds, 3),
            "attempt": self._attempts(event.mirror, event.repository, event.tag) + 1,
        }

    def _failed(self, event: Failed) -> None:
        # In an outage this would be a line for each of a thousand images; that the registry is down is one line.
        quiet = event.reason in NOT_THE_IMAGES_FAULT and event.tag
        write = self._log.debug if quiet else self._log.warning
        write(
            "failed",
            mirror=event.mirror,
            reference=event.reference,
            reason=event.reason,
            cause=event.message,
            temporary=event.temporary,
            attempt=self._attempts(event.mirror, event.repository, event.tag) + 1,
            **_explained(event),
        )


def _explained(event: Failed) -> dict[str, str]:
    known = explain_text(event.message, event.reference)
    return {"explanation": known.cause, "fix": known.fix} if known else {}


def _for_cloud_logging(_: Any, method: str, line: EventDict) -> EventDict:
    line.pop("level", None)
    return {"severity": _SEVERITIES.get(method, "INFO"), "message": line.pop("event"), **line}
