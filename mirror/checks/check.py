"""Check: something outside the program that must be so; run side by side with others, against one deadline."""

from __future__ import annotations

import threading
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
    `known` fills in the placeholders of explanations. One that is not `vital` may go without an answer. `tried` and
    `late` are for one that has none by the deadline: what it waits for, and a command that shows the same.
    """

    name: str
    diagnose: Callable[[], Iterable[Finding]]
    needs: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    vital: bool = True
    tried: str = ""
    late: str = ""


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

    def refused(self, error: MirrorError, fix: str = "", cause: str = "") -> Finding:
        """It raised; the table of denials explains it, else `fix` and `cause` are all there is to say."""
        known = explain(error, self.known)
        if known:
            return Finding(self.check, "failed", self.tried, str(error), known.cause, known.fix)
        return self.failed(str(error), fix, cause)


def run(checks: Iterable[Check], deadline: float = DEADLINE) -> list[Finding]:
    """The findings of all checks, in the order of the checks; what has no answer by the deadline has failed."""
    checks = list(checks)
    board = _Board(checks)
    for _ in range(min(len(checks), _WORKERS)):
        threading.Thread(target=_work, args=(board,), daemon=True).start()
    return board.found_within(deadline)


def _work(board: _Board) -> None:
    """A check that hangs keeps its thread, and delays only those that need it."""
    while check := board.next():
        for finding in _guarded(check):
            board.note(check, finding)
        board.finish(check)


class _Board:
    """Which checks may begin, which are under way, and what was found. Thread-safe."""

    def __init__(self, checks: list[Check]) -> None:
        self._checks = checks
        self._waiting = list(checks)
        self._running: set[str] = set()
        self._found: dict[str, list[Finding]] = {check.name: [] for check in checks}
        self._good: dict[str, bool] = {}
        self._over = False
        self._changed = threading.Condition()

    def next(self) -> Check | None:
        """The next check that may begin, as soon as there is one; None when there will be none."""
        with self._changed:
            while not self._over:
                self._drop()
                check = next(filter(self._ready, self._waiting), None)
                if check:
                    self._waiting.remove(check)
                    self._running.add(check.name)
                    return check
                if not self._waiting:
                    return None
                self._changed.wait()
        return None

    def note(self, check: Check, finding: Finding) -> None:
        """Something was found."""
        with self._changed:
            self._found[check.name].append(finding)

    def finish(self, check: Check) -> None:
        """The check has said all that it has to say."""
        with self._changed:
            self._running.remove(check.name)
            self._good[check.name] = all(one.level != "failed" for one in self._found[check.name])
            self._drop()
            self._changed.notify_all()

    def found_within(self, seconds: float) -> list[Finding]:
        """Wait for the end of all checks, so long at the most."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._waiting or self._running), seconds)
            self._over = True
            self._changed.notify_all()
            late = self._running | {check.name for check in self._waiting if self._ready(check)}
            return [
                finding
                for check in self._checks
                for finding in (*self._found[check.name], *([_late(check)] if check.name in late else ()))
            ]

    def _ready(self, check: Check) -> bool:
        return not check.needs or self._good.get(check.needs, False)

    def _drop(self) -> None:
        """Leave out what needs a check that failed, that is left out itself, or that nobody runs."""
        hopeless = [
            check
            for check in self._waiting
            if check.needs and not self._good.get(check.needs, check.needs in self._found)
        ]
        for check in hopeless:
            self._waiting.remove(check)
            self._good[check.name] = False
        if hopeless:
            self._drop()


def _guarded(check: Check) -> Iterator[Finding]:
    probe = Probe(check.name, "", check.known)
    try:
        yield from check.diagnose()
    except MirrorError as error:
        yield probe.refused(error)
    except Exception as error:  # noqa: BLE001 - one broken check must not hide what the others found
        yield probe.failed(f"unexpected {type(error).__name__}", "please report it")


def _late(check: Check) -> Finding:
    probe = Probe(check.name, check.tried, check.known)
    if not check.vital:
        return probe.ok("not known: no answer in time")
    return probe.failed(
        "no answer in time",
        check.late or "look at firewalls, routes and proxies between here and there",
        "the host, or something on the way to it, swallows packets",
    )
