"""Every metric is made of events and of the standing, is documented, and stays small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mirror import events
from mirror.service.metrics import Metrics, reasons
from mirror.service.standing import FREEZES, Mirror, Registry, Standing, Trouble

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
NOW = 1000.0
STANDING = Standing(
    now=NOW,
    registries=(
        Registry("registry.gitlab.com", "gitlab", trouble=Trouble(900.0, "unreachable", "refused")),
        Registry("eu.gcr.io", "google", credential_expiry=5000.0, contacted=True),
        Registry("harbor.example"),
    ),
    mirrors=(
        Mirror(
            "shop",
            "registry.gitlab.com",
            "eu.gcr.io",
            tags={"in_sync": 7, "pending": 1, "failed": 2, "dead": 3},
            lag=12.5,
            frozen=Trouble(900.0, "source_down", "refused"),
            queue=4,
            in_flight=2,
            last_success=800.0,
        ),
        Mirror("base", "registry.gitlab.com", "eu.gcr.io"),
    ),
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3", lambda: STANDING)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"gcr_mirror_{name}", labels)


def copied(size: int = 100, seconds: float = 2.0) -> events.Copied:
    return events.Copied("shop", "acme/api", "1", "s/acme/api:1", "t/acme/api:1", "sha256:0", size, seconds)


def failed(reason: str) -> events.Failed:
    return events.Failed("shop", "acme/api", "1", "s/acme/api:1", reason, "no", temporary=True)


def test_the_page_lists_every_metric_with_its_type_and_labels_and_no_other(metrics: Metrics) -> None:
    row = re.compile(r"^\| `(gcr_mirror_\w+)` \| (\w+) \|([^|]*)\| \S", re.MULTILINE)
    page = {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in row.findall(PAGE.read_text())
    }
    assert page == _described(metrics)


def _described(metrics: Metrics) -> dict[str, tuple[str, tuple[str, ...]]]:
    _fill(metrics)
    found = {}
    for family in metrics.registry.collect():
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        if family.name.startswith("gcr_mirror_"):
            name = family.name + ("_total" if family.type == "counter" else "")
            found[name] = (family.type, _ordered(labels))
    return found


def _ordered(labels: set[str]) -> tuple[str, ...]:
    order = ["mirror", "registry", "state", "result", "method", "reason", "outcome", "code", "version"]
    return tuple(name for name in order if name in labels)


def _fill(metrics: Metrics) -> None:
    metrics.observe(events.Requested("eu.gcr.io", "GET", 200, 0.2))
    metrics.observe(events.Retried("eu.gcr.io", "timeout", 1.0))
    metrics.observe(events.Throttled("eu.gcr.io", 1.5))
    metrics.observe(events.Settled("shop", "acme/api", "sha256:0", 10, "mounted"))
    metrics.observe(copied())
    metrics.observe(failed("denied"))
    metrics.passed("shop", "partial", 30.0)


def test_each_event_counts_in_its_metric(metrics: Metrics) -> None:
    _fill(metrics)
    _fill(metrics)
    request = {"registry": "eu.gcr.io", "method": "GET"}
    assert value(metrics, "registry_requests_total", **request, code="200") == 2
    assert value(metrics, "registry_request_duration_seconds_sum", **request) == pytest.approx(0.4)
    assert value(metrics, "retries_total", registry="eu.gcr.io", reason="timeout") == 2
    assert value(metrics, "throttled_seconds_total", registry="eu.gcr.io") == 3.0
    assert value(metrics, "blobs_total", mirror="shop", outcome="mounted") == 2
    assert value(metrics, "images_copied_total", mirror="shop") == 2
    assert value(metrics, "bytes_copied_total", mirror="shop") == 200
    assert value(metrics, "copy_duration_seconds_count", mirror="shop") == 2
    assert value(metrics, "copy_failures_total", mirror="shop", reason="denied") == 2
    assert value(metrics, "passes_total", mirror="shop", result="partial") == 2
    assert value(metrics, "pass_duration_seconds_sum", mirror="shop") == 60.0


def test_events_without_a_metric_are_ignored(metrics: Metrics) -> None:
    before = metrics.exposition()
    metrics.observe(events.Moved("sha256:0", 5, 5, 5))
    assert _without_process(metrics.exposition()) == _without_process(before)


def _without_process(text: bytes) -> list[bytes]:
    return [line for line in text.splitlines() if b"process_" not in line]


def test_gauges_are_read_from_the_standing_at_the_scrape(metrics: Metrics) -> None:
    assert value(metrics, "tags", mirror="shop", state="dead") == 3
    assert value(metrics, "tags", mirror="base", state="in_sync") == 0
    assert value(metrics, "lag_seconds", mirror="shop") == 12.5
    assert value(metrics, "queue_depth", mirror="shop") == 4
    assert value(metrics, "copies_in_flight", mirror="shop") == 2
    assert value(metrics, "last_success_timestamp_seconds", mirror="shop") == 800
    assert value(metrics, "last_success_timestamp_seconds", mirror="base") is None, "there was none"
    assert value(metrics, "registry_up", registry="registry.gitlab.com") == 0
    assert value(metrics, "registry_up", registry="eu.gcr.io") == 1
    assert value(metrics, "registry_up", registry="harbor.example") is None, "nobody knows yet"
    assert value(metrics, "credential_expiry_timestamp_seconds", registry="eu.gcr.io") == 5000


def test_a_frozen_mirror_shows_one_reason_and_zero_for_the_others(metrics: Metrics) -> None:
    shown = {reason: value(metrics, "frozen", mirror="shop", reason=reason) for reason in FREEZES}
    assert shown == {reason: int(reason == "source_down") for reason in FREEZES}


def test_a_failed_reload_shows_until_one_succeeds(metrics: Metrics) -> None:
    assert value(metrics, "config_reload_success") == 1
    metrics.reloaded(success=False)
    assert value(metrics, "config_reload_success") == 0
    metrics.reloaded(success=True)
    assert value(metrics, "config_reload_success") == 1


def test_what_an_alert_looks_at_begins_at_zero(metrics: Metrics) -> None:
    metrics.know("shop")
    assert value(metrics, "copy_failures_total", mirror="shop", reason="digest_mismatch") == 0


def test_the_version_is_a_label(metrics: Metrics) -> None:
    assert value(metrics, "build_info", version="1.2.3") == 1


def test_words_from_outside_are_mapped_to_a_closed_set(metrics: Metrics) -> None:
    for number in range(100):
        metrics.observe(failed(f"odd {number}"))
        metrics.observe(events.Retried("eu.gcr.io", f"odd {number}", 0.1))
        metrics.observe(events.Requested("eu.gcr.io", f"ODD{number}", -number, 0.1))
    assert value(metrics, "copy_failures_total", mirror="shop", reason="other") == 100
    assert value(metrics, "retries_total", registry="eu.gcr.io", reason="other") == 100
    assert value(metrics, "registry_requests_total", registry="eu.gcr.io", method="other", code="none") == 100


def test_a_thousand_images_make_no_more_series_than_one(metrics: Metrics) -> None:
    metrics.observe(copied())
    before = len(metrics.exposition().splitlines())
    for number in range(1000):
        metrics.observe(
            events.Copied("shop", f"r{number}", f"t{number}", "s", "t", f"sha256:{number}", 1, 1.0)
        )
    assert len(metrics.exposition().splitlines()) == before


def test_the_reasons_are_those_of_the_error_tree() -> None:
    assert {"denied", "unauthorized", "digest_mismatch", "circuit_open", "rate_limited"} <= reasons()


def test_two_of_them_live_in_one_process_without_meeting() -> None:
    first, second = Metrics("1", lambda: STANDING), Metrics("2", lambda: STANDING)
    first.observe(copied())
    assert value(second, "images_copied_total", mirror="shop") is None


def test_what_is_served_parses_as_the_text_format(metrics: Metrics) -> None:
    _fill(metrics)
    families = list(text_string_to_metric_families(metrics.exposition().decode()))
    assert {family.name for family in families} >= {"gcr_mirror_passes", "process_resident_memory_bytes"}
