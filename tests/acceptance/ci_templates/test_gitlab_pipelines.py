"""The GitLab template in the pipelines that a project has: branches, Git tags, merge requests, and several images."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.ci_templates.consumer import Consumer, example, with_local_includes
from tests.servers.pair import Pair


def test_a_branch_is_pushed_under_its_name_and_its_commit(consumer: Consumer, pair: Pair) -> None:
    assert consumer.run(branch="fix/Login_2").jobs == {"dual-push": "PASS"}
    commit = consumer.head()[:8]
    assert pair.digest_at_google("fix-login-2") == pair.digest_at_google(commit) is not None
    assert pair.digest_at_gitlab("fix-login-2") == pair.digest_at_gitlab(commit) is not None


def test_a_git_tag_is_pushed_under_its_name(consumer: Consumer, pair: Pair) -> None:
    arguments = ("--variable", "CI_COMMIT_TAG=v1.2.3+rc.1", "--unset-variable", "CI_COMMIT_BRANCH")
    assert consumer.run(*arguments).jobs == {"dual-push": "PASS"}
    # + is no letter of a tag.
    assert pair.digest_at_google("v1.2.3-rc.1") == pair.digest_at_gitlab("v1.2.3-rc.1") is not None


def test_a_merge_request_builds_and_pushes_nothing_and_needs_no_key(consumer: Consumer, pair: Pair) -> None:
    del consumer.variables["GCP_SA_KEY"]
    arguments = ("--variable", "CI_PIPELINE_SOURCE=merge_request_event")
    pipeline = consumer.run(*arguments)
    assert pipeline.jobs == {"dual-push": "PASS"}
    assert "Successfully built" in pipeline.output
    assert consumer.handed_on()["DUAL_PUSH_STATUS"] == "built"
    assert pair.gitlab.count("POST") == pair.google.count("POST") == 0


def test_push_can_be_switched_off_and_on(consumer: Consumer, pair: Pair) -> None:
    consumer.text = consumer.including(push="never")
    assert consumer.run().jobs == {"dual-push": "PASS"}
    assert pair.digest_at_google("main") is None
    consumer.text = consumer.including(push="always")
    arguments = ("--variable", "CI_PIPELINE_SOURCE=merge_request_event")
    assert consumer.run(*arguments).jobs == {"dual-push": "PASS"}
    assert pair.digest_at_google("main") is not None


def test_the_inputs_reach_the_build_as_they_were_written(consumer: Consumer, pair: Pair) -> None:
    consumer.file(
        "images/Containerfile",
        "FROM scratch AS first\nARG WORDS\nLABEL words=$WORDS\nCOPY greeting /\nFROM first AS second\nLABEL two=2\n",
    )
    consumer.file("sub/greeting", "hello from below\n")
    consumer.text = consumer.including(
        dockerfile="images/Containerfile",
        context="sub",
        target="first",
        build_args='WORDS=it\'s "two" words; $(id)\nUNUSED=1',
        tags="1.0 latest",
        gitlab_image="$CI_REGISTRY_IMAGE/api",
        gcp_image=f"{pair.google_image}/api",
        job_name="image-of-the-api",
        stage="test",
        dotenv_prefix="API",
    )
    pipeline = consumer.run()
    assert pipeline.jobs == {"image-of-the-api": "PASS"}
    assert "(test)" in pipeline.output
    assert consumer.handed_on()["API_GCP_IMAGE"].startswith(f"{pair.google_image}/api@sha256:")
    labels = consumer.docker(
        "image", "inspect", "--format", "{{json .Config.Labels}}", f"{pair.gitlab_image}/api:1.0"
    )
    assert labels == r"""{"words":"it's \"two\" words; $(id)"}"""
    tags = consumer.docker("images", "--format", "{{.Tag}}", f"{pair.google_image}/api").split()
    assert {"1.0", "latest"} <= set(tags)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"builder": "kaniko"}, "kaniko"),
        ({"on_partial_failure": "ignore"}, "ignore"),
        ({"key_variable": '{"private_key"'}, "key_variable"),
        ({"push_attempts": "many"}, "number"),
    ],
)
def test_an_input_of_a_wrong_kind_makes_no_pipeline(
    consumer: Consumer, inputs: dict[str, str], says: str
) -> None:
    consumer.text = consumer.including(**inputs)
    pipeline = consumer.run()
    assert pipeline.status == 1
    assert pipeline.jobs == {}
    assert says in pipeline.output


def test_two_images_in_one_pipeline_hand_on_their_own_variables(consumer: Consumer, pair: Pair) -> None:
    for image in ("api", "web"):
        consumer.file(f"{image}/Dockerfile", "FROM scratch\nCOPY words /\n")
        consumer.file(f"{image}/words", image)
    text = with_local_includes(example("how-to/gitlab-ci.md", "Several images"), services=[])
    consumer.text = text.replace("eu.gcr.io/your-project/", f"{pair.google_image}/")
    pipeline = consumer.run()
    assert pipeline.jobs == {"api": "PASS", "web": "PASS", "deploy": "PASS"}
    assert f"deploying {pair.google_image}/api@sha256:" in pipeline.output
    assert f" and {pair.google_image}/web@sha256:" in pipeline.output


def test_nothing_is_left_behind(consumer: Consumer, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    consumer.env["TMPDIR"] = str(temporary)
    assert consumer.run().jobs == {"dual-push": "PASS"}
    assert not [path for path in temporary.iterdir() if path.name.startswith("tmp.")]
    assert "dual-push" not in consumer.docker("images", "--format", "{{.Repository}}")
