"""The action and the reusable workflow, run by act against a real Engine and real registries."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.ci_templates.consumer import ROOT, Consumer, example
from tests.acceptance.ci_templates.traces import private_parts, traces
from tests.servers import act
from tests.servers.act import Run
from tests.servers.engine import Engine
from tests.servers.federation import ACCOUNT, ID_TOKEN, IMPERSONATED, POOL, REQUEST_TOKEN, Federation
from tests.servers.pair import JOB_TOKEN

PAGE = "how-to/github-actions.md"
OURS = "your-group/gitlab-gcr-mirror@v1"


class Repository:
    """A repository on GitHub whose images go to the pair; change its secrets before `run`.

    `env` is what GitHub's runner would set, and what only a test sets. act hands no environment down to an action,
    so it is written into the published copies of ours.
    """

    def __init__(self, consumer: Consumer, published: Path) -> None:
        self.consumer = consumer
        self.pair = consumer.pair
        self.published = published
        self.secrets = {"GITLAB_DEPLOY_TOKEN": JOB_TOKEN, "GCP_SA_KEY": json.dumps(self.pair.key)}
        self.env = {"DUAL_PUSH_INPUT_RETRY_DELAY": "0"}

    def run(
        self,
        heading: str = "A whole workflow",
        event: str = "push",
        ref: str = "refs/heads/main",
        change: Callable[[str], str] = lambda text: text,
    ) -> Run:
        """Run an example of the page, changed by no more than the names of the images, and `change`."""
        text = (
            example(PAGE, heading)
            .replace("eu.gcr.io/your-project/app", self.pair.google_image)
            .replace("registry.gitlab.com/your-group/app", self.pair.gitlab_image)
            .replace("your-deploy-user", "gitlab-ci-token")
        )
        self.consumer.file(".github/workflows/image.yml", change(text))
        self.consumer.commit()
        self._publish()
        return act.run(
            self.consumer.directory,
            self.consumer.env,
            event,
            payload={"ref": ref},
            secrets=self.secrets,
            variables={"GITLAB_DEPLOY_USER": "gitlab-ci-token"},
            actions={OURS: self.published},
        )

    def _publish(self) -> None:
        for name in ("ci-templates/github/action.yml", ".github/workflows/dual-push.yml"):
            text = (ROOT / name).read_text()
            (indent,) = re.findall(r"^( +)env:$", text, re.MULTILINE)
            lines = "".join(f"{indent}  {name}: '{value}'\n" for name, value in self.env.items())
            path = self.published / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace(f"{indent}env:\n", f"{indent}env:\n{lines}"))
        git = ["git", "-C", str(self.published), "-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
        for arguments in (
            ["init", "--quiet"],
            ["add", "."],
            ["commit", "--quiet", "-m", "v1"],
            ["tag", "v1"],
        ):
            subprocess.run([*git, *arguments], check=True)


@pytest.fixture
def repository(consumer: Consumer, tmp_path: Path) -> Repository:
    """A repository, and ours as it is published."""
    return Repository(consumer, tmp_path / "published")


def outputs(run: Run) -> dict[str, str]:
    """The outputs of the step."""
    lines = [line.partition("::set-output:: ")[2] for line in run.output.splitlines()]
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.parametrize("heading", ["A whole workflow", "As a reusable workflow"])
def test_the_examples_of_the_page_deploy_one_digest_that_both_registries_have(
    repository: Repository, heading: str
) -> None:
    run = repository.run(heading)
    assert run.status == 0
    pair = repository.pair
    digest = pair.digest_at_google("main")
    assert digest == pair.digest_at_gitlab("main") is not None
    assert f"deploying {pair.gitlab_image}@{digest}" in run.output
    assert outputs(run) == {
        "digest": digest,
        "gitlab_image": f"{pair.gitlab_image}@{digest}",
        "gcp_image": f"{pair.google_image}@{digest}",
        "status": "pushed",
        "partial": "false",
    }
    assert "| Google | `" in run.output, "the summary of the job"
    assert traces(private_parts(pair), run.output) == []


@pytest.mark.parametrize("down", ["gitlab", "google"])
def test_with_one_registry_down_the_run_warns_and_deploys_from_the_other(
    repository: Repository, down: str
) -> None:
    pair = repository.pair
    {"gitlab": pair.gitlab, "google": pair.google}[down].stop()
    run = repository.run()
    assert run.status == 0
    there, digest = (
        (pair.google_image, pair.digest_at_google("main"))
        if down == "gitlab"
        else (pair.gitlab_image, pair.digest_at_gitlab("main"))
    )
    assert outputs(run)["partial"] == "true"
    assert outputs(run)["status"] == "partial"
    assert f"deploying {there}@{digest}" in run.output
    assert "::warning title=dual-push::" in run.output or "🚧  ::warning" in run.output
    assert run.output.count("attempt 4 of 5 failed") == 1


def test_with_one_registry_down_the_job_fails_when_it_shall(repository: Repository) -> None:
    repository.pair.google.stop()
    run = repository.run(change=lambda text: text.replace("on_partial_failure: warn", "push_attempts: 1"))
    assert run.status == 1
    assert run.jobs == {"image": "failed"}
    assert outputs(run)["status"] == "partial"
    assert repository.pair.digest_at_gitlab("main") is not None


def test_a_pull_request_builds_and_pushes_nothing_and_needs_no_secret(repository: Repository) -> None:
    repository.secrets = {}
    run = repository.run(event="pull_request", ref="refs/pull/7/merge")
    assert run.status == 0
    assert outputs(run)["status"] == "built"
    assert run.jobs == {"image": "succeeded"}
    assert repository.pair.gitlab.count("POST") == repository.pair.google.count("POST") == 0


def test_a_git_tag_is_pushed_under_its_name(repository: Repository) -> None:
    assert repository.run(ref="refs/tags/v1.2.3").status == 0
    assert repository.pair.digest_at_google("v1.2.3") is not None


@pytest.mark.parametrize("form", ["many lines", "base64"])
def test_the_key_is_taken_from_the_secret_in_any_form(repository: Repository, form: str) -> None:
    text = repository.pair.key_text
    repository.secrets["GCP_SA_KEY"] = (
        text if form == "many lines" else base64.b64encode(text.encode()).decode()
    )
    run = repository.run()
    assert run.status == 0
    assert repository.pair.digest_at_google("main") is not None
    assert traces(private_parts(repository.pair), run.output) == []


@pytest.mark.parametrize("key", [None, "AIzaSyA-api-key-and-no-json"])
def test_a_key_that_is_none_ends_the_job_before_the_build(repository: Repository, key: str | None) -> None:
    if key is None:
        del repository.secrets["GCP_SA_KEY"]
    else:
        repository.secrets["GCP_SA_KEY"] = key
    run = repository.run()
    assert run.jobs == {"image": "failed"}
    says = "Pull requests from forks get none" if key is None else "is not the JSON key of a service account"
    assert says in run.output
    assert "FROM scratch" not in run.output


def test_a_key_that_google_does_not_know_leaves_gitlab_with_the_image(repository: Repository) -> None:
    key: dict[str, Any] = {**repository.pair.key, "private_key_id": "0" * 40}
    repository.secrets["GCP_SA_KEY"] = json.dumps(key)
    run = repository.run()
    assert run.status == 0, "the example warns"
    assert outputs(run)["status"] == "partial"
    assert "refuses the login of" in run.output
    assert repository.pair.digest_at_gitlab("main") is not None


def test_without_a_key_the_identity_of_the_job_pushes(repository: Repository) -> None:
    with Federation(repository.pair.cloud) as federation:
        repository.env |= {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{federation.url}/id-token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
            "DUAL_PUSH_INPUT_STS_URL": federation.url,
            "DUAL_PUSH_INPUT_IAM_URL": federation.url,
        }
        run = repository.run(
            "Without a key",
            change=lambda text: text.replace("pusher@your-project.iam.gserviceaccount.com", ACCOUNT),
        )
    assert run.status == 0
    assert POOL in example(PAGE, "Without a key")
    assert repository.pair.digest_at_google("main") == repository.pair.digest_at_gitlab("main") is not None
    assert ID_TOKEN not in run.output
    assert IMPERSONATED not in run.output


def test_an_image_of_several_platforms_has_one_digest_on_both_sides(
    repository: Repository, engine_with_indexes: Engine
) -> None:
    """The example but for the step that gives GitHub's runner such an Engine: here there is one."""
    repository.consumer.env |= engine_with_indexes.env
    plugins = repository.consumer.home / ".docker" / "cli-plugins"
    plugins.parent.mkdir()
    plugins.symlink_to(engine_with_indexes.programs / "cli-plugins")

    def change(text: str) -> str:
        return re.sub(
            r"      - uses: docker/setup-docker-action.*?(?=      - uses)", "", text, flags=re.DOTALL
        )

    run = repository.run("Several platforms", change=change)
    assert run.status == 0
    pair = repository.pair
    assert pair.digest_at_google("main") == pair.digest_at_gitlab("main") is not None
    assert len(pair.manifest_at_google("main")["manifests"]) == 2
