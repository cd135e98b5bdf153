"""A pair of real registries, one for each side, with the token endpoints of the embedded GitLab and Google.

The registries are Debian's, so the Docker Engine meets what it meets elsewhere; the logins are those of the
embedded ones, which compare a key whole (htpasswd compares its first 72 bytes, and every key of a project
begins alike) and deny as GitLab and Google do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from tests.servers.certificates import Authority
from tests.servers.gitlab import token_auth
from tests.servers.registry import Registry, TokenAuth, Variant
from tests.servers.seed import Seed

JOB_TOKEN = "glcbt-64_made-up-for-the-tests"
_INDEX_OR_MANIFEST = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)


class Pair:
    """GitLab's side and Google's. Stop and start `gitlab` or `google` to take one down and up."""

    def __init__(self, directory: Path, authority: Authority | None = None, **cloud: Any) -> None:
        """Start both, over TLS when there is an authority; the keywords are those of `GoogleRegistry`."""
        directory.mkdir(parents=True, exist_ok=True)
        self.authority = authority
        tls = authority.server() if authority else None
        self.accounts = GitLabRegistry(users={"gitlab-ci-token": JOB_TOKEN}).start()
        self.cloud = GoogleRegistry(project="acme-prod", **cloud).start()
        gitlab = token_auth(self.accounts, directory)
        tokens = self.cloud.tokens
        google = TokenAuth(f"{self.cloud.url}/v2/token", tokens.service, tokens.issuer, gitlab.certificates)
        self.gitlab = Registry(directory / "gitlab", Variant(token=gitlab, tls=tls))
        self.google = Registry(directory / "google", Variant(token=google, tls=tls))
        self.gitlab_image = f"{self.gitlab.host}/acme/app"
        # Another name for the same machine: containerd tells registries apart by their names without the port.
        self.google_image = f"localhost:{self.google.port}/acme-prod/app"
        self.key_file = directory / "key.json"
        self.key_file.write_text(self.key_text)

    @property
    def key(self) -> Mapping[str, Any]:
        """The service account's key."""
        return self.cloud.key

    @property
    def key_text(self) -> str:
        """The key as Google hands it out: JSON in many lines."""
        return json.dumps(self.key, indent=2) + "\n"

    def close(self) -> None:
        """Stop everything."""
        for registry in (self.gitlab, self.google):
            registry.stop()
        self.accounts.close()
        self.cloud.close()

    def seed_at_gitlab(self) -> Seed:
        """Write images to GitLab's side with this."""
        seed = Seed(self.gitlab.url, "acme/app")
        token = _token(self.gitlab, "repository:acme/app:pull,push", ("gitlab-ci-token", JOB_TOKEN))
        seed._session.headers["Authorization"] = f"Bearer {token}"
        return seed

    def digest_at_gitlab(self, tag: str) -> str | None:
        """What GitLab's side has under a tag; None when it has nothing."""
        return self._digest(self.gitlab, "acme/app", tag, ("gitlab-ci-token", JOB_TOKEN))

    def digest_at_google(self, tag: str) -> str | None:
        """What Google's side has under a tag; None when it has nothing."""
        return self._digest(self.google, "acme-prod/app", tag, ("_json_key", self.key_text))

    def manifest_at_google(self, tag: str) -> Any:
        """The manifest or index itself."""
        return self._manifest(self.google, "acme-prod/app", tag, ("_json_key", self.key_text)).json()

    def _digest(self, registry: Registry, repository: str, tag: str, login: tuple[str, str]) -> str | None:
        answer = self._manifest(registry, repository, tag, login)
        return answer.headers["Docker-Content-Digest"] if answer.status_code == 200 else None

    def _manifest(
        self, registry: Registry, repository: str, tag: str, login: tuple[str, str]
    ) -> requests.Response:
        token = _token(registry, f"repository:{repository}:pull", login)
        headers = {"Authorization": f"Bearer {token}", "Accept": _INDEX_OR_MANIFEST}
        url = f"{registry.url}/v2/{repository}/manifests/{tag}"
        verify = str(self.authority.file) if self.authority else True
        return requests.get(url, headers=headers, timeout=10, verify=verify)


def _token(registry: Registry, scope: str, login: tuple[str, str]) -> str:
    auth = registry.variant.token
    assert auth
    asked = {"scope": scope, "service": auth.service}
    return str(requests.get(auth.realm, params=asked, auth=login, timeout=10).json()["token"])
