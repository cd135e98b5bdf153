"""Health: which registries are down or refuse the login, since when, and whether it is time to look again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mirror.errors import MirrorError
from mirror.events import Closed, Event, Opened, Requested
from mirror.service.expiry import Expiries
from mirror.service.job import Side
from mirror.service.ledger import Ledger
from mirror.service.standing import Registry, Trouble
from mirror.service.watch import Watch
from mirror.state.records import Condition

# A refused credential that is in no file (a variable, a metadata server) is tried again after this long: GitLab
# bans an address after 300 failed logins in a minute, so this is far from it.
_UNWATCHED_PAUSE = 900.0
# One more than the failures that open a breaker.
_GREETINGS = 6
# The statuses from here on say that the registry itself is in trouble.
_BROKEN = 500


@dataclass
class Health:
    """The registries of all mirrors. Thread-safe. `clock` is monotonic."""

    ledger: Ledger
    clock: Callable[[], float]
    contacted: set[str] = field(default_factory=set)
    _sides: dict[str, Side] = field(default_factory=dict)
    _troubles: dict[str, Trouble] = field(default_factory=dict)
    _watches: dict[str, Watch] = field(default_factory=dict)
    _refused_at: dict[str, float] = field(default_factory=dict)
    _began: dict[str, float] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _expiries: Expiries = field(init=False)

    def __post_init__(self) -> None:
        """What an earlier process said of its troubles is only remembered for when they began."""
        self._expiries = Expiries(self.clock)
        for condition in self.ledger.conditions():
            self.ledger.clear_condition(condition.scope, condition.name)
            if condition.scope == "registry":
                self._began[condition.name] = condition.since

    def know(self, sides: Iterable[Side]) -> None:
        """These are the registries now, with new connections: what is wrong with them will show again."""
        with self._lock:
            self._sides = {side.host: side for side in sides}
            for host, side in self._sides.items():
                if host not in self._watches or self._watches[host].paths != side.files:
                    self._watches[host] = Watch(side.files)
            self._refused_at.clear()
            for host, trouble in list(self._troubles.items()):
                self._clear(host)
                self._began[host] = trouble.since

    def registries(self) -> tuple[Registry, ...]:
        """How each of them is."""
        with self._lock:
            return tuple(
                Registry(
                    host,
                    side.kind,
                    self._troubles.get(host),
                    self._expiries.of(host),
                    contacted=host in self.contacted,
                )
                for host, side in sorted(self._sides.items())
            )

    def observe(self, event: Event) -> None:
        """A breaker opened or closed, or somebody answered."""
        match event:
            case Requested(status=status) if status:
                self.contacted.add(event.registry)
                if status < _BROKEN:
                    self._began.pop(event.registry, None)
            case Opened():
                self._set(event.registry, "unreachable", event.message)
            case Closed():
                self._clear(event.registry)
            case _:
                pass

    def trouble(self, host: str) -> Trouble | None:
        """What is wrong with a registry."""
        return self._troubles.get(host)

    def note_refusals(self) -> None:
        """Look whether a credential was refused since the last look."""
        for host, side in list(self._sides.items()):
            refusal = side.endpoint.refusal
            if refusal is not None:
                self.refuse(host, str(refusal))

    def refuse(self, host: str, message: str) -> None:
        """A credential was refused: nothing is asked of the registry until it changes."""
        if host not in self._refused_at:
            self._refused_at[host] = self.clock()
            self._set(host, "unauthorized", message)

    def greet(self, side: Side) -> None:
        """Is the registry there? Asked often enough that its breaker opens when it is not."""
        for _ in range(_GREETINGS):
            if self.trouble(side.host) is not None or _ping(side):
                return

    def look_again(self) -> None:
        """Ask the registries that are down, and try credentials that have changed. Cheap when nothing has."""
        self.note_refusals()
        for host, side in list(self._sides.items()):
            changed = self._watches[host].changed()
            if changed:
                self._expiries.forget(host)
            if host in self._refused_at:
                self._retry_login(host, side, changed=changed)
            elif changed:
                side.endpoint.forget_refusal()
            if host in self._troubles and host not in self._refused_at:
                _ping(side)
        self._expiries.look(side for host, side in list(self._sides.items()) if host not in self._troubles)

    def _retry_login(self, host: str, side: Side, *, changed: bool) -> None:
        waited = self.clock() - self._refused_at[host]
        if changed or (not side.files and waited >= _UNWATCHED_PAUSE):
            del self._refused_at[host]
            side.endpoint.forget_refusal()
            self._clear(host)

    def _set(self, host: str, reason: str, message: str) -> None:
        with self._lock:
            was = self._troubles.get(host)
            since = was.since if was else self._began.pop(host, self.ledger.now())
            self._troubles[host] = Trouble(since, reason, message)
        self.ledger.set_condition(Condition("registry", host, since, reason, message))

    def _clear(self, host: str) -> None:
        with self._lock:
            self._troubles.pop(host, None)
        self.ledger.clear_condition("registry", host)


def _ping(side: Side) -> bool:
    try:
        side.endpoint.ping(tries=False)
    except MirrorError:
        return False  # its breaker counts
    return True
