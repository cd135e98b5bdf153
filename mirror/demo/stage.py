"""Stage: both embedded registries up, the first filled, and a configuration that mirrors one to the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.samples import fill

_USER, _PASSWORD = "mirror", "glpat-demo-only"
_CONFIGURATION = """\
registries:
  gitlab:
    kind: gitlab
    host: {gitlab}
    api_url: {api}
    insecure: true
    credentials: {{username: {user}, password_file: gitlab-token}}
  google:
    kind: google
    host: {google}
    project: {project}
    repository: {repository}
    insecure: true
    credentials: {{json_key_file: google-key.json}}
mirrors:
  - name: shop
    source: gitlab
    target: google
    repositories: ["acme/shop/**"]
    prefix: gitlab
"""


@contextmanager
def stage(folder: Path) -> Iterator[Path]:
    """The path of the configuration; the registries run until the end of the `with`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        GitLabRegistry(folder / "gitlab", users={_USER: _PASSWORD}) as gitlab,
        GoogleRegistry(folder / "google") as google,
    ):
        fill(gitlab.storage)
        _secret(folder / "gitlab-token", _PASSWORD)
        _secret(folder / "google-key.json", json.dumps(google.key))
        configuration = folder / "config.yaml"
        configuration.write_text(
            _CONFIGURATION.format(
                gitlab=gitlab.host,
                api=gitlab.api_url,
                user=_USER,
                google=google.host,
                project=google.project,
                repository="null",
            ),
            encoding="utf-8",
        )
        yield configuration


def _secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
