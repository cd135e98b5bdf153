"""The GitLab template without any key, against doubles of Google's two endpoints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.ci_templates.consumer import Consumer, example, loaded, with_local_includes
from tests.servers.federation import ACCOUNT, FEDERATED, ID_TOKEN, IMPERSONATED, POOL, Federation
from tests.servers.pair import Pair


@pytest.fixture
def federation(pair: Pair) -> Iterator[Federation]:
    """The doubles."""
    with Federation(pair.cloud) as federation:
        yield federation


@pytest.fixture
def keyless(consumer: Consumer, federation: Federation) -> Consumer:
    """A project with federation set up. gitlab-ci-local makes no id_tokens: the variable is set by hand."""
    del consumer.variables["GCP_SA_KEY"]
    consumer.variables |= {
        "DUAL_PUSH_ID_TOKEN": ID_TOKEN,
        "DUAL_PUSH_INPUT_STS_URL": federation.url,
        "DUAL_PUSH_INPUT_IAM_URL": federation.url,
    }
    consumer.text = consumer.including(auth="wif", wif_provider=POOL, wif_service_account=ACCOUNT)
    return consumer


def test_an_identity_token_becomes_an_access_token_of_the_service_account(
    keyless: Consumer, federation: Federation, pair: Pair
) -> None:
    keyless.text = with_local_includes(
        example("how-to/gitlab-ci.md", "Without a key"),
        gcp_image=pair.google_image,
        services=[],
        wif_service_account=ACCOUNT,
    )
    pipeline = keyless.run()
    assert pipeline.jobs == {"dual-push": "PASS"}
    assert pair.digest_at_google("main") == pair.digest_at_gitlab("main") is not None
    assert federation.asked[-2:] == [
        "/v1/token",
        f"/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken",
    ]
    for secret in (ID_TOKEN, FEDERATED, IMPERSONATED):
        assert secret not in pipeline.output


def test_without_a_service_account_the_pools_own_identity_pushes(
    keyless: Consumer, federation: Federation
) -> None:
    keyless.text = keyless.including(auth="wif", wif_provider=POOL)
    assert keyless.run().jobs == {"dual-push": "PASS"}
    assert set(federation.asked) == {"/v1/token"}


def test_a_token_that_is_not_believed_is_told_in_googles_words(keyless: Consumer) -> None:
    keyless.variables["DUAL_PUSH_ID_TOKEN"] = "eyJ-of-somebody-else"
    pipeline = keyless.run()
    assert pipeline.jobs == {"dual-push": "FAIL 1"}
    assert "Google's token service gave no token: Invalid value for ['subjectToken']." in keyless.summary()
    assert keyless.handed_on()["DUAL_PUSH_STATUS"] == "partial"


def test_an_impersonation_that_is_denied_names_the_service_account(
    keyless: Consumer, federation: Federation
) -> None:
    federation.impersonation = False
    assert keyless.run().jobs == {"dual-push": "FAIL 1"}
    assert f"the service account {ACCOUNT} gave no token: Permission 'iam" in keyless.summary()


def test_a_job_without_an_identity_token_says_so(keyless: Consumer) -> None:
    del keyless.variables["DUAL_PUSH_ID_TOKEN"]
    pipeline = keyless.run()
    assert pipeline.jobs == {"dual-push": "FAIL 2"}
    assert "this job has no identity token" in pipeline.output


def test_the_token_is_asked_for_with_the_audience_of_the_provider(keyless: Consumer) -> None:
    _, _, rendered = keyless.run("--preview").output.partition("---\n")
    assert loaded(rendered)["dual-push"]["id_tokens"] == {
        "DUAL_PUSH_ID_TOKEN": {"aud": f"https://iam.googleapis.com/{POOL}"}
    }
