"""Reconcile: whole passes, from memory to memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mirror.demo import images
from mirror.errors import ConnectFailed, MirrorError, NotFound, Unauthorized
from mirror.oci.content import Reader
from mirror.oci.descriptor import Descriptor, Platform
from mirror.oci.digest import Digest
from mirror.oci.memory import MemoryRegistry, MemoryRepository
from mirror.oci.tag import Tag
from mirror.sync.plan import Rule
from mirror.sync.reconcile import Mirror, Pass
from mirror.sync.report import Report
from mirror.sync.selection import Selection, TagPattern
from mirror.sync.verify import verify
from mirror.sync.workers import Workers
from tests.servers.contents import put

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PATH = "acme/api"


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(images=4, blobs=4) as made:
        yield made


class Sides:
    """A source and a target registry, and passes between them."""

    def __init__(self, workers: Workers, **target: bool) -> None:
        self.source = MemoryRegistry("source")
        self.target = MemoryRegistry("target", **target)
        self.workers = workers
        self.open: Callable[[str], Any] = self.source.repository

    def at_source(self, image: images.Image, *tags: str, path: str = PATH) -> images.Image:
        return put(self.source.repository(path), image, *tags)

    def run(
        self,
        *paths: str,
        selection: Selection | None = None,
        rule: Rule | None = None,
        dry: bool = False,
        discover: Callable[[], list[str]] | None = None,
    ) -> Report:
        mirror = Mirror(
            name="shop",
            discover=discover or (lambda: paths or (PATH,)),
            source=self.open,
            target=self.target.repository,
            selection=selection or Selection(),
            rule=rule or Rule(),
        )
        report = Report("shop", "source", "target")
        Pass(mirror, self.workers, report.observe, NOW, lambda: 0.0).run(dry=dry)
        return report

    def names(self, path: str = PATH) -> dict[str, Digest | None]:
        return {name: tag.digest for name, tag in self.target.tagged[path].items()}


@pytest.fixture(params=[True, False], ids=["listing-digests", "listing-names"])
def sides(request: pytest.FixtureRequest, workers: Workers) -> Sides:
    made = Sides(workers, lists_digests=request.param)
    made.source.lists_digests = request.param
    return made


def test_a_pass_brings_every_tag_over_whole(sides: Sides, workers: Workers) -> None:
    one = sides.at_source(images.image("one"), "1.0", "latest")
    many = sides.at_source(images.multi_platform("many"), "2.0")
    report = sides.run()
    assert sides.names() == {"1.0": one.digest, "latest": one.digest, "2.0": many.digest}
    assert not report.failed
    verdicts = verify(sides.target.repository(PATH), report.tags[PATH].items(), workers)
    assert all(verdict.whole for verdict in verdicts)


def test_a_second_pass_copies_nothing(sides: Sides) -> None:
    sides.at_source(images.image("one"), "1.0", "latest")
    sides.run()
    report = sides.run()
    assert (len(report.copied), report.unchanged, report.size) == (0, 2, 0)


def test_a_dry_run_plans_and_writes_nothing(sides: Sides) -> None:
    sides.at_source(images.image("one"), "1.0")
    report = sides.run(dry=True)
    assert sum(planned.copies for planned in report.planned) == 1
    assert sides.names() == {}


def test_a_blob_that_many_images_share_travels_once(sides: Sides) -> None:
    shared = images.layer("shared")
    paths = [f"acme/{name}" for name in "abcdef"]
    for path in paths:
        for tag in ("1", "2", "3"):
            image = images.image(f"{path} {tag}", [shared, images.layer(f"{path} {tag}")])
            sides.at_source(image, tag, path=path)
    report = sides.run(*paths)
    assert report.blobs == {"copied": 1 + 18 + 18, "mounted": len(paths) - 1}


def test_signatures_follow_their_image_later_too(sides: Sides) -> None:
    image = sides.at_source(images.image("one"), "1.0")
    sides.run()
    signature = sides.at_source(images.artifact(image))
    report = sides.run()
    assert sides.target.repository(PATH).exists(signature.manifest.descriptor)
    assert (len(report.copied), report.unchanged) == (0, 1)
    assert not report.failed


def test_a_target_without_referrers_api_gets_the_fallback_tag(workers: Workers) -> None:
    sides = Sides(workers, lists_referrers=False)
    image = sides.at_source(images.image("one"), "1.0")
    first, second = (sides.at_source(images.artifact(image, seed)) for seed in ("first", "second"))
    sides.run()
    listed = sides.target.repository(PATH).manifest(f"sha256-{image.digest.hex}")
    assert {child.digest for child in listed.children} == {first.digest, second.digest}
    assert all(child.artifact_type == images.COSIGN for child in listed.children)
    assert not sides.run().failed


def test_cosign_tags_travel_though_the_filter_drops_them(sides: Sides) -> None:
    image = sides.at_source(images.image("one"), "1.0")
    other = sides.at_source(images.image("other"), "dropped")
    sides.at_source(images.image("its signature"), images.cosign_tag(image.digest))
    sides.at_source(images.image("a signature of what is not wanted"), images.cosign_tag(other.digest))
    sides.run(selection=Selection(include=(TagPattern.parse("1.*"),)))
    assert set(sides.names()) == {"1.0", images.cosign_tag(image.digest)}


def test_a_moved_tag_is_backed_up_before_it_is_overwritten(sides: Sides) -> None:
    old = sides.at_source(images.image("old"), "1.0")
    sides.run()
    new = sides.at_source(images.image("new"), "1.0")
    sides.run(rule=Rule(on_moved_tag="backup"))
    assert sides.names() == {"1.0": new.digest, f"1.0-before-{old.digest.short}": old.digest}


def test_a_moved_tag_is_kept_when_the_rule_says_so(sides: Sides) -> None:
    old = sides.at_source(images.image("old"), "1.0")
    sides.run()
    sides.at_source(images.image("new"), "1.0")
    report = sides.run(rule=Rule(on_moved_tag="keep"))
    assert sides.names() == {"1.0": old.digest}
    assert [kept.tag for kept in report.kept] == ["1.0"]


def test_a_platform_filter_makes_an_index_of_its_own_and_is_stable(sides: Sides) -> None:
    index = sides.at_source(images.multi_platform("many"), "1.0")
    rule = Rule(platforms=(Platform("linux", "amd64"),))
    sides.run(rule=rule)
    made = sides.target.repository(PATH).manifest("1.0")
    assert made.digest != index.digest
    assert [str(child.platform) for child in made.manifests] == ["linux/amd64"]
    assert sides.run(rule=rule).unchanged == 1


def test_one_repository_that_is_missing_stops_no_other(sides: Sides) -> None:
    sides.at_source(images.image("one"), "1.0")
    report = sides.run("acme/missing", PATH)
    assert [(failure.repository, failure.reason) for failure in report.failed] == [
        ("acme/missing", "not_found")
    ]
    assert len(report.copied) == 1


class Broken(MemoryRepository):
    """A source that lacks one blob that its manifests list."""

    lost: Digest

    @contextmanager
    def open(self, blob: Descriptor, offset: int = 0) -> Iterator[Reader]:
        if blob.digest == type(self).lost:
            raise NotFound(f"{self.name}: {blob.digest} is lost", status=404)
        with super().open(blob, offset) as reader:
            yield reader


def test_one_image_that_fails_stops_no_other_and_is_not_tagged(sides: Sides) -> None:
    lost = images.layer("lost")
    sides.at_source(images.image("broken", [lost]), "broken")
    sides.at_source(images.image("whole"), "whole")
    Broken.lost = lost.digest
    sides.open = lambda path: Broken(sides.source, path)
    report = sides.run()
    assert set(sides.names()) == {"whole"}
    assert [failure.tag for failure in report.failed] == ["broken"]
    assert "is lost" in report.failed[0].message


def test_a_refused_login_ends_the_pass_with_one_failure(sides: Sides) -> None:
    def refuse(path: str) -> MemoryRepository:
        raise Unauthorized(f"no login for {path}", status=401)

    sides.open = refuse
    report = sides.run("a", "b", "c")
    assert [(failure.repository, failure.reason) for failure in report.failed] == [("", "unauthorized")]
    assert report.unusable


def test_a_discovery_that_fails_is_a_failure_of_the_mirror(sides: Sides) -> None:
    def discover() -> list[str]:
        raise ConnectFailed("GitLab does not answer")

    report = sides.run(discover=discover)
    assert [(failure.repository, failure.reason) for failure in report.failed] == [("", "unreachable")]
    assert report.unusable


class Vanishing(MemoryRepository):
    """A source whose tag moves, or goes, between its listing and its copy."""

    then: images.Image | None = None

    def tags(self) -> Any:
        listing = super().tags()
        tagged = self.registry.tagged[self.path]
        gone = tagged.pop("1.0", None)
        if gone and gone.digest:
            del self.registry.manifests[self.path][gone.digest]
        if type(self).then is not None:
            put(self, type(self).then, "1.0")
        return listing


def test_a_tag_that_moved_since_it_was_listed_is_followed(workers: Workers) -> None:
    sides = Sides(workers)
    sides.at_source(images.image("old"), "1.0")
    Vanishing.then = images.image("new")
    sides.open = lambda path: Vanishing(sides.source, path)
    report = sides.run()
    assert sides.names() == {"1.0": Vanishing.then.digest}
    assert not report.failed


def test_a_tag_that_was_deleted_since_it_was_listed_is_no_failure(workers: Workers) -> None:
    sides = Sides(workers)
    sides.at_source(images.image("old"), "1.0")
    Vanishing.then = None
    sides.open = lambda path: Vanishing(sides.source, path)
    report = sides.run()
    assert sides.names() == {}
    assert not report.failed


class Forgetful(MemoryRepository):
    """A target that lists a child it no longer has."""

    def tags(self) -> Any:
        listing = super().tags()
        lost = type(self).lost - set(self.registry.manifests[self.path])
        return type(listing)(listing.tags, (listing.manifests or frozenset()) | lost, listing.exists)

    lost: frozenset[Digest] = frozenset()


def test_children_that_were_believed_to_be_there_are_brought_again(workers: Workers) -> None:
    sides = Sides(workers)
    index = sides.at_source(images.multi_platform("many"), "1.0")
    Forgetful.lost = frozenset(child.digest for child in index.children)
    sides.target.repository = lambda path: Forgetful(sides.target, path)  # type: ignore[method-assign]
    report = sides.run()
    assert not report.failed, report.failed[0].message
    assert sides.names() == {"1.0": index.digest}


def test_the_newest_tags_of_all_repositories_are_copied_first(workers: Workers) -> None:
    sides = Sides(Workers(images=1, blobs=1))
    for path, age in (("acme/a", 3), ("acme/b", 1), ("acme/c", 2)):
        sides.at_source(images.image(path), "1.0", path=path)
        tag = sides.source.tagged[path]["1.0"]
        sides.source.tagged[path]["1.0"] = Tag("1.0", tag.digest, NOW - timedelta(days=age))
    with sides.workers:
        report = sides.run("acme/a", "acme/b", "acme/c")
    assert [copied.repository for copied in report.copied] == ["acme/b", "acme/c", "acme/a"]


def test_of_tags_without_time_the_highest_versions_are_copied_first(workers: Workers) -> None:
    sides = Sides(Workers(images=1, blobs=1))
    sides.source.lists_digests = False
    for tag in ("1.9", "1.10", "main"):
        sides.at_source(images.image(tag), tag)
    with sides.workers:
        report = sides.run()
    assert [copied.tag for copied in report.copied] == ["1.10", "1.9", "main"]


def test_an_error_of_the_source_is_told_as_such(sides: Sides) -> None:
    class Down(MemoryRepository):
        def manifest(self, reference: str) -> Any:
            raise MirrorError("the source is tired")

    image = sides.at_source(images.image("one"), "1.0")
    sides.open = lambda path: Down(sides.source, path)
    report = sides.run()
    assert report.failed[0].message == "the source is tired"
    assert image.digest not in sides.target.manifests[PATH]
