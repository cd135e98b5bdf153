"""Looking at both sides: what is asked, how often, and whose problem a failure is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from mirror.demo import images
from mirror.errors import Denied, MirrorError, NotFound, Stopped, Unauthorized, Unavailable
from mirror.oci.content import Listing
from mirror.oci.descriptor import Descriptor, Platform
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest
from mirror.oci.memory import MemoryRegistry, MemoryRepository
from mirror.oci.tag import Tag
from mirror.sync.plan import Rule
from mirror.sync.selection import Selection, TagPattern
from mirror.sync.shelf import Shelf
from mirror.sync.survey import Survey, choose, compare, created, survey
from mirror.sync.workers import Workers
from tests.servers.contents import put

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PATH = "acme/app"


class Watched(MemoryRepository):
    """Counts what it is asked, and fails where it is told to. Its list tells names only."""

    def __init__(self, registry: MemoryRegistry, path: str) -> None:
        super().__init__(registry, path)
        object.__setattr__(self, "asked", Counter())
        object.__setattr__(self, "failing", {})

    asked: Counter[str]
    failing: dict[str, MirrorError]

    def _ask(self, what: str, reference: str) -> None:
        self.asked[what] += 1
        if reference in self.failing:
            raise self.failing[reference]

    def tags(self) -> Listing:
        self._ask("tags", "")
        return super().tags()

    def resolve(self, reference: str) -> Descriptor:
        self._ask("resolve", reference)
        return super().manifest(reference).descriptor

    def manifest(self, reference: str) -> Manifest:
        self._ask("manifest", reference)
        return super().manifest(reference)

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        self._ask("referrers", subject)
        return super().referrers(subject)


class Sides:
    def __init__(self, workers: Workers) -> None:
        self.source = Watched(MemoryRegistry("source", lists_digests=False), PATH)
        self.target = Watched(MemoryRegistry("target", lists_digests=False), PATH)
        self.problems: list[tuple[str, str]] = []
        self._workers = workers

    def both(self, image: images.Image, *tags: str) -> images.Image:
        for side in (self.source, self.target):
            put(side, image, *tags)
        return image

    def forget(self) -> None:
        for side in (self.source, self.target):
            side.asked.clear()

    def problem(self, tag: Tag, error: MirrorError) -> None:
        self.problems.append((tag.name, error.reason))

    def look(self, rule: Rule | None = None, **selection: Any) -> Survey:
        self.forget()
        found = survey(PATH, self.source, self.target, self._workers)
        chosen = choose(found, Selection(**selection), NOW, self._workers, self.problem, Shelf())
        return compare(chosen, self._workers, rule or Rule(), self.problem)


@pytest.fixture
def sides() -> Iterator[Sides]:
    with Workers(images=4, blobs=4) as workers:
        yield Sides(workers)


def unanswered(found: Survey) -> set[str]:
    return {tag.name for tag in found.unanswered}


def names(found: Survey) -> set[str]:
    return {tag.name for tag in found.wanted}


def test_only_wanted_tags_are_asked_for_on_either_side(sides: Sides) -> None:
    for tag in ("1.0", "1.1", "2.0"):
        sides.both(images.image(tag), tag)
    found = sides.look(Rule(referrers=False), include=(TagPattern.parse("1.*"),))
    assert names(found) == {"1.0", "1.1"}
    assert sides.source.asked == {"tags": 1, "resolve": 2}
    assert sides.target.asked == {"tags": 1, "resolve": 2}


def test_the_target_is_not_asked_for_what_it_does_not_list(sides: Sides) -> None:
    put(sides.source, images.image("new"), "1.0")
    sides.look()
    assert sides.target.asked["resolve"] == 0


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("error", [Denied("x"), Unavailable("x")], ids=lambda e: e.reason)
def test_a_tag_that_cannot_be_asked_for_is_its_own_problem(
    sides: Sides, side: str, error: MirrorError
) -> None:
    for tag in ("bad", "good"):
        sides.both(images.image(tag), tag)
    getattr(sides, side).failing["bad"] = error
    found = sides.look()
    assert names(found) == {"good"}
    assert unanswered(found) == {"bad"}
    assert ("bad" in found.there.tags) == (side == "source")
    assert sides.problems == [("bad", error.reason)]


def test_a_tag_that_is_gone_from_the_source_is_no_problem(sides: Sides) -> None:
    for tag in ("gone", "good"):
        sides.both(images.image(tag), tag)
    sides.source.failing["gone"] = NotFound("x")
    found = sides.look()
    assert names(found) == {"good"}
    assert unanswered(found) == set()
    assert sides.problems == []


def test_a_tag_that_is_gone_from_the_target_is_still_wanted(sides: Sides) -> None:
    sides.both(images.image("one"), "1.0")
    sides.target.failing["1.0"] = NotFound("x")
    found = sides.look()
    assert names(found) == {"1.0"}
    assert found.there.tags["1.0"].digest is None


@pytest.mark.parametrize("error", [Unauthorized("x"), Stopped("x")], ids=lambda e: e.reason)
@pytest.mark.parametrize("what", ["1.0", "digest"])
def test_a_refused_login_or_the_wish_to_stop_ends_all(sides: Sides, error: MirrorError, what: str) -> None:
    image = sides.both(images.image("one"), "1.0")
    sides.source.failing[image.digest if what == "digest" else what] = error
    with pytest.raises(type(error)):
        sides.look()
    assert sides.problems == []


class TestReferrers:
    def test_each_image_is_asked_about_once_whatever_its_tags(self, sides: Sides) -> None:
        sides.both(images.image("one"), "1", "1.0", "latest")
        sides.look()
        assert sides.source.asked["referrers"] == 1

    def test_those_that_the_target_has_are_told_apart(self, sides: Sides) -> None:
        image = sides.both(images.image("one"), "1.0")
        old, new = (images.artifact(image, seed) for seed in ("old", "new"))
        sides.both(old)
        put(sides.source, new)
        found = sides.look()
        assert {one.digest for one in found.wanted[0].referrers} == {old.digest, new.digest}
        assert found.attached == {old.digest}

    @pytest.mark.parametrize("side", ["source", "target"])
    def test_trouble_with_them_is_the_problem_of_their_image(self, sides: Sides, side: str) -> None:
        bad, _ = sides.both(images.image("bad"), "bad"), sides.both(images.image("good"), "good")
        signature = sides.both(images.artifact(bad))
        failing = bad.digest if side == "source" else signature.digest
        getattr(sides, side).failing[failing] = Unavailable("x")
        found = sides.look()
        assert names(found) == {"good"}
        assert unanswered(found) == {"bad"}
        assert sides.problems == [("bad", "unavailable")]

    def test_nobody_asks_for_them_when_they_are_not_wanted(self, sides: Sides) -> None:
        image = sides.both(images.image("one"), "1.0")
        sides.both(images.artifact(image))
        sides.look(Rule(referrers=False))
        assert sides.source.asked["referrers"] == 0


class TestPlatforms:
    RULE = Rule(platforms=(Platform("linux", "amd64"),), referrers=False)

    def test_each_index_is_read_once_and_no_image_needs_to_be(self, sides: Sides) -> None:
        index = sides.both(images.multi_platform("many"), "1", "latest")
        sides.both(images.image("plain"), "plain")
        found = sides.look(self.RULE)
        assert set(found.expected) == {index.digest}
        assert sides.source.asked["manifest"] == 2, "a list that tells no types leaves both open"

    def test_trouble_with_one_is_its_own(self, sides: Sides) -> None:
        bad = sides.both(images.multi_platform("bad"), "bad", "worse")
        sides.both(images.multi_platform("good"), "good")
        sides.source.failing[bad.digest] = Denied("x")
        found = sides.look(self.RULE)
        assert names(found) == {"good"}
        assert unanswered(found) == {"bad", "worse"}
        assert sorted(sides.problems) == [("bad", "denied"), ("worse", "denied")]


class TestTimes:
    def test_the_newest_are_known_by_their_configs_where_no_list_tells(self, sides: Sides) -> None:
        sides.both(images.image("one"), "1.0")
        assert created(sides.source, "1.0") == datetime(2024, 1, 1, tzinfo=UTC)

    def test_the_time_of_an_index_is_that_of_its_first_image(self, sides: Sides) -> None:
        sides.both(images.index([images.multi_platform("many")]), "1.0")
        assert created(sides.source, "1.0") == datetime(2024, 1, 1, tzinfo=UTC)

    def test_an_artifact_has_no_time(self, sides: Sides) -> None:
        sides.both(images.artifact(images.image("one")), "1.0")
        assert created(sides.source, "1.0") is None

    def test_times_are_asked_for_only_when_they_decide(self, sides: Sides) -> None:
        sides.both(images.image("one"), "1.0")
        sides.look(Rule(referrers=False))
        assert sides.source.asked["manifest"] == 0
        sides.look(Rule(referrers=False), max_age=timedelta(days=10_000))
        assert sides.source.asked["manifest"] == 1

    def test_a_time_that_cannot_be_had_is_a_problem_and_keeps_the_tag(self, sides: Sides) -> None:
        image = sides.both(images.image("one"), "1.0")
        sides.source.registry.blobs[PATH].pop(image.manifest.blobs[0].digest)
        found = sides.look(max_age=timedelta(days=1))
        assert names(found) == {"1.0"}


def test_a_signature_that_is_named_by_the_filter_is_wanted_once(sides: Sides) -> None:
    image = sides.both(images.image("one"), "1.0")
    signature = images.cosign_tag(image.digest)
    sides.both(images.image("its signature"), signature)
    found = sides.look(include=(TagPattern.parse("1.*"), TagPattern.parse(signature)))
    assert sorted(tag.name for tag in found.wanted) == ["1.0", signature]


def test_both_sides_are_listed_at_the_same_time(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    sides.both(images.image("one"), "1.0")
    asked = Event()
    listed, there = sides.source.tags, sides.target.tags
    monkeypatch.setattr(sides.target, "tags", lambda: (asked.set(), there())[1])
    monkeypatch.setattr(
        sides.source, "tags", lambda: listed() if asked.wait(10) else Listing({}, exists=False)
    )
    assert names(sides.look()) == {"1.0"}
