"""Manifests that lie, are too large or vanish, and tags that move while they are copied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mirror.demo import faults, images
from mirror.demo.distribution import OciRegistry
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.messages import Answer, Request, Response
from mirror.events import Copied
from mirror.oci.manifest import MAX_SIZE
from tests.servers.embedded import PASSWORD, PATH, Embedded


@pytest.fixture
def plain(embed: Callable[..., Embedded]) -> Embedded:
    """A source whose list tells no digests, so that HEAD does."""
    return embed(GitLabRegistry(users={"mirror": PASSWORD}, database=False))


KINDS = {
    "plain": images.image("plain"),
    "docker": images.image("docker", docker=True),
    "zstd": images.image("zstd", [images.layer("zstd", 3000, "zstd")]),
    "odd": images.odd(images.image("odd")),
    "odd-index": images.odd(images.multi_platform("odd index")),
    "platforms": images.multi_platform("platforms"),
    "docker-platforms": images.multi_platform("docker platforms", docker=True),
    "nested": images.index([images.index([images.image("a"), images.image("b")]), images.image("c")]),
    "attested": images.index([images.image("d"), images.attested(images.image("d"))]),
    "artifact": images.artifact(images.image("subject")),
    "no-layers": images.image("nothing", []),
    "empty-index": images.index([]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_image_arrives_byte_for_byte(both: Embedded, kind: str) -> None:
    image = both.at_source(KINDS[kind], "1.0")
    report = both.run()
    assert not report.failed, report.failed[0].message
    assert both.names() == {"1.0": image.digest}
    for one in image.walk():
        arrived = both.landed().find(one.digest)
        assert arrived
        assert (arrived.raw, arrived.media_type) == (one.raw, one.media_type)
    assert both.broken() == []


def test_a_manifest_above_4_mib_is_refused_with_the_reason(both: Embedded) -> None:
    huge = images.image("huge", annotations={"padding": "x" * MAX_SIZE})
    both.at_source(huge, "huge")
    both.at_source(images.image("small"), "small")
    report = both.run()
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("huge", "invalid_manifest")]
    assert "4,194,304" in report.failed[0].message
    assert set(both.names()) == {"small"}


def test_a_manifest_of_just_4_mib_is_copied(both: Embedded) -> None:
    image = images.image("large", annotations={"padding": ""})
    large = replace(image, raw=image.raw.replace(b'""', b'"' + b"x" * (MAX_SIZE - len(image.raw)) + b'"'))
    both.at_source(large, "large")
    assert not both.run().failed


def test_a_manifest_without_end_is_not_read_to_its_end(both: Embedded) -> None:
    both.at_source(images.image("one"), "1.0")
    sent = []

    def endless(_request: Request, answer: Answer) -> Response:
        sent.append(answer())
        return replace(sent[-1], body=b" " * 50_000_000, stated=False)

    both.source.faults.add(endless, "GET", "/manifests/", times=None)
    report = both.run()
    assert [failure.reason for failure in report.failed] == ["invalid_manifest"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"null", b'{"schemaVersion": 2, "layers": 5}', b"[" * 100_000]
)
def test_what_is_no_manifest_is_not_tagged(plain: Embedded, body: bytes) -> None:
    good = plain.at_source(images.image("good"), "good")
    plain.source.storage.repository(PATH).put(body, good.media_type, "bad")
    report = plain.run()
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("bad", "invalid_manifest")]
    assert plain.names() == {"good": good.digest}


def test_schema_1_is_told_and_stops_nobody(plain: Embedded) -> None:
    raw, media_type = images.schema1("ancient")
    plain.source.storage.repository(PATH).put(raw, media_type, "ancient")
    plain.at_source(images.image("good"), "good")
    report = plain.run()
    assert [failure.tag for failure in report.failed] == ["ancient"]
    assert "Schema 1 manifest not supported" in report.failed[0].message, "GitLab's own words"


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "unstated"])
def test_a_truncated_manifest_is_not_tagged(both: Embedded, stated: bool) -> None:
    image = both.at_source(images.image("one"), "1.0")
    both.source.faults.add(faults.cut(100, stated=stated), "GET", "/manifests/")
    report = both.run()
    if stated:
        assert both.names() == {"1.0": image.digest}, "it was known to be cut, and asked for again"
    else:
        assert [failure.reason for failure in report.failed] == ["digest_mismatch"]
        assert both.names() == {}


def test_manifest_bytes_that_are_wrong_are_never_tagged(both: Embedded) -> None:
    both.at_source(images.image("one"), "1.0")
    both.source.faults.add(faults.wrong_bytes(), "GET", "/manifests/", times=None)
    report = both.run()
    assert [failure.reason for failure in report.failed] == ["digest_mismatch"]
    assert both.names() == {}


def test_a_wrong_digest_header_of_the_source_leads_nowhere(plain: Embedded) -> None:
    plain.at_source(images.image("one"), "1.0")
    plain.source.faults.add(faults.wrong_digest(), "HEAD|GET", "/manifests/1.0", times=None)
    report = plain.run()
    assert report.failed
    assert plain.names() == {}


def test_a_target_that_says_it_keeps_another_digest_is_told(both: Embedded) -> None:
    both.at_source(images.image("one"), "1.0")
    both.target.faults.add(faults.wrong_digest(), "PUT", "/manifests/", times=None)
    report = both.run()
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("1.0", "digest_mismatch")]
    assert not report.copied


@pytest.mark.parametrize("digest", ["", "sha256:short", "md5:" + "0" * 32, "nonsense"])
def test_a_digest_header_that_says_nothing_is_made_up_for(plain: Embedded, digest: str) -> None:
    image = plain.at_source(images.image("one"), "1.0")
    for registry in (plain.source, plain.target):
        registry.faults.add(faults.headers(Docker_Content_Digest=digest), "", "/manifests/", times=None)
    assert not plain.run().failed
    assert plain.names() == {"1.0": image.digest}


def test_a_tag_that_was_deleted_during_the_pass_is_no_failure(both: Embedded) -> None:
    image = both.at_source(images.image("one"), "1.0")
    both.at_source(images.image("two"), "2.0")
    place = both.source.storage.repository(PATH)
    both.source.faults.add(
        faults.call(lambda: place.remove(image.digest)), "GET", f"/manifests/{image.digest}"
    )
    report = both.run()
    assert not report.failed
    assert set(both.names()) == {"2.0"}


def test_a_tag_that_moved_during_the_pass_is_followed(both: Embedded) -> None:
    old = both.at_source(images.image("old"), "1.0", "stays")
    new = images.image("new")
    place = both.source.storage.repository(PATH)

    def move() -> None:
        place.remove(old.digest)
        new.store(place, "1.0")

    both.source.faults.add(faults.call(move), "GET", f"/manifests/{old.digest}")
    report = both.run()
    assert not report.failed
    assert both.names() == {"1.0": new.digest}
    assert [copied.digest for copied in both.of(Copied)] == [new.digest]


def test_children_that_vanished_from_the_target_are_brought_again(both: Embedded) -> None:
    """They are in its list, and gone when their parent arrives."""
    index = images.multi_platform("many")
    first = index.children[0]
    both.at_target(first, "child")
    both.at_source(index, "1.0")

    def vanish() -> None:
        both.landed().remove(first.digest)
        for blob in first.blobs:
            both.landed().unlink(blob.digest)

    both.target.faults.add(faults.call(vanish), "PUT", f"/manifests/{index.children[1].digest}")
    report = both.run()
    assert not report.failed, report.failed[0].message
    assert both.names() == {"1.0": index.digest}
    assert both.broken() == []


def test_a_target_that_never_has_enough_is_asked_twice(both: Embedded) -> None:
    both.at_source(images.image("one"), "1.0")
    never = faults.refuse(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
    both.target.faults.add(never, "PUT", "/manifests/", times=None)
    report = both.run()
    assert [failure.tag for failure in report.failed] == ["1.0"]
    assert both.target.count("PUT", "/manifests/") == 2


def test_a_child_that_the_source_lacks_fails_its_index_only(both: Embedded) -> None:
    index = both.at_source(images.multi_platform("many"), "broken")
    both.at_source(images.image("good"), "good")
    both.source.storage.repository(PATH).remove(index.children[2].digest)
    report = both.run()
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("broken", "not_found")]
    assert set(both.names()) == {"good"}


def test_a_tag_that_may_not_move_is_told(embed: Callable[..., Embedded]) -> None:
    both = embed(None, OciRegistry())
    both.target.rules = replace(both.target.rules, immutable_tags=True)
    both.at_target(images.image("old"), "1.0")
    both.at_source(images.image("new"), "1.0")
    report = both.run()
    assert [failure.tag for failure in report.failed] == ["1.0"]
    assert "immutable" in report.failed[0].message
