"""A project that uses the templates: a Git clone with a Dockerfile, and the variables that GitLab gives its jobs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.servers import gitlab_ci_local
from tests.servers.gitlab_ci_local import Pipeline
from tests.servers.pair import JOB_TOKEN, Pair

ROOT = Path(__file__).parents[3]
TEMPLATE = "ci-templates/gitlab/dual-push.yml"


class Consumer:
    """Change `variables` and the files before `run`; `text` is its .gitlab-ci.yml."""

    def __init__(self, directory: Path, pair: Pair, builder: Mapping[str, str]) -> None:
        """Make the clone, with a Dockerfile that needs no base image. `builder` is the environment it needs."""
        self.directory = directory / "app"
        self.home = directory / "home"
        self.home.mkdir(parents=True)
        self.pair = pair
        self.env = {**builder, "HOME": str(self.home)}
        self.variables = {
            "CI_REGISTRY": pair.gitlab.host,
            "CI_REGISTRY_IMAGE": pair.gitlab_image,
            "CI_REGISTRY_USER": "gitlab-ci-token",
            "CI_REGISTRY_PASSWORD": JOB_TOKEN,
            "GCP_SA_KEY": str(pair.key_file),
            "DUAL_PUSH_INPUT_RETRY_DELAY": "1",
        }
        self.directory.mkdir()
        self.file("Dockerfile", "FROM scratch\nCOPY greeting /\n")
        self.file("greeting", "hello\n")
        shutil.copytree(ROOT / "ci-templates", self.directory / "ci-templates")
        self.text = self.including()

    def file(self, name: str, content: str) -> None:
        """Write a file of the project."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def including(self, **inputs: Any) -> str:
        """A .gitlab-ci.yml that includes the template with these inputs."""
        defaults = {"gcp_image": self.pair.google_image, "services": [], "push_attempts": 1}
        return dumped({"include": [{"local": TEMPLATE, "inputs": {**defaults, **inputs}}]})

    def run(
        self,
        *arguments: str,
        branch: str = "main",
        docker: tuple[str, ...] = (),
        on_line: Callable[[str], None] = lambda line: None,
    ) -> Pipeline:
        """Commit everything and run the pipeline of `branch`."""
        self.file(".gitlab-ci.yml", self.text)
        self.file(".gitlab-ci-local-variables.yml", json.dumps(self.variables))
        self.commit(branch)
        return gitlab_ci_local.run(self.directory, self.env, *arguments, docker=docker, on_line=on_line)

    def commit(self, branch: str = "main") -> None:
        """Make `branch` of all files, in a clone that looks like one of a GitLab."""
        if not (self.directory / ".git").exists():
            self._git("init", "--quiet", f"--initial-branch={branch}")
            self._git("config", "user.name", "Ann")
            self._git("config", "user.email", "ann@example.com")
            self._git("remote", "add", "origin", "git@gitlab.example.com:acme/app.git")
        self._git("add", ".")
        self._git("commit", "--quiet", "--allow-empty", "--message", "a change")
        self._git("update-ref", "refs/remotes/origin/main", "HEAD")
        self._git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")

    def head(self) -> str:
        """The commit."""
        return self._git("rev-parse", "HEAD")

    def docker(self, *arguments: str) -> str:
        """What the Engine's own client says."""
        argv = ["docker", *arguments]
        return subprocess.run(argv, env=self.env, check=True, capture_output=True, text=True).stdout.strip()

    def handed_on(self) -> dict[str, str]:
        """The variables for the jobs that follow."""
        lines = (self.directory / "dual-push.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def summary(self) -> str:
        """The Markdown summary."""
        return (self.directory / "dual-push.md").read_text()

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.directory, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


def example(page: str, heading: str, kind: str = "yaml") -> str:
    """The first fenced block of `kind` below a heading of a page in docs/."""
    text = (ROOT / "docs" / page).read_text()
    found = re.search(rf"^#+ {re.escape(heading)}\n.*?^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no {kind} block below {heading!r}"
    return found[1]


def with_local_includes(pipeline: str, **inputs: Any) -> str:
    """An example that includes from the project's own copy of the templates, with these inputs besides."""
    parsed = loaded(pipeline)
    parsed["include"] = [
        {"local": one["file"].removeprefix("/"), "inputs": {**one.get("inputs", {}), **inputs}}
        for one in parsed["include"]
    ]
    return dumped(parsed)


def loaded(text: str) -> Any:
    """Plain data of a YAML text."""
    return YAML(typ="safe", pure=True).load(text)


def dumped(data: Mapping[str, Any]) -> str:
    """A YAML text of plain data."""
    stream = StringIO()
    YAML().dump(data, stream)
    return stream.getvalue()
