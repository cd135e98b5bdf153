"""The script by itself with nothing but busybox, as in the docker:cli image: what it refuses, how it reads answers.

`docker` is a stand-in here, for answers that a real Engine does not give when it is asked to.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from mirror.demo.google import GoogleRegistry
from tests.acceptance.ci_templates.consumer import ROOT, TEMPLATE, loaded
from tests.servers.federation import ACCOUNT, ID_TOKEN, IMPERSONATED, POOL, Federation
from tests.servers.present import require

KEY = {"type": "service_account", "project_id": "acme", "private_key": "not-one", "client_email": "ci@acme"}
DIGEST = f"sha256:{'0' * 64}"
ENGINE = f"""
    case $1 in
        login) cat >/dev/null; echo Login Succeeded ;;
        push) echo "1.0: digest: {DIGEST} size: 500" ;;
        info) echo overlay2 ;;
    esac
"""


class Script:
    """Set `env` and the stand-in's text, then `run`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.programs = directory / "bin"
        self.programs.mkdir()
        self.busybox = require("busybox")
        subprocess.run([self.busybox, "--install", "-s", self.programs], check=True)
        self.docker = ENGINE
        self.text = (ROOT / TEMPLATE).read_text().partition("\n---\n")[2]
        (directory / "Dockerfile").write_text("FROM scratch\n")
        self.env = {
            "CI_COMMIT_SHA": "0123456789abcdef",
            "CI_COMMIT_REF_SLUG": "main",
            "CI_REGISTRY_USER": "gitlab-ci-token",
            "CI_REGISTRY_PASSWORD": "secret",
            "GCP_SA_KEY": json.dumps(KEY),
            "DUAL_PUSH_INPUT_GITLAB_IMAGE": "registry.example.com/acme/app",
            "DUAL_PUSH_INPUT_GCP_IMAGE": "eu.gcr.io/acme/app",
            "DUAL_PUSH_INPUT_ENGINE_WAIT": "0",
            "DUAL_PUSH_INPUT_PUSH_ATTEMPTS": "3",
            "DUAL_PUSH_INPUT_RETRY_DELAY": "0",
        }

    def inputs(self, **inputs: str) -> None:
        """Set inputs as the template does."""
        self.env |= {f"DUAL_PUSH_INPUT_{name.upper()}": value for name, value in inputs.items()}

    def run(self) -> tuple[int, str]:
        """The exit status and all output."""
        program = self.programs / "docker"
        program.write_text("#!/bin/sh\n" + dedent(self.docker))
        program.chmod(0o755)
        (job,) = loaded(self.text.replace("$[[ inputs.", "[[ inputs.")).values()
        done = subprocess.run(
            [self.busybox, "ash", "-e", "-c", job["script"][0]],
            cwd=self.directory,
            env={"PATH": str(self.programs), "HOME": str(self.directory), **self.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def handed_on(self) -> dict[str, str]:
        """The variables for the jobs that follow."""
        return dict(
            line.split("=", 1) for line in (self.directory / "dual-push.env").read_text().splitlines()
        )


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """The script, and an Engine that says yes to everything."""
    return Script(tmp_path)


def test_the_stand_in_is_enough_to_push(script: Script) -> None:
    status, output = script.run()
    assert (status, script.handed_on["DUAL_PUSH_STATUS"]) == (0, "pushed"), output


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"gcp_image": "eu.gcr.io/acme/App"}, "an image name has lower-case letters"),
        ({"gcp_image": "app"}, "the input gcp_image is 'app': it is like eu.gcr.io/PROJECT/IMAGE"),
        ({"gcp_image": "eu.gcr.io/acme/app:1.0"}, "the tag belongs in the input tags"),
        ({"gitlab_image": ""}, "is the container registry of this project switched on?"),
        ({"gitlab_image": "$CI_REGISTRY_IMAGE"}, "is the container registry of this project switched on?"),
        ({"tags": ""}, "the input tags came out empty"),
        ({"tags": "feature/one"}, "'feature/one' cannot be a tag"),
        ({"tags": ".hidden"}, "'.hidden' cannot be a tag"),
        ({"tags": "x" * 129}, "more than 128 characters"),
        ({"dockerfile": "Containerfile"}, "there is no file Containerfile"),
        ({"builder": "kaniko"}, "the input builder is 'kaniko', and it can be: docker buildx buildah"),
        ({"push": "perhaps"}, "the input push is 'perhaps'"),
        ({"push_attempts": "many"}, "the input push_attempts is 'many', not a number"),
        ({"platforms": "linux/amd64,linux/arm64"}, "take buildx or buildah"),
        ({"cache": "eu.gcr.io/acme/cache"}, "a registry cache needs builder buildx or buildah"),
        ({"provenance": "max"}, "provenance needs builder buildx"),
        ({"builder": "buildx", "platforms": "linux/amd64,linux/arm64"}, "take docker:29-dind"),
        ({"builder": "buildx", "provenance": "min"}, "take docker:29-dind"),
        ({"auth": "wif", "wif_provider": "my-pool"}, "the input wif_provider is 'my-pool', and not like"),
        ({"key_variable": "not a name"}, "the input key_variable is the name of a variable"),
        ({"key_variable": "x}; echo hacked; : ${y"}, "the input key_variable is the name of a variable"),
    ],
)
def test_an_input_that_cannot_be_meant_ends_the_job_with_the_fix(
    script: Script, inputs: dict[str, str], says: str
) -> None:
    script.inputs(**inputs)
    status, output = script.run()
    assert status == 2, output
    assert f"error: {output.split('error: ', 1)[1].splitlines()[0]}".count(says) == 1, output
    assert script.handed_on["DUAL_PUSH_STATUS"] == "failed"


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"GCP_SA_KEY": ""}, "the variable GCP_SA_KEY is empty: is it set for this project"),
        (
            {"GCP_SA_KEY": "", "CI_COMMIT_REF_PROTECTED": "false", "CI_COMMIT_REF_NAME": "fix"},
            "fix is not protected, so protected variables are not given to it",
        ),
        ({"GCP_SA_KEY": "", "GITHUB_ACTIONS": "true"}, "Pull requests from forks get none"),
        ({"GCP_SA_KEY": "/no/such/file"}, "looks like a path, and there is no such file"),
        ({"GCP_SA_KEY": "aGVsbG8="}, "is not the JSON key of a service account"),
        ({"GCP_SA_KEY": "AIza&%!"}, "is not the JSON key of a service account"),
        ({"GCP_SA_KEY": '{"type": "authorized_user"}'}, "is not the JSON key of a service account"),
        ({"GCP_SA_KEY": '{"type": "external_account"}'}, "set the input auth to wif"),
        ({"CI_REGISTRY_PASSWORD": ""}, "there is no user or no password for registry.example.com"),
    ],
)
def test_a_credential_that_is_none_is_told_by_its_cause(
    script: Script, env: dict[str, str], says: str
) -> None:
    script.env |= env
    status, output = script.run()
    assert status == 2, output
    assert says in output


