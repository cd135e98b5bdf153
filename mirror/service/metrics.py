"""Metrics: every Prometheus metric of the program; the names are a contract (docs/reference/metrics.md).

Counters and histograms grow by events. Gauges are read from the standing at the moment of a scrape, so that a
lag grows even while nothing happens. No label grows with the number of images: repositories, tags and digests
are never labels, and words from outside are mapped to a closed set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mirror import errors, events
from mirror.service.standing import FREEZES, PROGRESS, Mirror, Standing
from mirror.state.attempts import NOT_THE_IMAGES_FAULT

_ALARMING = (errors.DigestMismatch.reason, errors.SizeMismatch.reason)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_REQUEST_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_COPY_SECONDS = (0.5, 1, 2.5, 5, 10, 30, 60, 180, 600, 1800, 7200)
_PASS_SECONDS = (1, 5, 15, 60, 180, 600, 1800, 7200, 43200)


class Metrics:
    """The metrics of one process, in a registry of their own. `observe` is the listener."""

    def __init__(self, version: str, standing: Callable[[], Standing]) -> None:
        """`standing` is asked at every scrape."""
        self.registry = CollectorRegistry()
        self._reasons = reasons()
        ProcessCollector(registry=self.registry)
        self._gauge("build_info", "Always 1; says which version runs", "version").labels(version).set(1)
        self._reload = self._gauge(
            "config_reload_success", "1 when the configuration that was last read is in force, else 0"
        )
        self._reload.set(1)
        self._passes()
        self._copies()
        self._requests()
        self.registry.register(_Gauges(standing))

    def exposition(self) -> bytes:
        """What /metrics answers, in the text format."""
        return generate_latest(self.registry)

    def observe(self, event: events.Event) -> None:
        """Count one event; those that no metric is made of are ignored."""
        listener = self._listeners.get(type(event))
        if listener is not None:
            listener(event)

    def know(self, mirror: str) -> None:
        """Begin the counters that alerts look at: one that first shows as 1 has not increased."""
        for reason in _ALARMING:
            self._failures.labels(mirror, reason)

    def passed(self, mirror: str, result: str, seconds: float) -> None:
        """A pass of a mirror ended."""
        self._passes_total.labels(mirror, result).inc()
        self._pass_seconds.labels(mirror).observe(seconds)

    def reloaded(self, success: bool) -> None:
        """The configuration was read again."""
        self._reload.set(int(success))

    @property
    def _listeners(self) -> dict[type, Callable[[Any], None]]:
        return {
            events.Requested: self._on_requested,
            events.Retried: self._on_retried,
            events.Throttled: self._on_throttled,
            events.Settled: self._on_settled,
            events.Copied: self._on_copied,
            events.Failed: self._on_failed,
        }

    def _on_requested(self, event: events.Requested) -> None:
        method = event.method if event.method in _METHODS else "other"
        code = str(event.status) if 100 <= event.status < 600 else "none"
        self._requests_total.labels(event.registry, method, code).inc()
        self._request_seconds.labels(event.registry, method).observe(event.seconds)

    def _on_retried(self, event: events.Retried) -> None:
        self._retries.labels(event.registry, self._known(event.reason)).inc()

    def _on_throttled(self, event: events.Throttled) -> None:
        self._throttled.labels(event.registry).inc(event.seconds)

    def _on_settled(self, event: events.Settled) -> None:
        self._blobs.labels(event.mirror, event.outcome).inc()

    def _on_copied(self, event: events.Copied) -> None:
        self._copied.labels(event.mirror).inc()
        self._bytes.labels(event.mirror).inc(event.size)
        self._copy_seconds.labels(event.mirror).observe(event.seconds)

    def _on_failed(self, event: events.Failed) -> None:
        # What an outage interrupts is not a failure: it goes on afterwards, and the mirror shows as frozen.
        if event.reason not in NOT_THE_IMAGES_FAULT:
            self._failures.labels(event.mirror, self._known(event.reason)).inc()

    def _known(self, reason: str) -> str:
        return reason if reason in self._reasons else "other"

    def _passes(self) -> None:
        self._passes_total = self._counter(
            "passes", "Passes that ended: ok, partial, failed, frozen, stopped", "mirror", "result"
        )
        self._pass_seconds = self._histogram(
            "pass_duration_seconds", "How long passes took", _PASS_SECONDS, "mirror"
        )

    def _copies(self) -> None:
        self._copied = self._counter("images_copied", "Images copied", "mirror")
        self._copy_seconds = self._histogram(
            "copy_duration_seconds", "How long images took", _COPY_SECONDS, "mirror"
        )
        self._failures = self._counter(
            "copy_failures", "Tags, repositories or passes that failed", "mirror", "reason"
        )
        self._bytes = self._counter("bytes_copied", "Bytes sent to the target, manifests included", "mirror")
        self._blobs = self._counter(
            "blobs", "Blobs by how they came to the target: copied, mounted, present", "mirror", "outcome"
        )

    def _requests(self) -> None:
        self._requests_total = self._counter(
            "registry_requests", "HTTP requests; code none: no answer", "registry", "method", "code"
        )
        self._request_seconds = self._histogram(
            "registry_request_duration_seconds", "How long they took", _REQUEST_SECONDS, "registry", "method"
        )
        self._retries = self._counter("retries", "Requests tried again", "registry", "reason")
        self._throttled = self._counter(
            "throttled_seconds", "Time that requests waited for their turn", "registry"
        )

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"gcr_mirror_{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"gcr_mirror_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"gcr_mirror_{name}", text, labels, buckets=buckets, registry=self.registry)


def reasons() -> frozenset[str]:
    """Every value that the label `reason` of failures and retries may take, beside `other`."""
    found, waiting = set(), [errors.MirrorError]
    while waiting:
        kind = waiting.pop()
        found.add(kind.reason)
        waiting += kind.__subclasses__()
    return frozenset(found)


class _Gauges(Collector):
    """What is read from the standing at a scrape."""

    def __init__(self, standing: Callable[[], Standing]) -> None:
        self._standing = standing

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, without asking for the standing; so the registry can refuse duplicates."""
        return iter(_families(Standing(now=0)))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return iter(_families(self._standing()))


