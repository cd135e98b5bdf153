"""What the real Engine makes of a denial, and what the job makes of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mirror.demo.access import Account
from tests.acceptance.ci_templates.consumer import Consumer
from tests.servers.engine import Engine
from tests.servers.pair import JOB_TOKEN, Pair

NO_RIGHT = (
    "may not push to {image}: it needs roles/artifactregistry.writer there, and the repository must exist"
)
NO_REPOSITORY = "the repository does not exist. Create it; or, on gcr.io hosts, let the first push do it"


@pytest.mark.parametrize(
    ("store", "cloud", "explained"),
    [
        ("engine", {"actions": ["pull"]}, NO_RIGHT),
        ("engine", {"exists": False}, NO_REPOSITORY),
        # With containerd's store the Engine keeps Google's words to itself: 403 is all it says.
        ("engine_with_indexes", {"exists": False}, NO_RIGHT),
    ],
)
def test_a_login_that_succeeds_and_a_push_that_does_not_are_told_apart(
    tmp_path: Path, request: pytest.FixtureRequest, store: str, cloud: dict[str, Any], explained: str
) -> None:
    engine: Engine = request.getfixturevalue(store)
    pair = Pair(tmp_path / "pair", **cloud)
    try:
        consumer = Consumer(tmp_path, pair, engine.env)
        consumer.text = consumer.including(push_attempts=3)
        pipeline = consumer.run()
        assert pipeline.jobs == {"dual-push": "FAIL 1"}
        assert explained.format(image=pair.google_image) in consumer.summary()
        assert "attempt 1 of 3" not in pipeline.output
        assert pair.digest_at_gitlab("main") is not None
    finally:
        pair.close()


def test_an_image_outside_the_project_is_named_as_gitlabs_reason(consumer: Consumer, pair: Pair) -> None:
    pair.accounts.users["gitlab-ci-token"] = Account(JOB_TOKEN, push=("acme/app",))
    consumer.text = consumer.including(gitlab_image=f"{pair.gitlab.host}/acme/other")
    assert consumer.run().jobs == {"dual-push": "FAIL 1"}
    assert (
        f"gitlab-ci-token may not push to {pair.gitlab.host}/acme/other: is that below" in consumer.summary()
    )
