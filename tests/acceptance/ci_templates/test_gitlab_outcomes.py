"""The GitLab template, run by gitlab-ci-local against a real Engine and real registries: what came of the push."""

from __future__ import annotations

import pytest

from tests.acceptance.ci_templates.consumer import Consumer, example, with_local_includes
from tests.servers.pair import Pair
from tests.servers.proxy import Proxy

PAGE = "how-to/gitlab-ci.md"


def test_the_whole_pipeline_of_the_page_deploys_one_digest_that_both_registries_have(
    consumer: Consumer, pair: Pair
) -> None:
    consumer.text = with_local_includes(
        example(PAGE, "A whole pipeline"), gcp_image=pair.google_image, services=[]
    )
    pipeline = consumer.run()
    assert pipeline.jobs == {"dual-push": "PASS", "deploy": "PASS"}
    digest = pair.digest_at_gitlab("main")
    assert digest is not None
    assert pair.digest_at_google("main") == digest
    assert f"deploying {pair.gitlab_image}@{digest}" in pipeline.output
    assert consumer.handed_on() == {
        "DUAL_PUSH_DIGEST": digest,
        "DUAL_PUSH_GITLAB_IMAGE": f"{pair.gitlab_image}@{digest}",
        "DUAL_PUSH_GCP_IMAGE": f"{pair.google_image}@{digest}",
        "DUAL_PUSH_STATUS": "pushed",
    }


@pytest.mark.parametrize(("policy", "verdict"), [("fail", "FAIL 1"), ("warn", "WARN 75")])
@pytest.mark.parametrize("down", ["gitlab", "google"])
def test_one_registry_that_is_down_keeps_nothing_from_the_other(
    consumer: Consumer, pair: Pair, down: str, policy: str, verdict: str
) -> None:
    {"gitlab": pair.gitlab, "google": pair.google}[down].stop()
    consumer.text = consumer.including(on_partial_failure=policy)
    pipeline = consumer.run()
    assert pipeline.jobs == {"dual-push": verdict}
    up, image = (
        (pair.digest_at_google, pair.google_image)
        if down == "gitlab"
        else (pair.digest_at_gitlab, pair.gitlab_image)
    )
    pinned = f"{image}@{up('main')}"
    handed_on = consumer.handed_on()
    assert handed_on["DUAL_PUSH_STATUS"] == "partial"
    assert [handed_on[f"DUAL_PUSH_{side}_IMAGE"] for side in ("GITLAB", "GCP")] == (
        ["", pinned] if down == "gitlab" else [pinned, ""]
    )
    missing = pair.gitlab_image if down == "gitlab" else pair.google_image
    # The job says how the missing image gets there.
    assert f"gcr-mirror copy {pinned} {missing}:" in consumer.summary()
    assert "connection refused" in consumer.summary()


def test_the_pipeline_of_the_page_deploys_from_google_while_gitlab_is_down(
    consumer: Consumer, pair: Pair
) -> None:
    pair.gitlab.stop()
    consumer.text = with_local_includes(
        example(PAGE, "A whole pipeline"), gcp_image=pair.google_image, services=[], push_attempts=1
    )
    pipeline = consumer.run()
    assert pipeline.jobs == {"dual-push": "WARN 75", "deploy": "PASS"}
    assert f"deploying {pair.google_image}@{pair.digest_at_google('main')}" in pipeline.output


def test_with_both_registries_down_the_job_fails_whatever_the_policy(consumer: Consumer, pair: Pair) -> None:
    pair.gitlab.stop()
    pair.google.stop()
    consumer.text = consumer.including(on_partial_failure="warn")
    assert consumer.run().jobs == {"dual-push": "FAIL 1"}
    assert consumer.handed_on()["DUAL_PUSH_STATUS"] == "failed"


def test_a_registry_that_comes_up_late_is_tried_again(consumer: Consumer, pair: Pair) -> None:
    pair.google.stop()

    def come_up(line: str) -> None:
        if "attempt 2 of 5 failed" in line:
            pair.google.start()

    consumer.text = consumer.including(push_attempts=5)
    pipeline = consumer.run(on_line=come_up)
    assert pipeline.jobs == {"dual-push": "PASS"}
    assert "attempt 3 of 5" not in pipeline.output
    assert pair.digest_at_google("main") == pair.digest_at_gitlab("main") is not None


@pytest.mark.slow  # the Engine waits a quarter of a minute for each answer
def test_a_registry_that_hangs_keeps_nothing_from_the_other(consumer: Consumer, pair: Pair) -> None:
    with Proxy(pair.gitlab.host) as proxy:
        proxy.hang()
        consumer.text = consumer.including(gitlab_image=f"{proxy.host}/acme/app", on_partial_failure="warn")
        consumer.variables["DUAL_PUSH_INPUT_PUSH_TIMEOUT"] = "5"
        pipeline = consumer.run()
    assert pipeline.jobs == {"dual-push": "WARN 75"}
    assert pair.digest_at_google("main") is not None


def test_a_build_that_fails_pushes_nothing(consumer: Consumer, pair: Pair) -> None:
    consumer.file("Dockerfile", "FROM scratch\nCOPY no-such-file /\n")
    assert consumer.run().jobs == {"dual-push": "FAIL 1"}
    assert "The build failed" in consumer.summary()
    assert pair.gitlab.count("POST") == pair.google.count("POST") == 0
