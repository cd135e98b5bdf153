"""Breaker: leaves a registry alone that is down, and notices by one cheap request when it is back.

`Circuit` is the pure state machine; `Breaker` gives it a lock, a clock and somebody to tell. A registry is down
when several exchanges in a row failed and a probe of the same place fails too: one broken image, whose every
request may fail, opens nothing as long as the place that serves it answers.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from mirror.errors import CircuitOpen
from mirror.events import Closed, Observe, Opened
from mirror.transport.clock import Clock

# Asks a URL for any answer at all; False when none came, or one that says "broken".
Probe = Callable[[str], bool]


class Endurance(NamedTuple):
    """Opens after `failures` in a row; probes after `first` seconds, then twice as long up to `longest`."""

    failures: int = 5
    first: float = 5.0
    longest: float = 60.0

    def pause(self, probes: int) -> float:
        """Seconds until the next probe, after so many that failed."""
        return min(self.longest, self.first * 2.0 ** min(probes, 16))


class Circuit(NamedTuple):
    """Closed with some failures in a row, or open until a probe at `probe_at` succeeds (monotonic seconds)."""

    failures: int = 0
    is_open: bool = False
    probes: int = 0
    probe_at: float = 0.0

    def succeeded(self) -> "Circuit":
        """Somebody got an answer. An open circuit is closed only by its probe: an old answer may come late."""
        return self if self.is_open or not self.failures else Circuit()

    def failed(self) -> "Circuit":
        """Somebody got none."""
        return self._replace(failures=self.failures + 1)

    def is_suspect(self, endurance: Endurance) -> bool:
        """Whether it is time to probe a registry that is still believed to be up."""
        return not self.is_open and self.failures >= endurance.failures

    def may_probe(self, now: float) -> bool:
        """Whether an open circuit may be probed."""
        return self.is_open and now >= self.probe_at

    def probing(self, now: float, endurance: Endurance) -> "Circuit":
        """Somebody probes: nobody else does until the next time."""
        return self._replace(probe_at=now + endurance.pause(self.probes))

    def probed(self, answered: bool, now: float, endurance: Endurance) -> "Circuit":
        """The probe's outcome."""
        if answered:
            return Circuit()
        probes = self.probes + 1 if self.is_open else 0
        return self._replace(is_open=True, probes=probes, probe_at=now + endurance.pause(probes))


class Breaker:
    """The circuit of one registry. Thread-safe."""

    def __init__(
        self,
        registry: str,
        base: str,
        *,
        clock: Clock,
        observe: Observe,
        endurance: Endurance | None = None,
    ) -> None:
        """`registry` names the host in events, `base` is the URL that it answers at."""
        self._registry = registry
        self._base = base
        self._clock = clock
        self._observe = observe
        self._endurance = endurance or Endurance()
        self._lock = threading.Lock()
        self._circuit = Circuit()
        self._suspect = base
        self._words = ""

    @property
    def is_open(self) -> bool:
        """Whether the registry is being left alone."""
        return self._circuit.is_open

    def before(self, probe: Probe) -> None:
        """To be called before a request; when it is time, it is this caller who probes. Raises CircuitOpen."""
        if not self._circuit.is_open:
            return
        with self._lock:
            now = self._clock.monotonic()
            mine = self._circuit.may_probe(now)
            if mine:
                self._circuit = self._circuit.probing(now, self._endurance)
        if not mine or not self._judge(probe):
            raise CircuitOpen(f"{self._registry} is down and left alone for now: {self._words}")

    def succeeded(self) -> None:
        """A request was answered."""
        self._circuit = self._circuit.succeeded()

    def failed(self, url: str, words: str, probe: Probe) -> None:
        """A request was not answered, or with "I am broken". Enough of them in a row are looked into."""
        with self._lock:
            self._circuit = self._circuit.failed()
            if not self._circuit.is_suspect(self._endurance):
                return
            self._suspect = suspect(url, self._base)
            self._words = words
            # While this caller probes, the others count anew; nobody else needs to.
            self._circuit = self._circuit._replace(failures=0)
        self._judge(probe)

    def _judge(self, probe: Probe) -> bool:
        answered = probe(self._suspect)
        with self._lock:
            was_open = self._circuit.is_open
            self._circuit = self._circuit.probed(answered, self._clock.monotonic(), self._endurance)
        if was_open and answered:
            self._observe(Closed(self._registry))
        elif not was_open and not answered:
            self._observe(Opened(self._registry, self._words))
        return answered


def suspect(url: str, base: str) -> str:
    """What to probe after `url` failed: the registry's own front door, or the same place of another service.

    The query is left out: it may hold a signature, and a token service needs none to show that it lives.
    """
    parts = urlsplit(url)
    if parts.netloc == urlsplit(base).netloc and parts.path.startswith("/v2/"):
        return f"{base}/v2/"
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
