"""A failure that is known is explained in the log."""

from __future__ import annotations

import io
import json

from mirror.events import Failed
from mirror.service.logs import EventLog, logger

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
