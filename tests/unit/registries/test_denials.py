"""The table of refusals explains what registries say."""

from __future__ import annotations

import re
import subprocess

import pytest

from mirror.errors import ConnectFailed, CopyError, Denied, NotFound, RegistryError, Unauthorized
from mirror.registries.artifact_registry import Home
from mirror.registries.denial import PLACEHOLDER, Denial
from mirror.registries.denials import denials, explain, explain_text, placeholders

UPLOAD_DENIED = (
    'DENIED Permission "artifactregistry.repositories.uploadArtifacts" denied on resource '
    '"projects/arctic-goal/locations/europe/repositories/eu.gcr.io" (or it may not exist)'
)


def test_the_scope_that_was_asked_for_names_the_place() -> None:
    said = "403 DENIED gcr.io repo does not exist. Creating on push requires the ...createOnPush permission"
    text = (
        f"GET https://eu.gcr.io/v2/token: {said} (asked for repository:example.com/shop/acme/api:pull,push)"
    )
    for explanation in (
        explain(Denied(text, status=403, request="GET https://eu.gcr.io/v2/token")),
        explain_text(text),
    ):
        assert explanation is not None
        assert "create eu.gcr.io" in explanation.fix
        assert "--location=europe --project=example.com:shop" in explanation.fix


@pytest.mark.parametrize("denial", denials(), ids=lambda denial: denial.key)
def test_the_text_that_people_meet_finds_its_own_entry(denial: Denial) -> None:
    explanation = explain(RegistryError(denial.says, status=denial.status or 400))
    assert explanation is not None
    assert explanation.key == denial.key


def test_every_entry_has_a_key_of_its_own() -> None:
    keys = [denial.key for denial in denials()]
    assert len(set(keys)) == len(keys)


def test_google_names_the_place_and_the_fix_uses_it() -> None:
    explanation = explain(Denied("denied", status=403, detail=UPLOAD_DENIED))
    assert explanation is not None
    assert "binding eu.gcr.io --location=europe --project=arctic-goal" in explanation.fix
    assert "--role=roles/artifactregistry.writer" in explanation.fix


def test_the_image_that_failed_names_the_place_when_the_registry_does_not() -> None:
    denied = Denied("denied: Creating on push requires the ...createOnPush permission", status=403)
    explanation = explain(CopyError("us.gcr.io/example.com/shop/api:1", "target", denied))
    assert explanation is not None
    assert explanation.fix == (
        "gcloud artifacts repositories create us.gcr.io --repository-format=docker --location=us "
        "--project=example.com:shop"
    )


def test_the_request_names_the_place_when_the_registry_does_not() -> None:
    error = NotFound(
        'NAME_UNKNOWN Repository "images" not found',
        status=404,
        request="GET https://europe-west1-docker.pkg.dev/v2/shop/images/api/tags/list",
    )
    explanation = explain(error)
    assert explanation is not None
    assert (
        "create images --repository-format=docker --location=europe-west1 --project=shop" in explanation.fix
    )


@pytest.mark.parametrize(
    ("path", "project"),
    [
        ("v3/projects/shop:getIamPolicy", "shop"),
        ("v1/projects/shop/serviceAccounts", "shop"),
        ("v1/projects/example.com:shop/serviceAccounts", "example.com:shop"),
        ("v3/projects/123456:getIamPolicy", "PROJECT"),
    ],
)
def test_googles_apis_name_the_project_in_their_addresses(path: str, project: str) -> None:
    request = f"POST https://iam.googleapis.com/{path}"
    explanation = explain(
        Denied(f"Google refuses {request}: 403 requires billing to be enabled", request=request)
    )
    assert explanation is not None
    assert explanation.fix == f"gcloud billing projects link {project} --billing-account=ACCOUNT_ID"


def test_what_the_caller_knows_fills_the_gaps() -> None:
    known = {
        **placeholders(Home.of("gcr.io", "shop")),
        "MEMBER": "serviceAccount:m@shop.iam.gserviceaccount.com",
    }
    explanation = explain(Denied("...uploadArtifacts denied", codes=("DENIED",), detail=UPLOAD_DENIED), known)
    assert explanation is not None
    assert "serviceAccount:m@shop.iam.gserviceaccount.com" in explanation.fix
    assert "--project=arctic-goal" in explanation.fix, (
        "what the answer says is nearer than what is configured"
    )
    assert not PLACEHOLDER.search(explanation.fix)


def test_an_error_that_nobody_knows_is_not_explained() -> None:
    assert explain(ConnectFailed("connection refused")) is None
    assert explain_text("it rains") is None


def test_a_status_that_is_asked_for_must_fit() -> None:
    request = "GET https://gitlab.com/jwt/auth"
    banned = Denied(f"{request}: 403", status=403, request=request)
    other = Unauthorized(f"{request}: 401", status=401, request=request)
    found = explain(banned)
    assert found is not None
    assert found.key == "gitlab-banned"
    assert explain(other) is None


@pytest.mark.parametrize(
    "denial",
    [one for one in denials() if re.match(r"(curl|gcloud|gcr-mirror|getent|openssl|timedatectl) ", one.fix)],
    ids=lambda denial: denial.key,
)
def test_a_fix_that_is_a_command_is_one_line_that_a_shell_takes_whole(denial: Denial) -> None:
    known = {"GITLAB": "https://gitlab.example.com", "GROUP": "acme", "ENDPOINT": "gitlab.example.com:443"}
    fix = denial.explained(known).fix
    assert "\n" not in fix
    subprocess.run(["sh", "-n", "-c", fix], check=True)


def test_a_new_token_is_asked_of_the_readers_own_gitlab_and_group() -> None:
    text = (
        "GET https://gitlab.example.com/jwt/auth: the token service grants less than repository:acme/web:pull"
    )
    explanation = explain_text(text, "eu.gcr.io/shop/gitlab/acme/web:1")
    assert explanation is not None
    assert " https://gitlab.example.com/api/v4/groups/acme/deploy_tokens " in explanation.fix


def test_a_certificate_is_looked_at_where_it_was_met() -> None:
    error = ConnectFailed("https://r.example.com:5000/v2/: its certificate is not trusted (unknown CA); ...")
    explanation = explain(error)
    assert explanation is not None
    assert "-connect r.example.com:5000 " in explanation.fix


@pytest.mark.parametrize(
    "text",
    [
        "GET https://$(reboot)/jwt/auth: its certificate is not trusted (x)",
        "the name `reboot` does not resolve",
        "GET https://h/jwt/auth: the token service grants less than repository:$(reboot)/web:pull",
        '403 DENIED "artifactregistry.repositories.uploadArtifacts" on "projects/$(reboot)/locations/x/repositories/y"',
    ],
)
def test_what_a_registry_says_never_becomes_a_command(text: str) -> None:
    explanation = explain_text(text, "registry.example.com/acme/api:1")
    assert explanation is not None
    assert "reboot" not in explanation.fix
