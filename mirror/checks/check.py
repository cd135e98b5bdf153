"""Check: something outside the program that must be so; run side by side with others, against one deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mirror.errors import MirrorError
from mirror.registries.denials import explain

Level = Literal["ok", "warning", "failed"]

# A person waits for the answer: also when every host is a black hole.
DEADLINE = 9.0
_WORKERS = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `fix` is a command or sentence that can be followed as it stands."""

    check: str
    level: Level
    tried: str
    said: str
    cause: str = ""
    fix: str = ""

    def as_json(self) -> dict[str, Any]:
        """Every field, as `check --json` prints it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Check:
    """`diagnose` yields findings one by one; it writes nothing down and leaves nothing behind.

    `needs` names another check: when that one fails, this one is left out, since it could only say the same again.
    `known` fills in the placeholders of explanations. One that is not `vital` may go without an answer.
    """

    name: str
    diagnose: Callable[[], Iterable[Finding]]
    needs: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    vital: bool = True


@dataclass(frozen=True, slots=True)
class Probe:
    """The words of one thing that is tried: makes the findings about it. `known` is for explanations."""

    check: str
    tried: str
    known: Mapping[str, str]

    def ok(self, said: str) -> Finding:
        """It is as it should be."""
        return Finding(self.check, "ok", self.tried, said)

    def warning(self, said: str, fix: str, cause: str = "") -> Finding:
        """It works, and should be otherwise."""
        return Finding(self.check, "warning", self.tried, said, cause, fix)

    def failed(self, said: str, fix: str, cause: str = "") -> Finding:
        """It does not work."""
        return Finding(self.check, "failed", self.tried, said, cause, fix)

    def refused(self, error: MirrorError, fix: str = "") -> Finding:
        """It raised; the table of denials explains it, else `fix` is all there is to say."""
        known = explain(error, self.known)
        if known:
            return Finding(self.check, "failed", self.tried, str(error), known.cause, known.fix)
        return Finding(self.check, "failed", self.tried, str(error), fix=fix)


def run(checks: Iterable[Check], deadline: float = DEADLINE) -> list[Finding]:
    """The findings of all checks, in the order of the checks; what has no answer by the deadline has failed."""
    checks = list(checks)
    ends = time.monotonic() + deadline
    found: dict[str, list[Finding]] = {}
    ready = [check for check in checks if not check.needs]
    while ready:
        found |= _wave(ready, ends)
        good = {
            name for name, findings in found.items() if not any(one.level == "failed" for one in findings)
        }
        ready = [check for check in checks if check.needs in good and check.name not in found]
    return [finding for check in checks for finding in found.get(check.name, ())]


def _wave(checks: list[Check], ends: float) -> dict[str, list[Finding]]:
    """Run checks that do not depend on each other. A check that hangs keeps its thread, and delays nobody."""
    waiting = iter(checks)
    found: dict[str, list[Finding]] = {check.name: [] for check in checks}
    finished: set[str] = set()
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                check = next(waiting, None)
            if check is None:
                return
            for finding in _guarded(check):
                with lock:
                    found[check.name].append(finding)
            with lock:
                finished.add(check.name)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(len(checks), _WORKERS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    with lock:
        late = [_late(check) for check in checks if check.name not in finished]
        return {
            name: [*findings, *(one for one in late if one.check == name)] for name, findings in found.items()
        }


def _guarded(check: Check) -> Iterator[Finding]:
    probe = Probe(check.name, "", check.known)
    try:
        yield from check.diagnose()
    except MirrorError as error:
        yield probe.refused(error)
    except Exception as error:  # noqa: BLE001 - one broken check must not hide what the others found
        yield probe.failed(f"unexpected {type(error).__name__}", "please report it")


def _late(check: Check) -> Finding:
    probe = Probe(check.name, "", {})
    if not check.vital:
        return probe.ok("not known: no answer in time")
    return probe.failed(
        "no answer in time",
        "the host swallows packets: look at firewalls, routes and proxies between here and it",
    )
