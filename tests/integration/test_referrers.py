"""Signatures, SBOMs and attestations arrive with their image, whichever way either registry keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mirror.demo import faults, images
from mirror.demo.distribution import OciRegistry
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.images import Image
from mirror.demo.messages import Response
from mirror.demo.rules import Rules
from mirror.oci.manifest import Manifest
from tests.servers.embedded import PASSWORD, PATH, Embedded

API = Rules()
NO_API = replace(API, referrers=False)
LIES = replace(NO_API, subject=True)


def signed() -> Image:
    """An image with a signature and an SBOM."""
    return images.signed(images.image("one"), "signature", "sbom")


def fallback(both: Embedded, image: Image) -> Manifest | None:
    """The list of referrers under the image's fallback tag at the target."""
    stored = both.landed().find(f"sha256-{image.digest.hex}")
    return stored.manifest if stored else None


def arrived(both: Embedded, image: Image) -> bool:
    """Whether every referrer is at the target."""
    return all(one.digest in both.landed().manifests for one in image.referrers)


def test_referrers_that_gitlabs_list_tells_are_copied_without_a_question(both: Embedded) -> None:
    image = both.at_source(signed(), "1.0")
    report = both.run()
    assert not report.failed, report.failed[0].message
    assert arrived(both, image)
    assert both.source.count("GET", "/referrers/") == 0
    assert both.broken() == []


def test_referrers_are_asked_for_where_there_is_an_api(embed: Callable[..., Embedded]) -> None:
    both = embed(OciRegistry(rules=API))
    image = both.at_source(signed(), "1.0")
    assert not both.run().failed
    assert arrived(both, image)
    assert fallback(both, image) is None, "Google lists referrers by itself"


def test_referrers_of_the_platforms_of_an_index_and_of_referrers_are_found(
    embed: Callable[..., Embedded],
) -> None:
    both = embed(OciRegistry(rules=API))
    index = images.multi_platform("many")
    signature = images.artifact(index.children[1])
    countersigned = images.artifact(signature, "a signature of the signature")
    for one in (index, signature, countersigned):
        both.at_source(one)
    both.at_source(index, "1.0")
    assert not both.run().failed
    assert {signature.digest, countersigned.digest} <= set(both.landed().manifests)


def test_referrers_under_a_fallback_tag_travel_with_it_byte_for_byte(embed: Callable[..., Embedded]) -> None:
    both = embed(GitLabRegistry(users={"mirror": PASSWORD}, database=False))
    image = both.at_source(signed(), "1.0")
    tag, listed = images.fallback(image)
    both.at_source(listed, tag)
    report = both.run(tags={"include": ["1.*"]})
    assert not report.failed
    assert arrived(both, image)
    assert both.names() == {"1.0": image.digest, tag: listed.digest}


@pytest.mark.parametrize("rules", [NO_API, LIES], ids=["says-so", "claims-otherwise"])
def test_a_target_without_the_api_gets_the_fallback_tag(embed: Callable[..., Embedded], rules: Rules) -> None:
    both = embed(None, OciRegistry(rules=rules))
    image = both.at_source(signed(), "1.0")
    assert not both.run().failed
    listed = fallback(both, image)
    assert listed
    assert {child.digest for child in listed.manifests} == {one.digest for one in image.referrers}
    assert {child.artifact_type for child in listed.manifests} == {images.COSIGN}
    assert all(child.annotations for child in listed.manifests)
    assert both.broken() == []


def test_a_fallback_tag_keeps_what_it_had(embed: Callable[..., Embedded]) -> None:
    both = embed(None, OciRegistry(rules=NO_API))
    image = images.image("one")
    ours = images.artifact(image, "made at the target")
    tag, listed = images.fallback(replace(image, referrers=(ours,)))
    both.at_target(image)
    both.at_target(listed, tag)
    both.at_source(images.signed(image, "made at the source"), "1.0")
    assert not both.run().failed
    merged = fallback(both, image)
    assert merged
    assert merged.manifests[0].digest == ours.digest
    assert len(merged.manifests) == 2


