"""The ways in which a project takes the template, and GitLab's docker executor, whose image has busybox only."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.ci_templates.consumer import ROOT, Consumer, example
from tests.servers.engine import Engine
from tests.servers.pair import Pair
from tests.servers.stand_ins import docker_cli, helper

PAGE = "how-to/gitlab-ci.md"
PROJECT = "your-group/gitlab-gcr-mirror"


@pytest.fixture
def published(consumer: Consumer, tmp_path: Path) -> Consumer:
    """A project beside ours in one GitLab, whose Git server is a stand-in for ssh."""
    source = tmp_path / "published"
    for folder in ("ci-templates", "templates"):
        shutil.copytree(ROOT / folder, source / folder)
    shutil.rmtree(consumer.directory / "ci-templates")
    git = ["git", "-C", str(source), "-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    for arguments in (
        ["init", "--quiet"],
        ["add", "."],
        ["commit", "--quiet", "-m", "v1"],
        ["tag", "v1"],
        ["tag", "1.0.0"],
    ):
        subprocess.run([*git, *arguments], check=True)
    ssh = tmp_path / "ssh"
    # The last argument is the command with the path of the repository: serve ours, whatever it says.
    ssh.write_text(f'#!/bin/sh\nfor last; do :; done\nexec ${{last%% *}} "{source}"\n')
    ssh.chmod(0o755)
    consumer.env |= {"GIT_SSH_COMMAND": str(ssh), "GIT_SSH_VARIANT": "ssh", "GIT_CONFIG_COUNT": "1"}
    consumer.env |= {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    return consumer


@pytest.mark.parametrize("heading", ["A whole pipeline", "As a component"])
def test_the_examples_of_the_page_run_as_they_stand(published: Consumer, pair: Pair, heading: str) -> None:
    """But for the name of the image at Google, and the service that would be a Docker Engine."""
    published.text = (
        example(PAGE, heading)
        .replace("eu.gcr.io/your-project/app", pair.google_image)
        .replace("    inputs:\n", "    inputs:\n      services: []\n")
    )
    assert published.run().jobs["dual-push"] == "PASS"
    assert pair.digest_at_google("main") == pair.digest_at_gitlab("main") is not None


def test_the_docker_executor_runs_it_in_an_image_with_busybox_only(
    consumer: Consumer, pair: Pair, engine: Engine, tmp_path: Path
) -> None:
    docker_cli(engine, tmp_path)
    options = (
        "--helper-image",
        helper(engine, tmp_path),
        "--pull-policy=if-not-present",
        "--network=host",
        f"--volume={engine.socket}:/var/run/docker.sock",
    )
    pipeline = consumer.run(docker=options)
    assert pipeline.jobs == {"dual-push": "PASS"}
    assert "docker:29-cli" in pipeline.output
    assert pair.digest_at_google("main") == pair.digest_at_gitlab("main") is not None
    assert consumer.handed_on()["DUAL_PUSH_STATUS"] == "pushed"
