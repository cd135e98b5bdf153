"""A source that breaks in the middle of a blob, or sends what the blob is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mirror.demo import faults, images
from mirror.demo.distribution import OciRegistry
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.messages import Answer, Effect, Request, Response
from mirror.demo.objects import ObjectStorage
from mirror.oci.blob import CHUNK
from mirror.transport.retry import Policy
from tests.servers.embedded import Embedded

SIZE = 1_000_000
BLOB = images.layer("big", SIZE, "none")
BROKEN = SIZE // 3


@pytest.fixture
def objects(both: Embedded) -> ObjectStorage:
    """Where the source's blobs are; one image with a big layer is at the source."""
    both.at_source(images.image("one", [BLOB]), "1.0")
    assert isinstance(both.source, GitLabRegistry)
    return both.source.objects


def ranges(objects: ObjectStorage) -> list[str]:
    """The Range of each request for the big layer, in order."""
    wanted = [seen for seen in objects.requests if BLOB.digest.hex in seen.path]
    return [seen.headers.get("range", "") for seen in wanted]


def break_big(objects: ObjectStorage, effect: Effect, **when: int | None) -> faults.Fault:
    """Put a fault on the bytes of the big layer."""
    return objects.faults.add(effect, "GET", BLOB.digest.hex, **when)


@pytest.mark.parametrize(
    "effect",
    [
        faults.cut(BROKEN, reset=True),
        faults.cut(BROKEN),
        faults.cut(BROKEN, stated=False),
        faults.cut(BROKEN, reset=True, stated=False),
    ],
    ids=["reset", "truncated", "truncated-unstated", "reset-unstated"],
)
def test_a_broken_blob_is_resumed_where_it_broke_into_the_same_upload(
    both: Embedded, objects: ObjectStorage, effect: Effect
) -> None:
    break_big(objects, effect)
    report = both.run()
    assert not report.failed, report.failed[0].message
    first, again = ranges(objects)
    offset = int(again.removeprefix("bytes=").removesuffix("-"))
    assert first == ""
    assert BROKEN - CHUNK < offset <= BROKEN, "at most the chunk that was being read is read twice"
    assert both.target.count("POST", "/uploads/") == 2, "one session for each blob"
    assert both.target.count("PUT", "/uploads/") == 2
    assert both.broken() == []


def test_every_resumption_asks_the_registry_for_a_fresh_redirect(
    both: Embedded, objects: ObjectStorage
) -> None:
    break_big(objects, faults.cut(BROKEN))
    both.run()
    assert both.source.count("GET", f"/blobs/{BLOB.digest}") == 2
    signatures = [seen.query["Signature"] for seen in objects.requests if BLOB.digest.hex in seen.path]
    assert len(set(signatures)) == 2


def test_every_byte_that_arrives_begins_the_count_of_failures_anew(
    both: Embedded, objects: ObjectStorage
) -> None:
    breaks = 3 * Policy().attempts
    break_big(objects, faults.cut(SIZE // 50), times=breaks)
    report = both.run()
    assert not report.failed
    assert ranges(objects) == ["", *(f"bytes={SIZE // 50 * count}-" for count in range(1, breaks + 1))]
    assert both.broken() == []


def test_a_blob_that_never_arrives_is_given_up_and_not_tagged(both: Embedded, objects: ObjectStorage) -> None:
    break_big(objects, faults.cut(0), times=None)
    report = both.run()
    assert [failure.tag for failure in report.failed] == ["1.0"]
    assert len(ranges(objects)) <= Policy().attempts + 1
    assert both.names() == {}


def test_a_source_without_ranges_is_read_from_the_start_again(both: Embedded, objects: ObjectStorage) -> None:
    def whole(request: Request, _answer: Answer) -> Response:
        headers = {name: value for name, value in request.headers.items() if name != "range"}
        return objects.answer(replace(request, headers=headers))

    break_big(objects, faults.cut(BROKEN))
    break_big(objects, whole, times=None)
    report = both.run()
    assert not report.failed, report.failed[0].message
    assert both.target.count("PUT", "/uploads/") == 2
    assert both.broken() == []


def test_wrong_bytes_are_never_tagged_nor_kept(both: Embedded, objects: ObjectStorage) -> None:
    break_big(objects, faults.wrong_bytes(), times=None)
    report = both.run()
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("1.0", "digest_mismatch")]
    assert both.names() == {}
    assert not both.landed().has(BLOB.digest)
    assert both.target.count("PUT", "/uploads/", 201) == 1, "only the config was completed"


@pytest.mark.parametrize("by", [1, -1, 10_000, -10_000])
def test_a_manifest_that_lies_about_the_size_of_a_layer_is_not_tagged(both: Embedded, by: int) -> None:
    both.at_source(images.misstated(images.image("liar", [BLOB]), by), "liar")
    both.at_source(images.image("honest"), "honest")
    report = both.run()
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("liar", "size_mismatch")]
    assert set(both.names()) == {"honest"}


def test_the_login_does_not_travel_to_the_host_of_the_bytes(both: Embedded, objects: ObjectStorage) -> None:
    both.run()
    assert len(objects.requests) == 2
    assert all("authorization" not in seen.headers for seen in objects.requests)
    asked = [seen for seen in both.source.requests if "/blobs/" in seen.path]
    assert all(seen.headers["authorization"] == "Bearer ***" for seen in asked)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://169.254.169.254/latest/meta-data/", "link-local"),
        ("http://[fe80::1]/", "link-local"),
        ("http://[::ffff:169.254.169.254]/", "link-local"),
        ("http://metadata.google.internal/computeMetadata/v1/", "metadata"),
        ("http://100.100.100.200/latest/", "metadata"),
        ("http://0.0.0.0/", "unspecified"),
        ("http://224.0.0.1/", "multicast"),
        ("file:///etc/passwd", "not an http"),
        ("ftp://127.0.0.1/x", "not an http"),
    ],
)
def test_a_redirect_to_where_no_image_comes_from_is_refused(
    both: Embedded, objects: ObjectStorage, location: str, said: str
) -> None:
    both.source.faults.add(faults.redirect(location), "GET", f"/blobs/{BLOB.digest}", times=None)
    report = both.run()
    ((tag, reason, message),) = [(found.tag, found.reason, found.message) for found in report.failed]
    assert (tag, reason) == ("1.0", "forbidden_address")
    assert said in message
    assert both.source.count("GET", f"/blobs/{BLOB.digest}") == 1


def test_redirects_in_a_circle_end(both: Embedded, objects: ObjectStorage) -> None:
    circle = faults.redirect("{path}")
    both.source.faults.add(circle, "GET", f"/blobs/{BLOB.digest}", times=None)
    report = both.run()
    assert [failure.reason for failure in report.failed] == ["unsupported"]
    assert both.source.count("GET", f"/blobs/{BLOB.digest}") <= 6


def test_a_blob_that_is_gone_at_the_source_fails_its_own_tags_only(embed: Callable[..., Embedded]) -> None:
    both = embed(OciRegistry())
    lost = images.layer("lost")
    for tag in ("a", "b", "c"):
        both.at_source(images.image(tag, [lost, images.layer(tag)]), tag)
    both.at_source(images.image("whole"), "whole")
    both.source.storage.repository("acme/app").unlink(lost.digest)
    report = both.run()
    assert sorted(failure.tag for failure in report.failed) == ["a", "b", "c"]
    assert {failure.reason for failure in report.failed} == {"not_found"}
    assert set(both.names()) == {"whole"}
    assert both.source.count("GET", str(lost.digest)) <= 3
