"""Passes that are broken off anywhere, tags that moved, filters of platforms: the target is never left half done."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mirror.demo import faults, images
from mirror.demo.distribution import OciRegistry
from mirror.demo.images import Image
from mirror.transport.retry import Policy
from tests.servers.embedded import PATH, Embedded

ONCE = Policy(attempts=1, attempts_to_connect=1, attempts_when_limited=1, first=0.0, longest=0.0)


def gallery(both: Embedded) -> dict[str, Image]:
    """An image of each kind; their tags."""
    shared = images.layer("shared")
    found = {
        "one": images.image("one", [shared, images.layer("own")]),
        "many": images.signed(images.multi_platform("many")),
        "nested": images.index([images.index([images.image("inner", [shared])]), images.image("outer")]),
    }
    for tag, image in found.items():
        both.at_source(image, tag)
    return found


@pytest.mark.parametrize("target", [None, OciRegistry], ids=["google", "plain"])
@pytest.mark.parametrize("after", range(2, 50, 6))
def test_wherever_a_pass_breaks_off_no_tag_leads_to_anything_incomplete(
    embed: Callable[..., Embedded], target: type[OciRegistry] | None, after: int
) -> None:
    both = embed(None, target() if target else None, policy=ONCE)
    found = gallery(both)
    fault = both.target.faults.add(faults.reset(), skip=after, times=None)
    both.run()
    assert both.target.faults.happened(fault) > 0, "the pass was over before"
    assert both.broken() == []
    both.target.faults.clear()
    report = both.run()
    assert not report.failed, report.failed[0].message
    assert {tag: both.names()[tag] for tag in found} == {
        tag: str(image.digest) for tag, image in found.items()
    }
    assert both.broken() == []


@pytest.mark.parametrize("after", range(1, 32, 6))
def test_wherever_the_source_breaks_off_no_tag_leads_to_anything_incomplete(
    embed: Callable[..., Embedded], after: int
) -> None:
    both = embed(policy=ONCE)
    gallery(both)
    both.source.faults.add(faults.reset(), skip=after, times=None)
    both.run()
    assert both.broken() == []
    both.source.faults.clear()
    assert not both.run().failed
    assert both.broken() == []


def test_one_tag_that_fails_stops_no_other(both: Embedded) -> None:
    broken = [images.image(f"broken {number}") for number in range(5)]
    for number, image in enumerate(broken):
        both.at_source(image, f"broken{number}")
        both.source.faults.add(
            faults.refuse(403, "DENIED", "not this one"), "GET", f"/manifests/{image.digest}", times=None
        )
    for number in range(20):
        both.at_source(images.image(f"good {number}"), f"good{number}")
    report = both.run()
    assert sorted(failure.tag for failure in report.failed) == [f"broken{number}" for number in range(5)]
    assert len(report.copied) == 20
    assert both.broken() == []


def test_a_repository_that_cannot_be_written_stops_no_other(both: Embedded) -> None:
    for path in (PATH, "acme/other"):
        both.at_source(images.image(path), "1.0", path=path)
    both.target.faults.add(faults.refuse(403, "DENIED", "no"), "POST|PUT", f"{PATH}/", times=None)
    report = both.run(PATH, "acme/other")
    assert [(failure.repository, failure.tag) for failure in report.failed] == [(PATH, "1.0")]
    assert [copied.repository for copied in report.copied] == ["acme/other"]


def moved(both: Embedded, rule: str) -> tuple[Image, Image]:
    """Copy a tag, move it at the source, and copy again by the rule: what it named before and now."""
    old = both.at_source(images.image("old"), "1.0")
    both.run()
    new = both.at_source(images.multi_platform("new"), "1.0")
    both.forget()
    both.run(on_moved_tag=rule)
    return old, new


def test_a_moved_tag_is_overwritten_by_default(both: Embedded) -> None:
    _, new = moved(both, "overwrite")
    assert both.names() == {"1.0": new.digest}


def test_a_moved_tag_is_kept_when_the_rule_says_so_and_nothing_is_sent(both: Embedded) -> None:
    old, _ = moved(both, "keep")
    assert both.names() == {"1.0": old.digest}
    assert both.target.count("PUT|POST") == 0
    assert [kept.tag for kept in both.report.kept] == ["1.0"]


def test_a_moved_tag_is_backed_up_before_it_is_overwritten(both: Embedded) -> None:
    old, new = moved(both, "backup")
    backup = f"1.0-before-{old.digest.short}"
    assert both.names() == {"1.0": new.digest, backup: old.digest}
    tagged = [seen.path.rpartition("/")[2] for seen in both.target.requests if seen.method == "PUT"]
    assert tagged[-2:] == [backup, "1.0"]


def test_a_tag_that_cannot_be_backed_up_is_not_overwritten(both: Embedded) -> None:
    old = both.at_source(images.image("old"), "1.0")
    both.run()
    both.at_source(images.image("new"), "1.0")
    both.target.faults.add(faults.refuse(403), "PUT", "/manifests/1.0-before-", times=None)
    report = both.run(on_moved_tag="backup")
    assert [failure.tag for failure in report.failed] == ["1.0"]
    assert both.names() == {"1.0": old.digest}


def test_a_backup_is_made_once(both: Embedded) -> None:
    moved(both, "backup")
    both.forget()
    both.run(on_moved_tag="backup")
    assert both.target.count("PUT") == 0


def test_a_platform_filter_makes_an_index_of_its_own_and_is_stable(both: Embedded) -> None:
    index = both.at_source(images.multi_platform("many"), "1.0")
    rule = {"platforms": ["linux/amd64", "linux/arm/v7"]}
    (copied,) = both.run(**rule).copied
    stored = both.landed().find("1.0")
    assert stored
    assert stored.manifest
    assert [str(child.platform) for child in stored.manifest.manifests] == rule["platforms"]
    assert copied.digest == stored.digest != index.digest
    (unchanged,) = both.run(**rule).in_step
    assert unchanged.digests == {"1.0": stored.digest}, "what the target has, so that it can be verified"
    assert both.broken() == []


def test_an_image_of_one_platform_is_copied_whatever_the_filter_says(both: Embedded) -> None:
    image = both.at_source(images.image("arm", platform="linux/arm64"), "1.0")
    both.run(platforms=["linux/amd64"])
    assert both.names() == {"1.0": image.digest}


def test_an_index_without_any_of_the_platforms_fails_its_tag_only(both: Embedded) -> None:
    both.at_source(images.multi_platform("many"), "many")
    both.at_source(images.image("one"), "one")
    report = both.run(platforms=["windows/amd64"])
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("many", "invalid_manifest")]
    assert "windows/amd64" in report.failed[0].message
    assert set(both.names()) == {"one"}


def test_an_index_that_cannot_be_read_does_not_end_a_pass_with_a_filter(both: Embedded) -> None:
    lost = both.at_source(images.multi_platform("lost"), "lost")
    both.at_source(images.image("one"), "one")
    both.source.faults.add(faults.refuse(403), "GET", f"/manifests/{lost.digest}", times=None)
    report = both.run(platforms=["linux/amd64"])
    assert [failure.tag for failure in report.failed] == ["lost"]
    assert set(both.names()) == {"one"}
