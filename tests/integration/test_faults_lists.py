"""Lists that have no end, end early, lead elsewhere, or are no lists."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from mirror.demo import faults, images
from mirror.demo.distribution import OciRegistry
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.messages import Answer, Effect, Request, Response, json_answer
from mirror.oci import listing
from tests.servers.embedded import PASSWORD, PATH, Embedded

LISTS = [("source", "/gitlab/v1/.*/tags/list/"), ("target", "/tags/list")]


@pytest.fixture
def filled(both: Embedded) -> Embedded:
    """Something at both sides, so that both have a list."""
    both.at_source(images.image("one"), "1.0")
    both.at_target(images.image("other"), "other")
    return both


def ever_new_pages() -> Effect:
    """A list whose next page is always another."""
    numbers = itertools.count()

    def effect(_request: Request, answer: Answer) -> Response:
        return answer().having(Link=f'<?last=x{next(numbers)}>; rel="next"')

    return effect


@pytest.mark.parametrize(("side", "path"), LISTS)
def test_a_list_that_leads_back_to_itself_ends(filled: Embedded, side: str, path: str) -> None:
    place = getattr(filled, side)
    place.faults.add(faults.endless_pages(), "GET", path, times=None)
    report = filled.run()
    assert [(failure.repository, failure.reason) for failure in report.failed] == [(PATH, "unsupported")]
    assert "without end" in report.failed[0].message
    assert place.count("GET", path) == 1, "the second page would be the first again"


@pytest.mark.parametrize(("side", "path"), LISTS)
def test_a_list_with_ever_new_pages_ends(
    filled: Embedded, side: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_PAGES", 20)
    place = getattr(filled, side)
    place.faults.add(ever_new_pages(), "GET", path, times=None)
    report = filled.run()
    assert [failure.reason for failure in report.failed] == ["unsupported"]
    assert place.count("GET", path) == 20


@pytest.mark.parametrize(("side", "path"), LISTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_next_page_of_a_list_is_not_asked_of_another_host(
    filled: Embedded, side: str, path: str, scheme: str
) -> None:
    with OciRegistry() as other:
        place = getattr(filled, side)
        link = faults.endless_pages(f"{scheme}://{other.host}/v2/x/tags/list")
        place.faults.add(link, "GET", path, times=None)
        report = filled.run()
        assert other.connections == 0
    assert [failure.reason for failure in report.failed] == ["unsupported"]
    assert "another host" in report.failed[0].message


@pytest.mark.parametrize("side", ["source", "target"])
def test_null_is_an_empty_list(embed: Callable[..., Embedded], side: str) -> None:
    both = embed(GitLabRegistry(users={"mirror": PASSWORD}, database=False))
    both.at_source(images.image("one"), "1.0")
    getattr(both, side).faults.add(faults.null_tags(), "GET", "^/v2/.*/tags/list", times=None)
    report = both.run()
    assert not report.failed
    assert len(report.copied) == (0 if side == "source" else 1)


def test_a_list_that_ends_early_changes_nothing_at_the_target(
    both: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 10)
    both.at_source(images.image("one"), *(f"v{number:02}" for number in range(15)))
    assert len(both.run().copied) == 15
    both.source.faults.add(faults.last_page(), "GET", "/tags/list", times=None)
    report = both.run()
    assert (report.unchanged, report.failed) == (10, [])
    assert len(both.names()) == 15


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Please log in</html>",
        b'"a string"',
        b"[[]]" * 2,
        b'{"tags": {"a": 1}',
        b"",
    ],
)
@pytest.mark.parametrize(("side", "path"), LISTS)
def test_what_is_no_list_fails_its_repository_only(both: Embedded, side: str, path: str, body: bytes) -> None:
    for name in (PATH, "acme/good"):
        both.at_source(images.image(name), "1.0", path=name)
        both.at_target(images.image("other"), "other", path=name)
    no_list = faults.answer_with(Response(200, {"Content-Type": "application/json"}, body))
    getattr(both, side).faults.add(no_list, "GET", path.replace("/tags", f"{PATH}/tags"), times=None)
    report = both.run(PATH, "acme/good")
    assert [(failure.repository, failure.reason) for failure in report.failed] == [(PATH, "unsupported")]
    assert [copied.repository for copied in report.copied] == ["acme/good"]


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "1.0"},
        {"digest": "sha256:" + "0" * 64},
        {"name": "1.0", "digest": None},
        {"name": "1.0", "digest": "sha256:short"},
        {"name": "1.0", "digest": "sha256:" + "0" * 64, "published_at": "yesterday"},
        {"name": "1.0", "digest": "sha256:" + "0" * 64, "size_bytes": "many"},
        {"name": "1.0", "digest": "sha256:" + "0" * 64, "referrers": [{"artifactType": "x"}]},
        {"name": "1.0", "digest": "sha256:" + "0" * 64, "referrers": "none"},
    ],
    ids=str,
)
def test_an_entry_of_gitlabs_list_that_cannot_be_read_fails_its_repository_only(
    both: Embedded, entry: dict[str, Any]
) -> None:
    both.at_source(images.image("good"), "1.0", path="acme/good")
    both.source.faults.add(faults.answer_with(json_answer([entry])), "GET", f"/{PATH}/tags/list/", times=None)
    report = both.run(PATH, "acme/good")
    assert [failure.repository for failure in report.failed] == [PATH]
    assert [copied.repository for copied in report.copied] == ["acme/good"]


@pytest.mark.parametrize(
    "state",
    [
        {"manifest": {"sha256:short": {}}},
        {"manifest": {"sha256:" + "0" * 64: "nothing"}},
        {"manifest": {"sha256:" + "0" * 64: {"tag": ["1.0"], "timeUploadedMs": "soon"}}},
        {"manifest": {"sha256:" + "0" * 64: {"tag": ["1.0"], "imageSizeBytes": "big"}}},
        {"manifest": ["sha256:" + "0" * 64]},
        {"tags": 5},
    ],
    ids=str,
)
def test_an_entry_of_googles_list_that_cannot_be_read_fails_its_repository_only(
    both: Embedded, state: dict[str, Any]
) -> None:
    for name in (PATH, "acme/good"):
        both.at_source(images.image(name), "1.0", path=name)
    both.target.faults.add(faults.answer_with(json_answer(state)), "GET", f"/{PATH}/tags/list", times=None)
    report = both.run(PATH, "acme/good")
    assert [failure.repository for failure in report.failed] == [PATH]
    assert [copied.repository for copied in report.copied] == ["acme/good"]


def test_a_repository_that_the_source_does_not_have_is_told(both: Embedded) -> None:
    both.at_source(images.image("one"), "1.0")
    report = both.run("acme/missing", PATH)
    assert [(failure.repository, failure.reason) for failure in report.failed] == [
        ("acme/missing", "not_found")
    ]
    assert "there is no such repository" in report.failed[0].message
    assert len(report.copied) == 1


def test_a_tag_that_the_list_of_google_leaves_out_is_written_again_and_nothing_else(both: Embedded) -> None:
    image = images.image("one")
    both.at_source(image, "1.0")
    both.run()
    both.forget()
    both.target.faults.add(faults.answer_with(json_answer({"tags": [], "manifest": {}})), "GET", "/tags/list")
    report = both.run()
    assert not report.failed
    assert both.target.count("PUT", "/uploads/") == 0
    assert both.names() == {"1.0": image.digest}
