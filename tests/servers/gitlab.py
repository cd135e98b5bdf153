"""A real registry run as GitLab runs its own: tokens come from GitLab's `/jwt/auth`, here the embedded one."""

from __future__ import annotations

from pathlib import Path

from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.tokens import certificate_pem
from tests.servers.registry import TokenAuth


def token_auth(gitlab: GitLabRegistry, directory: Path) -> TokenAuth:
    """For `registries(token=...)`: believe what `gitlab` signs. Its certificate goes to `directory`."""
    certificate = directory / "gitlab-tokens.crt"
    certificate.write_bytes(certificate_pem())
    return TokenAuth(gitlab.realm, gitlab.tokens.service, gitlab.tokens.issuer, certificate)
