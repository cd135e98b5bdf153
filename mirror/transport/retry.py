"""Retries: the one place that decides whether, when and how often something is tried again."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mirror.errors import CircuitOpen, ConnectFailed, ConnectionBroken, MirrorError, RateLimited
from mirror.events import Observe, Retried
from mirror.transport.clock import Clock

if TYPE_CHECKING:
    import tenacity

T = TypeVar("T")
# Seconds. A registry that asks for more is asked again after these: nobody hangs for a day because of a header.
LONGEST_ASKED = 300.0


class Policy(NamedTuple):
    """Exponential with full jitter: `first` doubles up to `longest` (seconds); Retry-After wins.

    A host that does not answer at all is given up sooner than one that says "later". One that says "too much" is
    asked for more than a minute, since that is how long a quota of Google's stays used up.
    """

    attempts: int = 8
    attempts_to_connect: int = 4
    attempts_when_limited: int = 14
    first: float = 0.5
    longest: float = 30.0
    longest_asked: float = LONGEST_ASKED

    def gives_up(self, error: MirrorError, attempt: int) -> bool:
        """Whether `attempt` (from 1) was the last for this kind of error."""
        if isinstance(error, CircuitOpen):
            return True  # whoever comes when the pause is over probes; nobody waits here
        return not error.temporary or attempt >= self._most(error)

    def _most(self, error: MirrorError) -> int:
        if isinstance(error, RateLimited):
            return self.attempts_when_limited
        never_there = isinstance(error, ConnectFailed) and not isinstance(error, ConnectionBroken)
        return self.attempts_to_connect if never_there else self.attempts


class Retry:
    """Calls something until it succeeds, its error is permanent, or the policy gives up."""

    def __init__(self, registry: str, policy: Policy, clock: Clock, observe: Observe) -> None:
        """`registry` names the host in events."""
        self._registry = registry
        self._policy = policy
        self._clock = clock
        self._observe = observe

    def __call__(self, action: Callable[[], T]) -> T:
        """The result of `action`; raises the last MirrorError."""
        try:
            return action()  # nearly every request ends here, without the cost of what follows
        except MirrorError as error:
            if self._policy.gives_up(error, 1):
                raise
            failed = [error]

        def again() -> T:
            if failed:
                raise failed.pop()
            return action()

        return self._persevere(again)

    def _persevere(self, action: Callable[[], T]) -> T:
        import tenacity  # noqa: PLC0415 - a run in which nothing fails starts faster without it

        backoff = tenacity.wait_random_exponential(multiplier=self._policy.first, max=self._policy.longest)
        return tenacity.Retrying(
            stop=_Count(self._policy).is_full,
            wait=lambda state: self._delay(state, backoff),
            retry=tenacity.retry_if_exception_type(MirrorError),
            sleep=self._clock.wait,
            before_sleep=self._tell,
            reraise=True,
        )(action)

    def _delay(
        self, state: "tenacity.RetryCallState", backoff: Callable[["tenacity.RetryCallState"], float]
    ) -> float:
        asked = getattr(_error(state), "retry_after", None)
        if asked is None:
            return backoff(state)
        return min(float(asked), self._policy.longest_asked)

    def _tell(self, state: "tenacity.RetryCallState") -> None:
        delay = state.next_action.sleep if state.next_action else 0.0
        self._observe(Retried(self._registry, _error(state).reason, delay))


class _Count:
    """The attempts of one call. Limits are counted apart: after a minute of them, a trouble is still a first one."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._attempts: Counter[bool] = Counter()

    def is_full(self, state: "tenacity.RetryCallState") -> bool:
        """Whether the attempt that has just failed was the last."""
        error = _error(state)
        limited = isinstance(error, RateLimited)
        self._attempts[limited] += 1
        return self._policy.gives_up(error, self._attempts[limited])


def _error(state: "tenacity.RetryCallState") -> MirrorError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, MirrorError):  # pragma: no cover - the retry condition lets nothing else through
        raise TypeError("only a MirrorError is tried again")
    return error


def seconds_asked(header: str | None, now: datetime | None = None) -> float | None:
    """The seconds that a Retry-After header asks for, given as seconds or date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    digits = header.strip()
    if digits.isascii() and digits.isdigit():
        return float(digits)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow; most registries give seconds

    try:
        when = parsedate_to_datetime(header)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    zoned = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (zoned - (now or datetime.now(UTC))).total_seconds())
