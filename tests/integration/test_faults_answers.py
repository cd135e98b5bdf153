"""Answers that say "later", or no answer at all: each exchange of a pass is tried again, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mirror.demo import faults, images
from mirror.demo.messages import Effect
from mirror.events import Retried
from mirror.transport.retry import Policy
from tests.servers.embedded import Embedded

# Every kind of request that a pass sends, by side.
EXCHANGES = [
    ("source", "GET", r"^/v2/$"),
    ("source", "GET", "/jwt/auth"),
    ("source", "GET", "/gitlab/v1/"),
    ("source", "GET", "/manifests/"),
    ("source", "GET", "/blobs/"),
    ("target", "GET", r"^/v2/$"),
    ("target", "GET", "/v2/token"),
    ("target", "GET", "/tags/list"),
    ("target", "HEAD", "/blobs/"),
    ("target", "POST", "/blobs/uploads/"),
    ("target", "PUT", "/uploads/"),
    ("target", "PUT", "/manifests/"),
]
TROUBLES = {
    "429": faults.too_many(),
    "429-later": faults.too_many("3"),
    "500": faults.unavailable(500),
    "503-later": faults.unavailable(503, retry_after="2"),
    "reset": faults.reset(),
}


def filled(both: Embedded) -> Embedded:
    """Something to copy, and something at the target, so that each kind of request is sent."""
    both.at_target(images.image("other"), "other")
    both.at_source(images.image("one"), "1.0")
    return both


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize(("side", "method", "path"), EXCHANGES)
def test_a_burst_of_trouble_is_survived(
    both: Embedded, side: str, method: str, path: str, trouble: str
) -> None:
    place = getattr(filled(both), side)
    fault = place.faults.add(TROUBLES[trouble], method, path, times=2)
    report = both.run()
    assert place.faults.happened(fault) == 2
    assert not report.failed, report.failed[0].message
    assert "1.0" in both.names()
    assert both.broken() == []


def test_a_wait_that_is_asked_for_in_seconds_is_kept(both: Embedded) -> None:
    filled(both).source.faults.add(faults.too_many("7"), "GET", "/manifests/")
    both.run()
    assert [(event.reason, event.delay) for event in both.of(Retried)] == [("rate_limited", 7.0)]
    assert 7.0 in both.clock.waits


def test_a_wait_that_is_asked_for_as_a_date_is_kept(both: Embedded) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    filled(both).target.faults.add(faults.too_many(later), "PUT", "/manifests/")
    both.run()
    (retried,) = both.of(Retried)
    assert 80 < retried.delay <= 90


def test_nobody_waits_for_days_because_a_registry_says_so(both: Embedded) -> None:
    filled(both).source.faults.add(faults.too_many("864000"), "GET", "/manifests/")
    report = both.run()
    assert not report.failed
    assert sum(both.clock.waits) <= 2 * Policy().longest_asked, "the pause of the gate, and that of the retry"


def test_a_pause_holds_for_everyone_who_asks_the_registry(both: Embedded) -> None:
    for number in range(20):
        both.at_source(images.image(f"{number}"), f"{number}")
    both.source.faults.add(faults.too_many("5"), "GET", "/manifests/")
    report = both.run()
    assert not report.failed
    assert both.source.count("GET", "/manifests/", 429) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 418])
def test_what_will_not_change_is_not_asked_again(both: Embedded, status: int) -> None:
    both.at_source(images.image("one"), "1.0")
    both.source.faults.add(faults.refuse(status, "UNKNOWN", "no"), "GET", "/manifests/", times=None)
    report = both.run()
    assert both.source.count("GET", "/manifests/") == 1
    assert [failure.tag for failure in report.failed] == ["1.0"]
    assert not both.of(Retried)


@pytest.mark.parametrize(
    ("effect", "most"),
    [
        (faults.unavailable(503), Policy().attempts),
        (faults.too_many(), Policy().attempts_when_limited),
        (faults.reset(), Policy().attempts),
    ],
    ids=["503", "429", "reset"],
)
@pytest.mark.parametrize(("side", "method", "path"), [e for e in EXCHANGES if e[1:] != ("GET", "/blobs/")])
def test_trouble_without_end_ends_in_a_failure(
    both: Embedded, side: str, method: str, path: str, effect: Effect, most: int
) -> None:
    place = getattr(filled(both), side)
    place.faults.add(effect, method, path, times=None)
    report = both.run()
    assert report.failed
    assert "1.0" not in both.names()
    assert place.count(method, path) <= 3 * most, "three blobs are sent side by side"


@pytest.mark.parametrize("effect", [faults.unavailable(503), faults.reset()], ids=["503", "reset"])
def test_a_blob_that_cannot_be_opened_is_not_asked_for_again_and_again(
    both: Embedded, effect: Effect
) -> None:
    blob = images.layer("broken")
    both.at_source(images.image("one", [blob]), "1.0")
    both.source.faults.add(effect, "GET", f"/blobs/{blob.digest}", times=None)
    report = both.run()
    assert [failure.tag for failure in report.failed] == ["1.0"]
    assert both.source.count("GET", f"/blobs/{blob.digest}") <= Policy().attempts


def test_a_registry_that_answers_only_a_few_at_a_time_gets_no_more(embed: Callable[..., Embedded]) -> None:
    both = embed(policy=Policy(first=0.01, longest=0.02, attempts_when_limited=50))
    for number in range(30):
        both.at_source(images.image(f"{number}", 1), f"{number}")
    both.source.faults.add(faults.crowded(4), "GET", "/manifests/", times=None)
    report = both.run()
    assert not report.failed
    assert len(report.copied) == 30
    refused = both.source.count("GET", "/manifests/", 429)
    assert refused <= 60, "a client that does not yield is refused about five times for each image"
