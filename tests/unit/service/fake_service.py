"""A service that stands still, for the web pages."""

from __future__ import annotations

from collections.abc import Iterable

from mirror.service.metrics import Metrics
from mirror.service.showing import Page, Query, find
from mirror.service.standing import Standing
from mirror.service.triggers import Trigger
from mirror.state.records import TagRecord
from tests.unit.service.standings import OUTAGE, RECORDS


class Still:
    """Answers with what it was given."""

    def __init__(self, standing: Standing = OUTAGE, records: Iterable[TagRecord] = RECORDS) -> None:
        self.now = standing
        self.records = tuple(records)
        self.metrics = Metrics("1.2.3", self.standing)
        self.hook_secret = "hush"
        self.dead = self.not_ready = ""
        self.taken: list[Trigger] = []

    def standing(self) -> Standing:
        return self.now

    def find(self, query: Query) -> Page:
        return find(self.records, query)

    def why_dead(self) -> str:
        return self.dead

    def why_not_ready(self) -> str:
        return self.not_ready

    def take(self, taken: Iterable[Trigger]) -> int:
        self.taken += taken
        return len(self.taken)
