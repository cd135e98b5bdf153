"""What linters say of the templates, of the script in them and of what they become in a pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.ci_templates.consumer import ROOT, TEMPLATE, Consumer, example, loaded

ACTION = "ci-templates/github/action.yml"
WORKFLOW = ".github/workflows/dual-push.yml"
BIN = Path(sys.executable).parent


def lint(*argv: str | Path, cwd: Path = ROOT) -> str:
    """What a linter has to say; nothing when it is content."""
    program, *arguments = map(str, argv)
    done = subprocess.run(
        [BIN / program, *arguments],
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_every_file_that_holds_the_script_holds_it_as_it_is() -> None:
    done = subprocess.run(
        [ROOT / "scripts/ci-templates", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_catalog_finds_a_byte_identical_copy() -> None:
    assert (ROOT / "templates/dual-push.yml").read_bytes() == (ROOT / TEMPLATE).read_bytes()
    assert not (ROOT / "templates/dual-push.yml").is_symlink()


def test_yamllint_is_content() -> None:
    assert not lint("yamllint", "--strict", "ci-templates", "templates", ".github", ".yamllint.yaml")


def test_the_inputs_are_what_gitlabs_schema_allows(tmp_path: Path) -> None:
    header, _, _ = (ROOT / TEMPLATE).read_text().partition("\n---\n")
    file = tmp_path / "header.yml"
    file.write_text(header)
    assert not lint("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", file)


def test_every_input_is_described_or_says_enough_by_its_name() -> None:
    header, _, _ = (ROOT / TEMPLATE).read_text().partition("\n---\n")
    silent = {name for name, spec in loaded(header)["spec"]["inputs"].items() if "description" not in spec}
    assert silent == {"dockerfile", "job_name", "stage"}


@pytest.fixture
def rendered(consumer: Consumer) -> Path:
    """The pipeline that the template becomes."""
    consumer.text = consumer.including(runner_tags=["docker"], services=["docker:29-dind"])
    file = consumer.directory.parent / "rendered.yml"
    _, _, pipeline = consumer.run("--preview").output.partition("---\n")
    file.write_text(pipeline)
    return file


def test_the_pipeline_is_what_gitlabs_schema_allows(rendered: Path) -> None:
    arguments = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    assert not lint("check-jsonschema", *arguments, rendered)


def test_shellcheck_finds_nothing_in_the_script_for_busybox(rendered: Path, tmp_path: Path) -> None:
    (script,) = loaded(rendered.read_text())["dual-push"]["script"]
    file = tmp_path / "script.sh"
    file.write_text(script)
    assert "dual-push:" in script
    assert not lint("shellcheck", "--shell", "busybox", file)


def test_the_action_is_what_githubs_schema_allows() -> None:
    assert not lint("check-jsonschema", "--builtin-schema", "vendor.github-actions", ACTION)


def test_the_workflow_is_what_githubs_schema_allows() -> None:
    assert not lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW)


@pytest.mark.parametrize("file", [ACTION, WORKFLOW])
def test_actionlint_finds_nothing(file: str) -> None:
    """With shellcheck, which it runs on every script."""
    assert not lint("jactionlint", file)


@pytest.mark.parametrize(
    "heading", ["A whole workflow", "As a reusable workflow", "Without a key", "Several platforms"]
)
def test_actionlint_finds_nothing_in_the_examples_of_the_page(tmp_path: Path, heading: str) -> None:
    file = tmp_path / ".github" / "workflows" / "image.yml"
    file.parent.mkdir(parents=True)
    file.write_text(example("how-to/github-actions.md", heading))
    # The default profile also asks for what an example is better without: concurrency, time limits, pinned hashes.
    assert not lint("jactionlint", "--profile=correctness", file, cwd=tmp_path)


def test_zizmor_finds_no_weakness() -> None:
    assert not lint("zizmor", "--offline", "--no-progress", "ci-templates/github", ".github")


def test_the_workflow_has_the_inputs_and_outputs_of_the_action() -> None:
    action = loaded((ROOT / ACTION).read_text())
    call = loaded((ROOT / WORKFLOW).read_text())["on"]["workflow_call"]
    assert {*call["inputs"], *call["secrets"]} - {"runner"} == set(action["inputs"])
    assert set(call["outputs"]) == set(action["outputs"])
    described = {name: spec["description"] for name, spec in action["inputs"].items()}
    assert {name: spec["description"] for name, spec in call["inputs"].items() if name != "runner"} == {
        name: text for name, text in described.items() if name in call["inputs"]
    }


def test_shellcheck_finds_nothing_in_the_scripts_of_the_project() -> None:
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.read_text().startswith("#!/bin/sh")]
    assert scripts
    assert not lint("shellcheck", *scripts)
