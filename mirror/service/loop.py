"""Loop: one mirror, pass after pass; it never overlaps itself, and knows no other mirror."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from mirror.errors import Doubtful, MirrorError, Stopped, Unauthorized, Unsupported
from mirror.events import Event, Failed, Observe, Pruned
from mirror.service import footprint, schedule
from mirror.service.health import Health
from mirror.service.job import Job
from mirror.service.ledger import Ledger
from mirror.service.recollection import Recollection
from mirror.service.review import Review
from mirror.service.schedule import Schedule
from mirror.service.standing import Mirror, Trouble, count, lag
from mirror.service.tally import Tally
from mirror.service.triggers import Trigger
from mirror.state.records import Condition, Key, PassRecord, Result
from mirror.sync import prune
from mirror.sync.reconcile import Pass
from mirror.sync.workers import Workers

# While a registry is away, the loop looks this often; the breaker decides when somebody is really asked.
_WHILE_FROZEN = 5.0
_AWAY = frozenset({"source_down", "source_refused", "target_down", "target_refused"})
Passed = Callable[[str, Result, float], None]
# Mirrors share the connections to a registry, so a request does not tell whose it is; the thread does. Workers
# inherit the context of whoever gave them the work (mirror/sync/workers.py).
_AT_WORK: ContextVar[Loop | None] = ContextVar("at_work", default=None)


def at_work() -> Loop | None:
    """The mirror whose pass this thread works for; None for one that looks after the registries."""
    return _AT_WORK.get()


@dataclass
class Loop:
    """The passes of one mirror. `turn` does what is due now and returns; `delay` says when to call it again."""

    job: Job
    ledger: Ledger
    health: Health
    observe: Observe
    passed: Passed
    clock: Callable[[], float]
    jitter: Callable[[], float]
    last_success: float | None = None
    _frozen: Trouble | None = None
    _tally: Tally | None = None
    _workers: Workers | None = None
    _stopping: bool = False
    _deletes: bool = True
    _next_job: Job | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Remember what the state knows, and look at everything at once."""
        self._schedule = Schedule(self.clock())
        self._recollection = self._blank()
        self.ledger.load(self.job.name)
        passes = self.ledger.passes(self.job.name, limit=100)
        self.last_success = next((record.ended for record in passes if record.result == "ok"), None)

    @property
    def delay(self) -> float:
        """Seconds until there is something to do."""
        return max(0.0, self._schedule.next_at - self.clock())

    @property
    def prune_after(self) -> float | None:
        """As in the job; None once the target has said that it does not delete tags, which is told only once."""
        return self.job.prune_after if self._deletes else None

    @property
    def busy_since_alive(self) -> float | None:
        """Seconds since the running pass showed a sign of life; None when none runs."""
        tally = self._tally
        return None if tally is None else self.clock() - tally.alive_at

    def show_life(self) -> None:
        """Something moved at a registry for this mirror: a pass that runs does not hang."""
        if self._tally is not None:
            self._tally.alive_at = self.clock()

    def take(self, triggers: Iterable[Trigger]) -> bool:
        """Hasten what the triggers concern; whether that is anything of this mirror."""
        concerned = False
        known = self.ledger.known(self.job.name)
        with self._lock:
            for trigger in triggers:
                paths = {path for path in known if trigger.concerns(path)}
                if not trigger.below and self.job.covers(trigger.repository):
                    paths.add(trigger.repository)
                for path in paths:
                    self._schedule = self._schedule.hastened(path, self.clock())
                concerned = concerned or bool(paths)
        return concerned

    def job_next(self, job: Job) -> None:
        """From the next pass on, this is the job."""
        with self._lock:
            self._next_job = job

    def hasten(self) -> None:
        """Look at everything at once."""
        with self._lock:
            self._schedule = self._schedule.at_once(self.clock())

    def begin_no_more(self) -> None:
        """No new copies; those that run may end."""
        self._stopping = True
        if self._workers is not None:
            self._workers.begin_no_more()

    def turn(self) -> None:
        """Run the pass that is due, if one is."""
        with self._lock:
            if self._next_job is not None:
                self.job, self._next_job, self._deletes = self._next_job, None, True
                self._recollection = self._blank()
                self._schedule = self._schedule.at_once(self.clock())
        if self._stopping or self._is_blocked():
            return
        due = self._schedule.due(self.clock())
        if due is None:
            self._run(None)
        elif due:
            # A listing that was not believed is only believed again as a whole.
            self._run(due if self._frozen is None else None)

    def _is_blocked(self) -> bool:
        """Whether a registry is away; when it is back, everything is looked at at once."""
        blocked = self._obstacle()
        if blocked is not None:
            self._freeze(blocked)
            with self._lock:
                self._schedule = replace(
                    self._schedule, everything_at=self.clock() + _WHILE_FROZEN, some_at={}
                )
            return True
        if self._frozen is not None and self._frozen.reason in _AWAY:
            self._thaw()
            self.hasten()
        return False

    def _obstacle(self) -> Trouble | None:
        for word, side in (("source", self.job.source), ("target", self.job.target)):
            trouble = self.health.trouble(side.host)
            if trouble is not None:
                kind = "refused" if trouble.reason == "unauthorized" else "down"
                return replace(trouble, reason=f"{word}_{kind}")
        return None

    def _run(self, only: frozenset[str] | None) -> None:
        mark = _AT_WORK.set(self)
        try:
            self._work(only)
        finally:
            _AT_WORK.reset(mark)

    def _work(self, only: frozenset[str] | None) -> None:
        tally = self._tally = Tally(self.job.name, self.ledger.now(), self.clock)
        began = self.clock()
        self.ledger.refresh(self.job.name)
        if only is None:
            self.ledger.log_pass(tally.record())
            for side in (self.job.source, self.job.target):
                self.health.greet(side)
        result: Result
        result, message = ("frozen", "") if self._obstacle() else self._pass(tally, only)
        self.health.note_refusals()
        self.ledger.flush()
        obstacle = self._obstacle()
        if obstacle is not None and result != "stopped":
            result, message = "frozen", obstacle.message
        if only is None or tally.copied or result != "ok":
            self.ledger.log_pass(tally.record(ended=self.ledger.now(), result=result, message=message))
            self.passed(self.job.name, result, self.clock() - began)
        self._tally = None
        self._plan_next(only, result)
        footprint.give_back()

    def _pass(self, tally: Tally, only: frozenset[str] | None) -> tuple[Result, str]:
        """One pass, and what became of it."""
        observe = partial(self._hear, tally)
        try:
            paths, complete = self._paths(only)
            review = Review(self.job.name, self.ledger, self.job.guard, complete)
            with self.job.workers() as self._workers:
                now = datetime.fromtimestamp(self.ledger.now(), UTC)

                def hear(event: Event) -> None:
                    review.observe(event)
                    observe(event)

                working = Pass(
                    self.job.mirror, self._workers, hear, now, self.clock, review, self._recollection
                )
                working.run(only=paths)
        except Stopped as stopped:
            return "stopped", str(stopped)
        except Doubtful as doubt:
            self._freeze(Trouble(self.ledger.now(), doubt.doubt, str(doubt)))
            return "frozen", str(doubt)
        except MirrorError as error:
            observe(Failed(self.job.name, "", "", self.job.name, error.reason, str(error), error.temporary))
            return "failed", str(error)
        finally:
            self._workers = None
        if self._frozen is not None and complete:
            self._thaw()
        self._prune(observe)
        return tally.result(), ""

    def _hear(self, tally: Tally, event: Event) -> None:
        tally.observe(event)
        self.observe(event)
        self.ledger.observe(event)

    def _paths(self, only: frozenset[str] | None) -> tuple[list[str], bool]:
        """Which repositories to look at, and whether these are all that there are.

        While the source cannot say which there are, those that are known are looked at.
        """
        if only is not None:
            return sorted(only), False
        try:
            return list(self.job.mirror.discover()), True
        except Unauthorized as refused:
            self.health.refuse(self.job.source.host, str(refused))
            raise
        except MirrorError as error:
            known = sorted(self.ledger.known(self.job.name))
            if not error.temporary or not known:
                raise
            return known, False

    def _prune(self, observe: Observe) -> None:
        """Delete from the target what is ripe; only after a pass whose listings were believed."""
        if self._obstacle() is not None or self._frozen is not None:
            return
        for orphan in prune.ripe(self.ledger.orphans(self.job.name), self.prune_after, self.ledger.now()):
            holder = self.job.holder(orphan.repository)
            try:
                deleted = prune.prune(holder, orphan)
            except MirrorError as error:
                reference = f"{orphan.repository}:{orphan.tag}"
                failed = (error.reason, f"prune: {error}", error.temporary)
                observe(Failed(self.job.name, orphan.repository, "", reference, *failed))
                self._deletes = not isinstance(error, Unsupported)
                if self._deletes:
                    continue
                break
            self.ledger.forget([Key(self.job.name, orphan.repository, orphan.tag)])
            if deleted:
                observe(Pruned(self.job.name, orphan.repository, orphan.tag, str(orphan.ours)))
        self.ledger.forget_long_gone(self.job.name)
        self.ledger.flush()

    def _plan_next(self, only: frozenset[str] | None, result: Result) -> None:
        now, wall = self.clock(), self.ledger.now()
        with self._lock:
            if only is None:
                pause = schedule.jittered(self.job.interval, self.jitter())
                if self._obstacle() is not None:
                    pause = _WHILE_FROZEN
                earlier = {path: at for path, at in self._schedule.some_at.items() if at > now}
                self._schedule = replace(self._schedule.after(now, pause), some_at=earlier)
            else:
                self._schedule = self._schedule.after_some(only)
            for path, at in self.ledger.due_again(self.job.name).items():
                self._schedule = self._schedule.also(path, now + max(schedule.LEAST_PAUSE, at - wall))
        if result == "ok" and only is None:
            self.last_success = wall

    def _blank(self) -> Recollection:
        return Recollection(self.job.name, self.ledger, self.clock, self.jitter, self.job.recheck)

    def _freeze(self, trouble: Trouble) -> None:
        self._recollection.forget()
        since = self._frozen.since if self._frozen else trouble.since
        self._frozen = replace(trouble, since=since)
        self.ledger.set_condition(Condition("mirror", self.job.name, since, trouble.reason, trouble.message))

    def _thaw(self) -> None:
        self._frozen = None
        self.ledger.clear_condition("mirror", self.job.name)

    def standing(self, passes: tuple[PassRecord, ...]) -> Mirror:
        """How this mirror is now."""
        records, now, tally = self.ledger.records(self.job.name), self.ledger.now(), self._tally
        return Mirror(
            name=self.job.name,
            source=self.job.source.host,
            target=self.job.target.host,
            tags=count(records),
            lag=lag(records, now),
            frozen=self._obstacle() or self._frozen,
            running_since=tally.started if tally else None,
            next_pass=now + max(0.0, self._schedule.everything_at - self.clock()),
            queue=tally.queue if tally else 0,
            in_flight=tally.copying if tally else 0,
            last_success=self.last_success,
            passes=passes,
        )
