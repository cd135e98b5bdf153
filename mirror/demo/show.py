"""The stage of the demo: both registries, filled, and the configuration that mirrors one to the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.samples import fill

PROJECT = "arctic-goal-676703"
PREFIX = "gitlab"
_CONFIGURATION = """\
registries:
  gitlab:
    kind: gitlab
    host: {gitlab}
    api_url: http://{gitlab}
    insecure: true  # plain http: both registries are on this machine
    credentials: {{username: mirror, password_file: {folder}/gitlab-token}}
  gcr:
    kind: google
    host: {google}
    project: {project}
    insecure: true
    credentials: {{json_key_file: {folder}/key.json}}
mirrors:
  - name: shop
    source: gitlab
    target: gcr
    repositories: ["acme/shop/**"]
    prefix: {prefix}
"""


@contextmanager
def stage(folder: Path) -> Iterator[Path]:
    """Both registries while the block lasts; the path of the configuration, which lies in `folder`."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    password = "glpat-made-up-for-the-demo"
    with (
        GitLabRegistry(folder / "gitlab", users={"mirror": password}) as gitlab,
        GoogleRegistry(folder / "google", project=PROJECT) as google,
    ):
        fill(gitlab.storage)
        _write_secret(folder / "gitlab-token", password)
        _write_secret(folder / "key.json", json.dumps(google.key))
        configuration = folder / "config.yaml"
        configuration.write_text(
            _CONFIGURATION.format(
                gitlab=gitlab.host, google=google.host, folder=folder, project=PROJECT, prefix=PREFIX
            ),
            encoding="utf-8",
        )
        yield configuration


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
