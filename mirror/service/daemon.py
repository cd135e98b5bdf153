"""Daemon: a thread for each mirror, one that looks after everything, and what the web server asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import mirror
from mirror.events import Event, Failed
from mirror.service.health import Health
from mirror.service.job import Job
from mirror.service.ledger import Ledger
from mirror.service.loop import Loop, at_work
from mirror.service.metrics import Metrics
from mirror.service.showing import Page, Query, find
from mirror.service.standing import Standing, doomed
from mirror.service.triggers import Trigger
from mirror.state.records import Result, TagRecord

# Seconds without any sign of life after which a pass counts as hung: longer than any wait that a registry asks for.
HUNG_AFTER = 900.0
# How many tags that are not in step the page and the JSON name; there may be 100,000.
_NAMED = 100
_BEAT = 1.0
# The loop that is no mirror's; no mirror can have this name.
_HEALTH = "the registries"


@dataclass(frozen=True)
class Settings:
    """What the configuration says of the service. `grace` is in seconds."""

    hook_secret: str = ""
    grace: float = 30.0


@dataclass
class Daemon:
    """All mirrors. Threads are started by `start`; tests call `turn` instead. `listen` hears every event."""

    ledger: Ledger
    clock: Callable[[], float]
    jitter: Callable[[], float]
    listen: Callable[[Event], None] = lambda _: None
    settings: Settings = field(default_factory=Settings)
    loops: dict[str, Loop] = field(default_factory=dict)
    _threads: dict[str, threading.Thread] = field(default_factory=dict)
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _died: dict[str, str] = field(default_factory=dict)
    _stopping: bool = False

    def __post_init__(self) -> None:
        """Nothing runs yet."""
        self.started = self.ledger.now()
        self.health = Health(self.ledger, self.clock)
        self.metrics = Metrics(mirror.__version__, self.standing)

    def observe(self, event: Event) -> None:
        """Hear what happens at registries; what happens to images comes from the loops."""
        self.health.observe(event)
        self.metrics.observe(event)
        self.listen(event)
        loop = at_work()
        if loop is not None:
            loop.show_life()

    def _observe_image(self, event: Event) -> None:
        self.metrics.observe(event)
        self.listen(event)

    def swap(self, jobs: Iterable[Job], settings: Settings) -> None:
        """From now on these mirrors; one whose pass runs is taken over when it has ended."""
        wanted = {job.name: job for job in jobs}
        self.settings = settings
        self.health.know(side for job in wanted.values() for side in (job.source, job.target))
        with self._wake:
            for name in self.loops.keys() - wanted.keys():
                self.loops.pop(name).begin_no_more()
            for name, job in wanted.items():
                self.metrics.know(name)
                if name in self.loops:
                    self.loops[name].job_next(job)
                else:
                    self.loops[name] = self._loop(job)
            self._wake.notify_all()

    def _loop(self, job: Job) -> Loop:
        return Loop(
            job=job,
            ledger=self.ledger,
            health=self.health,
            observe=self._observe_image,
            passed=self._passed,
            clock=self.clock,
            jitter=self.jitter,
        )

    def _passed(self, name: str, result: Result, seconds: float) -> None:
        self.metrics.passed(name, result, seconds)

    def turn(self) -> None:
        """Everything that is due, one mirror after the other; for tests that own the clock."""
        self.health.look_again()
        self.ledger.flush()
        for loop in list(self.loops.values()):
            if loop.delay == 0:
                loop.turn()

    def run(self, beat: Callable[[], None]) -> None:
        """Run until `stop`; `beat` is called every second, and may call `swap` and `stop`."""
        threading.Thread(target=self._look_after_registries, name="health", daemon=True).start()
        while not self._stopping:
            self._start_missing()
            with self._wake:
                self._wake.wait(_BEAT)
            self.ledger.flush()
            beat()

    def _look_after_registries(self) -> None:
        """In a thread of its own: a registry that is away may take its time to say so."""
        try:
            while not self._stopping:
                self.health.look_again()
                with self._wake:
                    if not self._stopping:
                        self._wake.wait(_BEAT)
        except Exception as error:  # noqa: BLE001 - a mistake of ours: the mirrors go on, /healthz says it
            self._note_death(_HEALTH, error)

    def _start_missing(self) -> None:
        for name, loop in list(self.loops.items()):
            if name not in self._threads and name not in self._died and not self._stopping:
                thread = threading.Thread(
                    target=self._turns, args=(name, loop), name=f"mirror {name}", daemon=True
                )
                self._threads[name] = thread
                thread.start()

    def _turns(self, name: str, loop: Loop) -> None:
        try:
            while not self._stopping and self.loops.get(name) is loop:
                loop.turn()
                with self._wake:
                    if not self._stopping:
                        self._wake.wait(min(max(loop.delay, 0.05), 60.0))
        except Exception as error:  # noqa: BLE001 - a mistake of ours: the others go on, /healthz says it
            self._note_death(name, error)
        with self._wake:
            self._threads.pop(name, None)

    def _note_death(self, name: str, error: Exception) -> None:
        self._died[name] = f"the loop of {name} has died: unexpected {type(error).__name__}: {error}"
        self.listen(Failed(name, "", "", name, "unexpected", self._died[name], temporary=False))

    def stop(self) -> None:
        """Begin no more copies; `run` returns. May be called from a signal handler's thread."""
        self._stopping = True
        for loop in list(self.loops.values()):
            loop.begin_no_more()
        with self._wake:
            self._wake.notify_all()

    def join(self, seconds: float) -> bool:
        """Wait for the passes that run; whether all have ended."""
        deadline = self.clock() + seconds
        for thread in list(self._threads.values()):
            thread.join(max(0.0, deadline - self.clock()))
        return not any(thread.is_alive() for thread in list(self._threads.values()))

    @property
    def hook_secret(self) -> str:
        """The secret of the hooks; empty: they are closed."""
        return self.settings.hook_secret

    def standing(self) -> Standing:
        """How everything is now."""
        mirrors = tuple(
            loop.standing(tuple(self.ledger.passes(name))) for name, loop in sorted(self.loops.items())
        )
        return Standing(
            now=self.ledger.now(),
            started=self.started,
            registries=self.health.registries(),
            mirrors=mirrors,
            behind=tuple(self._behind())[:_NAMED],
            trouble=self.ledger.trouble,
            doomed=tuple(
                one
                for name, loop in list(self.loops.items())
                for one in doomed(self.ledger.records(name), loop.prune_after)
            )[:_NAMED],
        )

    def _behind(self) -> list[TagRecord]:
        records = (record for name in self.loops for record in self.ledger.records(name))
        return [record for record in records if record.counts and record.progress != "in_sync"]

    def find(self, query: Query) -> Page:
        """The tags that match."""
        return find((record for name in sorted(self.loops) for record in self.ledger.records(name)), query)

    def why_dead(self) -> str:
        """Which loop has died or hangs; empty while all live."""
        for name in (_HEALTH, *self.loops):
            if name in self._died:
                return self._died[name]
        for name, loop in list(self.loops.items()):
            silent = loop.busy_since_alive
            if silent is not None and silent > HUNG_AFTER:
                return f"the pass of {name} hangs: nothing has happened for {silent:.0f} s"
        return ""

    def why_not_ready(self) -> str:
        """What is missing before it can be of use; empty when nothing is."""
        if not self.loops:
            return "the configuration is not loaded yet"
        if self.ledger.trouble:
            return self.ledger.trouble
        missing = {registry.host for registry in self.health.registries()} - self.health.contacted
        return f"no answer yet from {', '.join(sorted(missing))}" if missing else ""

    def take(self, taken: Iterable[Trigger]) -> int:
        """Hasten what the triggers concern; how many mirrors that is."""
        triggers = list(taken)
        count = sum(loop.take(triggers) for loop in list(self.loops.values()))
        with self._wake:
            self._wake.notify_all()
        return count