def test_a_job_without_an_engine_says_what_it_needs(script: Script) -> None:
    script.docker = "echo 'Cannot connect to the Docker daemon' >&2; exit 1\n"
    status, output = script.run()
    assert status == 2, output
    assert "no Docker Engine answers (Cannot connect to the Docker daemon): the job needs" in output


@pytest.mark.parametrize("named", [{}, {"DOCKER_HOST": "tcp://docker:2375"}])
def test_a_service_whose_certificates_came_late_is_found(
    script: Script, tmp_path: Path, named: dict[str, str]
) -> None:
    certificates = tmp_path / "certs" / "client"
    certificates.mkdir(parents=True)
    (certificates / "ca.pem").write_text("a certificate\n")
    script.env |= {"DOCKER_TLS_CERTDIR": str(certificates.parent), **named}
    script.docker = f"""
        [ "$DOCKER_HOST $DOCKER_TLS_VERIFY $DOCKER_CERT_PATH" = "tcp://docker:2376 1 {certificates}" ] || exit 1
        {ENGINE}"""
    status, output = script.run()
    assert status == 0, output


@pytest.mark.parametrize("command", ["login", "push"])
def test_a_registry_that_never_answers_keeps_nothing_from_the_other(script: Script, command: str) -> None:
    script.inputs(push_timeout="1")
    script.text = script.text.replace("limited 60 docker login", "limited 1 docker login")
    script.docker = ENGINE.replace(
        f"{command})", f'{command}) case "$*" in *registry.*) exec sleep 60 ;; esac;'
    )
    status, output = script.run()
    assert status == 1, output
    assert script.handed_on["DUAL_PUSH_GCP_IMAGE"] == f"eu.gcr.io/acme/app@{DIGEST}"
    assert "it did not answer, nor refuse: no end after 1 s" in output
    assert "attempt 1 of 3" not in output


def test_registries_that_have_different_images_are_a_failure(script: Script) -> None:
    script.docker = ENGINE.replace(
        "push)", f'push) case $2 in eu.*) echo "1: digest: sha256:{"1" * 64} size: 5"; exit ;; esac;'
    )
    status, output = script.run()
    assert status == 1, output
    assert "The registries have different images." in output


def test_a_push_that_the_registry_forgot_is_tried_again_and_is_no_success(script: Script) -> None:
    script.docker = ENGINE.replace("login)", "pull) echo 'manifest unknown' >&2; exit 1 ;; login)")
    status, output = script.run()
    assert status == 1, output
    assert output.count("\nthe registry does not have what was pushed to it\n") == 6