def _families(standing: Standing) -> list[GaugeMetricFamily]:
    mirrors, registries = standing.mirrors, standing.registries
    tags = _family("tags", "Wanted tags by where they stand", "mirror", "state")
    frozen = _family("frozen", "1 while nothing is changed at the target, and why", "mirror", "reason")
    for mirror in mirrors:
        for progress in PROGRESS:
            tags.add_metric([mirror.name, progress], mirror.tags.get(progress, 0))
        for reason in FREEZES:
            now = mirror.frozen is not None and mirror.frozen.reason == reason
            frozen.add_metric([mirror.name, reason], int(now))
    up = _family(
        "registry_up", "1 when the registry answers, 0 when it is down or refuses the login", "registry"
    )
    expiry = _family("credential_expiry_timestamp_seconds", "When the credential expires", "registry")
    for registry in registries:
        if registry.up is not None:
            up.add_metric([registry.host], int(registry.up))
        if registry.credential_expiry is not None:
            expiry.add_metric([registry.host], registry.credential_expiry)
    return [tags, frozen, up, expiry, *_by_mirror(mirrors)]


def _by_mirror(mirrors: tuple[Mirror, ...]) -> list[GaugeMetricFamily]:
    lag = _family("lag_seconds", "Age of the oldest source digest that the target lacks; 0 in step", "mirror")
    success = _family(
        "last_success_timestamp_seconds", "When a pass last ended with every tag in step", "mirror"
    )
    in_flight = _family("copies_in_flight", "Images being copied now", "mirror")
    queue = _family("queue_depth", "Images that wait to be copied in this pass", "mirror")
    for mirror in mirrors:
        lag.add_metric([mirror.name], mirror.lag)
        in_flight.add_metric([mirror.name], mirror.in_flight)
        queue.add_metric([mirror.name], mirror.queue)
        if mirror.last_success is not None:
            success.add_metric([mirror.name], mirror.last_success)
    return [lag, success, in_flight, queue]


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"gcr_mirror_{name}", text, labels=labels)
