"""What happens while images are copied: frozen facts, told to one observer.

Progress bars, logs, metrics, the state and the status page are listeners. The copier knows none of them,
so a new metric never touches it. `registry` is always a host, `repository` a source path, `target` and
`source` are full references, sizes are bytes, times are seconds.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

Outcome = Literal["copied", "mounted", "present"]


class Requested(NamedTuple):
    """One HTTP exchange ended; `status` is 0 when no answer came."""

    registry: str
    method: str
    status: int
    seconds: float


class Retried(NamedTuple):
    """An exchange will be tried again after `delay`."""

    registry: str
    reason: str
    delay: float


class Throttled(NamedTuple):
    """A request waited for its turn: the parallelism, the rate or the bandwidth was used up."""

    registry: str
    seconds: float


class Opened(NamedTuple):
    """A registry is down: it is left alone until a probe is answered. `message` is what went wrong last."""

    registry: str
    message: str


class Closed(NamedTuple):
    """A registry that was down answers again."""

    registry: str


class Planned(NamedTuple):
    """One repository was compared: so many tags are wanted, so many of them need work."""

    mirror: str
    repository: str
    target: str
    wanted: int
    copies: int


class Started(NamedTuple):
    """An image began to be copied."""

    mirror: str
    source: str
    target: str


class Moved(NamedTuple):
    """`size` bytes of a blob passed by; it is at `position` of `total` now. For progress bars."""

    digest: str
    size: int
    position: int
    total: int


class Settled(NamedTuple):
    """A blob is at the target now: sent, mounted from a sibling, or it had been there."""

    mirror: str
    repository: str
    digest: str
    size: int
    outcome: Outcome


class Copied(NamedTuple):
    """A tag of the target names its image now.

    `size` counts the bytes sent, manifests included; `blobs` its configs and layers, `mounted` those of them that
    came from a sibling repository, `present` those that had been there.
    """

    mirror: str
    repository: str
    tag: str
    source: str
    target: str
    digest: str
    size: int
    seconds: float
    blobs: int = 0
    mounted: int = 0
    present: int = 0


class Unchanged(NamedTuple):
    """These tags were in step already. `digests` is what each names at the target: one event for a repository.

    A pass may have 100,000 such tags, and to tell of each on its own would be most of its work.
    """

    mirror: str
    repository: str
    digests: Mapping[str, str]


class Kept(NamedTuple):
    """A tag of the target differs and stays, because the rule says `on_moved_tag: keep`."""

    mirror: str
    repository: str
    tag: str
    target: str
    digest: str


class Pruned(NamedTuple):
    """A tag that the source no longer has was deleted from the target."""

    mirror: str
    repository: str
    tag: str
    digest: str


class Failed(NamedTuple):
    """A tag (or, with an empty `tag`, a repository or a whole mirror) could not be brought in step."""

    mirror: str
    repository: str
    tag: str
    reference: str
    reason: str
    message: str
    temporary: bool


Event = (
    Requested
    | Retried
    | Throttled
    | Opened
    | Closed
    | Planned
    | Started
    | Moved
    | Settled
    | Copied
    | Unchanged
    | Kept
    | Pruned
    | Failed
)
Observe = Callable[[Event], None]


def ignore(_: Event) -> None:
    """The observer that does not look."""
