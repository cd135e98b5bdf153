"""Checks run side by side against one deadline; what hangs or breaks hides nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from mirror.checks.check import DEADLINE, Check, Finding, Probe, run
from mirror.errors import ConnectFailed, Denied

CREATE_ON_PUSH = "Creating on push requires the artifactregistry.repositories.createOnPush permission"


def fine(name: str) -> Check:
    return Check(name, lambda: [Probe(name, "look", {}).ok("fine")])


def failing(name: str) -> Check:
    return Check(name, lambda: [Probe(name, "look", {}).failed("broken", "mend it")])


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.check, finding.level) for finding in findings]


def test_findings_come_in_the_order_of_the_checks() -> None:
    gate = threading.Event()

    def slow() -> Iterator[Finding]:
        assert gate.wait(10)
        yield Probe("slow", "look", {}).ok("fine")

    def last() -> Iterator[Finding]:
        gate.set()
        yield Probe("last", "look", {}).warning("so so", "better")

    found = run([Check("slow", slow), failing("middle"), Check("last", last)])
    assert told(found) == [("slow", "ok"), ("middle", "failed"), ("last", "warning")]


def test_what_has_no_answer_by_the_deadline_has_failed_and_the_others_are_told() -> None:
    never = threading.Event()

    def hangs() -> Iterator[Finding]:
        yield Probe("hangs", "look up", {}).ok("192.0.2.1")
        never.wait(60)

    found = run([Check("hangs", hangs), fine("other")], deadline=1.0)
    never.set()
    assert told(found) == [("hangs", "ok"), ("hangs", "failed"), ("other", "ok")]
    assert "no answer in time" in found[1].said


def test_the_deadline_leaves_time_to_start_and_to_print_within_ten_seconds() -> None:
    assert DEADLINE <= 9.0


def test_more_checks_than_threads_all_run() -> None:
    assert len(run([fine(str(number)) for number in range(100)])) == 100


def test_what_needs_a_failed_check_is_left_out_and_so_is_what_needs_that() -> None:
    asked: list[str] = []

    def asking(name: str, needs: str) -> Check:
        def diagnose() -> Iterator[Finding]:
            asked.append(name)
            yield Probe(name, "look", {}).ok("fine")

        return Check(name, diagnose, needs)

    found = run(
        [failing("way"), asking("login", "way"), asking("pull", "login"), fine("a"), asking("b", "a")]
    )
    assert told(found) == [("way", "failed"), ("a", "ok"), ("b", "ok")]
    assert asked == ["b"]


def test_an_error_is_a_finding_with_its_cause_and_fix() -> None:
    def denied() -> Iterator[Finding]:
        raise Denied(CREATE_ON_PUSH, status=403, request="POST https://eu.gcr.io/v2/shop/a/blobs/uploads/")
        yield

    (finding,) = run([Check("push", denied)])
    assert finding.level == "failed"
    assert finding.cause.startswith("The repository behind eu.gcr.io does not exist yet")
    assert finding.fix.startswith("gcloud artifacts repositories create eu.gcr.io")


def test_what_is_known_of_the_registry_fills_the_explanation_of_an_error() -> None:
    def denied() -> Iterator[Finding]:
        raise Denied(CREATE_ON_PUSH, status=403)
        yield

    known = {"PROJECT": "shop", "LOCATION": "us", "REPOSITORY": "gcr.io"}
    (finding,) = run([Check("push", denied, known=known)])
    assert finding.fix.endswith("create gcr.io --repository-format=docker --location=us --project=shop")


def test_an_error_that_nobody_knows_gets_the_fix_of_the_check() -> None:
    finding = Probe("x", "look", {}).refused(ConnectFailed("refused"), "start it")
    assert (finding.said, finding.fix) == ("refused", "start it")


def test_a_broken_check_does_not_hide_the_others() -> None:
    def broken() -> Iterator[Finding]:
        raise ZeroDivisionError
        yield

    found = run([Check("broken", broken), fine("other")])
    assert told(found) == [("broken", "failed"), ("other", "ok")]
    assert "ZeroDivisionError" in found[0].said


def test_what_hangs_delays_only_those_that_need_it() -> None:
    never = threading.Event()

    def hangs() -> Iterator[Finding]:
        never.wait(60)
        yield from ()

    needing = [Check("after it", fine("after it").diagnose, "hangs"), Check("b", fine("b").diagnose, "a")]
    found = run([Check("hangs", hangs), fine("a"), *needing], deadline=0.5)
    never.set()
    assert told(found) == [("hangs", "failed"), ("a", "ok"), ("b", "ok")]


def test_what_hangs_says_what_it_waited_for_and_a_command_that_shows_it() -> None:
    never = threading.Event()

    def hangs() -> Iterator[Finding]:
        never.wait(60)
        yield from ()

    (finding,) = run([Check("x", hangs, tried="GET http://h/", late="curl -v http://h/")], deadline=0.1)
    never.set()
    assert (finding.tried, finding.fix) == ("GET http://h/", "curl -v http://h/")
