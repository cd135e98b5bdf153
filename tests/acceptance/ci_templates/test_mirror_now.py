"""The template that has an image copied now: by the daemon that is told of it, or by the job itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirror.service.server import Server
from mirror.service.triggers import Trigger
from mirror.service.web import create_app
from tests.acceptance.ci_templates.consumer import ROOT, Consumer, example, loaded, with_local_includes
from tests.acceptance.ci_templates.test_lint import BIN, lint
from tests.acceptance.ci_templates.traces import private_parts, traces
from tests.servers.pair import Pair
from tests.unit.service.fake_service import Still

PAGE = "how-to/gitlab-ci.md"
SECRET = "a-hook-secret-for-the-tests"


@pytest.fixture
def project(tmp_path: Path, pair: Pair) -> Consumer:
    """A project whose image is in GitLab's registry already; it needs no Engine."""
    consumer = Consumer(tmp_path, pair, {"PATH": f"{BIN}:{os.environ['PATH']}"})
    consumer.variables["GCR_MIRROR_HOOK_SECRET"] = SECRET
    return consumer


@pytest.fixture
def daemon() -> Still:
    """The daemon's own web server, with nothing behind it."""
    service = Still()
    service.hook_secret = SECRET
    return service


@pytest.fixture
def url(daemon: Still) -> Iterator[str]:
    """Where it answers."""
    server = Server(create_app(daemon), "127.0.0.1:0")
    yield f"http://127.0.0.1:{server.port}/"
    server.stop()


def test_the_daemon_is_told_of_every_tag(project: Consumer, daemon: Still, url: str) -> None:
    text = example(PAGE, "Tell the daemon, or copy without one")
    project.text = with_local_includes(text, url=url, tags="main 1.0")
    pipeline = project.run()
    assert pipeline.jobs == {"mirror-now": "PASS"}
    assert daemon.taken == [Trigger("acme/app", "main"), Trigger("acme/app", "1.0")]
    assert SECRET not in pipeline.output


def test_a_daemon_that_does_not_answer_is_a_warning_only(project: Consumer) -> None:
    text = example(PAGE, "Tell the daemon, or copy without one")
    project.text = with_local_includes(text, url="http://127.0.0.1:1", attempts=0)
    pipeline = project.run()
    assert pipeline.jobs == {"mirror-now": "WARN 7"}
    assert pipeline.status == 0


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (
            {"url": "mirror.example.com"},
            "the input url is 'mirror.example.com': it is the address of the daemon",
        ),
        ({"url": "https://mirror.example.com", "secret_variable": "NONE"}, "the variable NONE is empty"),
        ({"mode": "copy"}, "the input gcp_image is empty: mode copy has to know where to"),
    ],
)
def test_what_is_missing_is_named(project: Consumer, inputs: dict[str, str], says: str) -> None:
    project.text = with_local_includes(example(PAGE, "Tell the daemon, or copy without one"), **inputs)
    pipeline = project.run()
    assert pipeline.jobs == {"mirror-now": "WARN 2"}
    assert says in pipeline.output


def test_without_a_daemon_the_job_copies_digest_for_digest(project: Consumer, pair: Pair) -> None:
    pushed = pair.seed_at_gitlab().image("main")
    project.text = with_local_includes(
        example(PAGE, "Without a daemon"), gcp_image=pair.google_image, tags="main"
    )
    pipeline = project.run()
    assert pipeline.jobs == {"mirror-now": "PASS"}
    assert pair.digest_at_google("main") == pushed["digest"]
    assert traces(private_parts(pair), pipeline.output) == []


def test_the_linters_are_content(project: Consumer, tmp_path: Path) -> None:
    template = "ci-templates/gitlab/mirror-now.yml"
    header, _, _ = (ROOT / template).read_text().partition("\n---\n")
    (tmp_path / "header.yml").write_text(header)
    assert not lint("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", tmp_path / "header.yml")
    project.text = with_local_includes(
        example(PAGE, "Tell the daemon, or copy without one"), runner_tags=["docker"]
    )
    _, _, rendered = project.run("--preview").output.partition("---\n")
    (tmp_path / "rendered.yml").write_text(rendered)
    arguments = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    assert not lint("check-jsonschema", *arguments, tmp_path / "rendered.yml")
    (tmp_path / "script.sh").write_text(loaded(rendered)["mirror-now"]["script"][0])
    assert not lint("shellcheck", "--shell", "busybox", tmp_path / "script.sh")