def test_a_second_pass_writes_no_fallback_tag_again(embed: Callable[..., Embedded]) -> None:
    both = embed(None, OciRegistry(rules=NO_API))
    both.at_source(signed(), "1.0")
    both.run()
    both.forget()
    assert not both.run().failed
    assert both.target.count("PUT") == 0


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_a_registry_may_say_in_many_ways_that_it_has_no_api(
    embed: Callable[..., Embedded], status: int
) -> None:
    both = embed(None, OciRegistry(rules=NO_API))
    no = faults.refuse(status, "UNSUPPORTED", "no such route")
    both.target.faults.add(no, "GET", "/referrers/", times=None)
    image = both.at_source(signed(), "1.0")
    assert not both.run().failed
    assert fallback(both, image)
    assert both.target.count("GET", "/referrers/") == 1


def test_an_answer_of_another_kind_is_no_api(embed: Callable[..., Embedded]) -> None:
    both = embed(None, OciRegistry(rules=NO_API))
    page = faults.answer_with(Response(200, {"Content-Type": "text/html"}, b"<html>Welcome</html>"))
    both.target.faults.add(page, "GET", "/referrers/", times=None)
    image = both.at_source(signed(), "1.0")
    assert not both.run().failed
    assert fallback(both, image)


def test_a_registry_in_trouble_is_not_taken_for_one_without_the_api(embed: Callable[..., Embedded]) -> None:
    both = embed(None, OciRegistry(rules=API))
    fault = both.target.faults.add(faults.unavailable(), "GET", "/referrers/", times=None)
    image = both.at_source(signed(), "1.0")
    assert both.run().failed
    both.target.faults.remove(fault)
    both.run()
    assert fallback(both, image) is None
    assert "1.0" in both.names()


def test_a_list_of_referrers_without_end_is_left(embed: Callable[..., Embedded]) -> None:
    both = embed(OciRegistry(rules=API))
    both.at_source(signed(), "1.0")
    both.source.faults.add(faults.endless_pages(), "GET", "/referrers/", times=None)
    report = both.run()
    assert [failure.reason for failure in report.failed] == ["unsupported"]


def test_a_signature_that_was_added_later_is_brought_later(both: Embedded) -> None:
    image = both.at_source(images.image("one"), "1.0")
    both.run()
    signature = both.at_source(images.artifact(image))
    report = both.run()
    assert not report.failed
    assert signature.digest in both.landed().manifests
    assert (len(report.copied), report.unchanged) == (0, 1)


def test_a_signature_that_is_listed_but_gone_does_not_keep_its_image_away(both: Embedded) -> None:
    image = both.at_source(signed(), "1.0")
    gone = image.referrers[0].digest
    both.source.faults.add(
        faults.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown"), "GET", f"/manifests/{gone}", times=None
    )
    report = both.run()
    assert not report.failed, report.failed[0].message
    assert both.names() == {"1.0": image.digest}
    assert image.referrers[1].digest in both.landed().manifests


def test_cosigns_tags_travel_though_the_filter_drops_them(both: Embedded) -> None:
    image = both.at_source(images.image("one"), "1.0")
    other = both.at_source(images.image("other"), "dropped")
    for subject in (image, other):
        for kind in ("sig", "att", "sbom"):
            both.at_source(
                images.image(f"{kind} of {subject.digest}"), images.cosign_tag(subject.digest, kind)
            )
    both.run(tags={"include": ["1.*"]})
    expected = {images.cosign_tag(image.digest, kind) for kind in ("sig", "att", "sbom")}
    assert set(both.names()) == {"1.0", *expected}


def test_without_referrers_only_the_image_is_copied(both: Embedded) -> None:
    image = both.at_source(signed(), "1.0")
    both.run(referrers=False)
    assert set(both.landed().manifests) == {image.digest}


def test_an_image_is_tagged_after_its_signatures_are_there(both: Embedded) -> None:
    both.at_source(signed(), "1.0")
    both.run()
    puts = [seen.path.rpartition("/")[2] for seen in both.target.requests if seen.method == "PUT"]
    assert puts[-1] == "1.0"
    assert both.source.storage.find(PATH)