@pytest.mark.parametrize(
    ("said", "attempts", "explained"),
    [
        ('Get "https://eu.gcr.io/v2/": dial tcp: lookup eu.gcr.io: no such host', 3, "no usable answer in 3"),
        ("net/http: TLS handshake timeout", 3, "no usable answer in 3 attempts"),
        ("received unexpected HTTP status: 503 Service Unavailable", 3, "no usable answer in 3 attempts"),
        ("toomanyrequests: Quota exceeded for quota metric", 3, "no usable answer in 3 attempts"),
        ("error parsing HTTP 502 response body: invalid character '<'", 3, "no usable answer in 3 attempts"),
        (
            'denied: Permission "artifactregistry.repositories.uploadArtifacts" denied on resource',
            1,
            "the login was accepted, but ci@acme may not push to eu.gcr.io/acme/app: it needs roles/artifact",
        ),
        (
            "denied: gcr.io repo does not exist. Creating on push requires the createOnPush permission",
            1,
            "the repository does not exist. Create it",
        ),
        ('name unknown: Repository "gcr.io" not found', 1, "the repository does not exist. Create it"),
        ("denied: tag 1.0 is immutable", 1, "a tag exists there already and may not be moved"),
        ("unauthorized: authentication failed", 1, "the login was accepted, but ci@acme may not push"),
    ],
)
def test_what_a_registry_says_to_a_push_decides_about_another_attempt(
    script: Script, said: str, attempts: int, explained: str
) -> None:
    script.docker = ENGINE.replace(
        "push)", f"push) case $2 in eu.*) echo '{_quoted(said)}' >&2; exit 1 ;; esac;"
    )
    status, output = script.run()
    assert status == 1, output
    assert output.splitlines().count(said) == attempts
    assert explained in output
    assert script.handed_on["DUAL_PUSH_STATUS"] == "partial"


@pytest.mark.parametrize(
    ("said", "explained"),
    [
        ("unauthorized: Unable to parse json key.", "Google cannot read the key in GCP_SA_KEY"),
        (
            "unauthorized: authentication failed",
            "eu.gcr.io refuses the login of ci@acme (was the key deleted",
        ),
    ],
)
def test_what_a_registry_says_to_a_login_is_explained(script: Script, said: str, explained: str) -> None:
    script.docker = ENGINE.replace("login)", f"login) case $* in *eu.*) echo '{said}' >&2; exit 1 ;; esac;")
    status, output = script.run()
    assert status == 1, output
    assert explained in output


def test_a_key_of_another_project_is_suspected_when_it_may_not_push(script: Script) -> None:
    script.env["GCP_SA_KEY"] = json.dumps({**KEY, "project_id": "other"})
    script.docker = ENGINE.replace("push)", "push) case $2 in eu.*) echo 'denied: no' >&2; exit 1 ;; esac;")
    _, output = script.run()
    assert "The key is of project other: is it the one for this image?" in output


def test_a_host_that_is_not_googles_is_suspected_when_it_refuses_the_key(script: Script) -> None:
    script.inputs(gcp_image="quay.io/acme/app")
    script.docker = ENGINE.replace(
        "login)", "login) case $* in *quay*) echo 'unauthorized' >&2; exit 1 ;; esac;"
    )
    _, output = script.run()
    assert "quay.io is no registry of Google's" in output


def test_without_curl_wget_asks_for_the_access_token(script: Script) -> None:
    script.docker = ENGINE.replace("cat >/dev/null", 'echo "$* $(cat)" >> logins')
    with GoogleRegistry() as google, Federation(google) as federation:
        script.env |= {"DUAL_PUSH_ID_TOKEN": ID_TOKEN}
        script.inputs(auth="wif", wif_provider=POOL, wif_service_account=ACCOUNT)
        script.inputs(sts_url=federation.url, iam_url=federation.url)
        status, output = script.run()
    assert status == 0, output
    logins = (script.directory / "logins").read_text()
    assert f"login --username oauth2accesstoken --password-stdin eu.gcr.io {IMPERSONATED}\n" in logins
    assert ID_TOKEN not in output
    assert IMPERSONATED not in output


def test_wget_cannot_tell_why_a_token_was_denied_and_says_the_status(script: Script) -> None:
    with GoogleRegistry() as google, Federation(google) as federation:
        script.env |= {"DUAL_PUSH_ID_TOKEN": "eyJ-of-somebody-else"}
        script.inputs(auth="wif", wif_provider=POOL, sts_url=federation.url)
        status, output = script.run()
    assert status == 1, output
    assert "400 Bad Request" in output


def _quoted(text: str) -> str:
    return text.replace("'", "'\\''")
