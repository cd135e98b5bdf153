"""One line for each image: JSON with a severity where a program reads it, short and in colour on a terminal."""

from __future__ import annotations

import io
import json
from typing import Any

from mirror.events import Closed, Copied, Event, Failed, Opened, Pruned, Requested, Unchanged
from mirror.service.logs import EventLog, logger

DIGEST = "sha256:" + "a" * 64


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(*events: Event) -> list[dict[str, Any]]:
    stream = io.StringIO()
    log = EventLog(logger(stream), lambda *_: 2)
    for event in events:
        log(event)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def failed(reason: str, tag: str = "1") -> Failed:
    return Failed("shop", "acme/api", tag, f"s/acme/api:{tag}", reason, "no such right", temporary=False)


def test_an_image_that_was_copied_is_one_line_with_all_that_one_asks_for() -> None:
    (line,) = lines(Copied("shop", "acme/api", "1", "s@x", "t/acme/api:1", DIGEST, 1234, 2.34567))
    assert line.pop("time").endswith("Z")
    assert line == {
        "severity": "INFO",
        "message": "copied",
        "mirror": "shop",
        "reference": "t/acme/api:1",
        "source": "s@x",
        "digest": DIGEST,
        "bytes": 1234,
        "seconds": 2.346,
        "attempt": 3,
    }


def test_an_image_that_failed_is_a_warning_with_its_reason() -> None:
    (line,) = lines(failed("denied"))
    assert (line["severity"], line["reason"], line["cause"], line["attempt"]) == (
        "WARNING",
        "denied",
        "no such right",
        3,
    )


def test_an_outage_is_one_error_and_not_one_for_each_image() -> None:
    told = lines(Opened("gitlab", "refused"), *(failed("circuit_open") for _ in range(3)), Closed("gitlab"))
    assert [line["severity"] for line in told] == ["ERROR", "DEBUG", "DEBUG", "DEBUG", "INFO"]


def test_what_was_deleted_is_told() -> None:
    (line,) = lines(Pruned("shop", "acme/api", "1", DIGEST))
    assert (line["message"], line["reference"], line["digest"]) == ("pruned", "acme/api:1", DIGEST)


def test_chunks_and_unchanged_tags_make_no_lines() -> None:
    assert lines(Requested("h", "GET", 200, 0.1), Unchanged("shop", "acme/api", {"1": DIGEST})) == []


def test_on_a_terminal_lines_are_for_people() -> None:
    stream = Terminal()
    EventLog(logger(stream), lambda *_: 0)(failed("denied"))
    assert "failed" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


DENIED = (
    "POST https://eu.gcr.io/v2/shop/gitlab/acme/api/blobs/uploads/: 403 DENIED gcr.io repo does not exist. "
    "Creating on push requires the artifactregistry.repositories.createOnPush permission"
)


def logged(message: str) -> dict[str, object]:
    stream = io.StringIO()
    event = Failed(
        "shop", "acme/api", "1", "eu.gcr.io/shop/gitlab/acme/api:1", "denied", message, temporary=False
    )
    EventLog(logger(stream), lambda *_: 0)(event)
    return dict(json.loads(stream.getvalue()))


def test_a_known_failure_comes_with_its_explanation_and_fix() -> None:
    line = logged(DENIED)
    assert line["cause"] == DENIED
    assert str(line["explanation"]).startswith("The repository behind eu.gcr.io does not exist yet")
    assert str(line["fix"]).startswith(
        "gcloud artifacts repositories create eu.gcr.io --repository-format=docker"
    )


def test_a_failure_that_nobody_knows_is_just_told() -> None:
    assert "fix" not in logged("it rains")
