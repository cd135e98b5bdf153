"""The plan of a set-up is a list of steps with the commands that do the same; it asks nobody."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mirror.checks.federation import Federation
from mirror.checks.roles import EXCESSIVE
from mirror.checks.setup import Wish, plan
from mirror.errors import ConfigError
from mirror.registries.artifact_registry import Home

HOME = Home.of("eu.gcr.io", "shop")
EMAIL = "gcr-mirror@shop.iam.gserviceaccount.com"


def commands(wish: Wish) -> list[str]:
    return [step.command for step in plan(wish)]


def test_the_least_that_a_mirror_needs_is_five_commands() -> None:
    assert commands(Wish(HOME)) == [
        "gcloud services enable artifactregistry.googleapis.com --project=shop",
        "gcloud services enable iam.googleapis.com --project=shop",
        (
            "gcloud artifacts repositories create eu.gcr.io --repository-format=docker --location=europe "
            "--project=shop"
        ),
        (
            "gcloud iam service-accounts create gcr-mirror --display-name='Mirrors images from GitLab' "
            "--project=shop"
        ),
        (
            "gcloud artifacts repositories add-iam-policy-binding eu.gcr.io --location=europe --project=shop "
            f"--member=serviceAccount:{EMAIL} --role=roles/artifactregistry.writer"
        ),
    ]


def test_no_key_is_made_unless_asked() -> None:
    assert not any("keys create" in command for command in commands(Wish(HOME, reader=True)))
    asked = commands(Wish(HOME, key_file=Path("my key.json")))
    assert asked[-1] == (
        f"(umask 077; gcloud iam service-accounts keys create 'my key.json' --iam-account={EMAIL})"
    )


def test_clusters_get_an_account_that_only_pulls() -> None:
    last = commands(Wish(HOME, reader=True))[-1]
    assert "--member=serviceAccount:gcr-mirror-reader@shop.iam.gserviceaccount.com" in last
    assert last.endswith("--role=roles/artifactregistry.reader")


def test_the_right_to_delete_is_given_only_to_mirrors_that_prune() -> None:
    assert not any("repoAdmin" in command for command in commands(Wish(HOME)))
    assert commands(Wish(HOME, prune=True))[-1].endswith("--role=roles/artifactregistry.repoAdmin")


def test_clusters_elsewhere_get_a_key_of_the_account_that_only_pulls() -> None:
    made = commands(Wish(HOME, reader=True, reader_key_file=Path("reader.json")))
    assert made[-1] == (
        "(umask 077; gcloud iam service-accounts keys create reader.json "
        "--iam-account=gcr-mirror-reader@shop.iam.gserviceaccount.com)"
    )


def test_a_federation_lets_in_one_group_and_its_subgroups() -> None:
    federation = Federation.of("gitlab", "shop", "acme", "https://gitlab.acme.example/")
    pool, provider, grant = commands(Wish(HOME, keyless=federation))[-3:]
    assert "workload-identity-pools create gcr-mirror-gitlab --location=global" in pool
    words = shlex.split(provider)
    assert "--issuer-uri=https://gitlab.acme.example/" in words
    assert "--allowed-audiences=https://gitlab.acme.example" in words
    assert (
        '--attribute-condition=assertion.namespace_path == "acme" || '
        'assertion.namespace_path.startsWith("acme/")'
    ) in words
    assert "$(gcloud projects describe shop --format='value(projectNumber)')" in grant
    assert "--role=roles/iam.workloadIdentityUser" in grant


def test_github_is_restricted_by_the_owner() -> None:
    federation = Federation.of("github", "shop", "acme", None)
    assert federation.condition == 'assertion.repository_owner == "acme"'
    assert federation.issuer_uri == "https://token.actions.githubusercontent.com"


def test_gke_needs_one_grant_and_no_pool() -> None:
    wish = Wish(HOME, keyless="mirror/gcr-mirror")
    assert commands(wish)[-1] == (
        f"gcloud iam service-accounts add-iam-policy-binding {EMAIL} --project=shop "
        "--member='serviceAccount:shop.svc.id.goog[mirror/gcr-mirror]' --role=roles/iam.workloadIdentityUser "
        "--condition=None"
    )
    assert not any("pools create" in command for command in commands(wish))


def test_an_old_bucket_gets_the_narrow_role() -> None:
    wish = Wish(HOME, legacy_bucket=True)
    assert "gcloud services enable containerregistry.googleapis.com --project=shop" in commands(wish)
    assert commands(wish)[-1] == (
        "gcloud storage buckets add-iam-policy-binding gs://eu.artifacts.shop.appspot.com "
        f"--member=serviceAccount:{EMAIL} --role=roles/storage.legacyBucketWriter"
    )


def test_wider_roles_go_after_the_narrow_one_is_there() -> None:
    made = commands(Wish(HOME, revoke_excess=True))
    removed = [command for command in made if "remove-iam-policy-binding" in command]
    assert made[-len(removed) :] == removed
    assert [command.rpartition("--role=")[2] for command in removed] == [
        f"{role} --all" for role in EXCESSIVE
    ]


def test_a_domains_project_has_its_own_form_of_address() -> None:
    assert Wish(Home.of("gcr.io", "example.com:shop")).email == (
        "gcr-mirror@shop.example.com.iam.gserviceaccount.com"
    )


@pytest.mark.parametrize("namespace", ["", "a'b", 'acme" || true || "', "/acme", "acme/"])
def test_a_namespace_that_would_open_the_federation_is_refused(namespace: str) -> None:
    with pytest.raises(ConfigError, match="not a group or owner"):
        Federation.of("gitlab", "shop", namespace, None)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Wish(Home.of("gcr.io", "shop; reboot")), "no project id"),
        (Wish(Home.of("gcr.io", "123456789")), "nor its number"),
        (Wish(Home.of("us-docker.pkg.dev", "shop", "$(reboot)")), "no repository"),
        (Wish(HOME, account="Mirror"), "6 to 30"),
        (Wish(HOME, account="a" * 24, reader=True), "6 to 23"),
        (Wish(HOME, keyless="gcr-mirror"), "NAMESPACE/NAME"),
        (Wish(HOME, reader_key_file=Path("reader.json")), "needs --reader"),
        (Wish(HOME, reader=True, reader_key_file=Path("a"), key_file=Path("a")), "a file of its own"),
        (Wish(HOME, keyless="mirror/gcr-mirror", key_file=Path("key.json")), "needs no key"),
        (Wish(Home.of("us-docker.pkg.dev", "shop", "images"), legacy_bucket=True), "never kept images"),
    ],
)
def test_a_wish_that_contradicts_itself_is_refused_with_the_reason(wish: Wish, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        plan(wish)


def test_a_federation_needs_an_issuer_that_google_can_trust() -> None:
    with pytest.raises(ConfigError, match="https URL"):
        Federation.of("gitlab", "shop", "acme", "http://gitlab.example.com")
