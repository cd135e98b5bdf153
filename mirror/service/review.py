"""Review: what stands between looking and changing, for one pass: belief, memory, and whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from mirror.events import Event, Failed
from mirror.oci.tag import Tag
from mirror.service.ledger import Ledger
from mirror.sync import guard
from mirror.sync.guard import Guard
from mirror.sync.survey import Survey

# What a registry says of a repository that is gone, or that may not be seen.
_REFUSALS = frozenset({"not_found", "denied", "unauthorized"})


@dataclass
class Review:
    """Called with the surveys of a pass. `complete`: the pass looked at everything there is."""

    mirror: str
    ledger: Ledger
    guard: Guard
    complete: bool
    _failed: dict[str, Failed] = field(default_factory=dict)

    def observe(self, event: Event) -> None:
        """Note which repositories could not be looked at."""
        if isinstance(event, Failed) and event.repository and not event.tag:
            self._failed[event.repository] = event

    def __call__(self, surveys: list[Survey]) -> list[Survey]:
        """The surveys with only those tags that are in step or due. Raises Doubtful."""
        seen = {survey.path for survey in surveys}
        known = self._known(seen)
        refused = {
            path: failed.message for path, failed in self._failed.items() if failed.reason in _REFUSALS
        }
        listed = {survey.path: set(survey.listed.tags) for survey in surveys}
        guard.check(known, listed, refused, self.guard)
        self.ledger.take(self.mirror, surveys, known.keys() - seen - refused.keys())
        self.ledger.flush()
        return [survey._replace(wanted=self._due(survey)) for survey in surveys]

    def _known(self, seen: set[str]) -> dict[str, set[str]]:
        """What was known of the repositories that this pass can say something of."""
        known = self.ledger.known(self.mirror)
        silent = {path for path, failed in self._failed.items() if failed.reason not in _REFUSALS}
        asked = known.keys() if self.complete else seen | self._failed.keys()
        return {path: tags for path, tags in known.items() if path in asked and path not in silent}

    def _due(self, survey: Survey) -> tuple[Tag, ...]:
        return tuple(tag for tag in survey.wanted if self._is_due(survey, tag))

    def _is_due(self, survey: Survey, tag: Tag) -> bool:
        there = survey.there.tags.get(tag.name)
        if there is not None and there.digest == tag.digest:
            return True
        return self.ledger.is_due(self.mirror, survey.path, tag.name, tag.digest)
