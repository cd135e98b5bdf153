"""A real registry behind GitLab's token endpoint: who may read, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from mirror.demo.access import Access, Account
from mirror.demo.gitlab import GitLabRegistry
from tests.servers import skopeo
from tests.servers.gitlab import token_auth
from tests.servers.registry import Registries, Registry
from tests.servers.seed import Seed
from tests.servers.skopeo import Image, Refused


@pytest.fixture
def gitlab() -> Iterator[GitLabRegistry]:
    with GitLabRegistry(users={"mirror": Account("secret")}) as gitlab:
        yield gitlab


@pytest.fixture
def behind(gitlab: GitLabRegistry, registries: Registries, tmp_path: Path) -> Registry:
    return registries(token=token_auth(gitlab, tmp_path))


def _status(registry: Registry, token: str, path: str = "acme/api/tags/list") -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{registry.url}/v2/{path}", headers=headers, timeout=5).status_code


def test_skopeo_gets_its_token_from_gitlab(
    behind: Registry, gitlab: GitLabRegistry, registries: Registries, tmp_path: Path
) -> None:
    plain = registries()
    image = Seed(plain.url, "acme/api").image("1.0")
    login = skopeo.authfile(tmp_path / "auth.json", {behind.host: ("mirror", "secret")})
    skopeo.copy(Image(f"{plain.host}/acme/api:1.0"), Image(f"{behind.host}/acme/api:1.0", login))
    assert skopeo.digest(Image(f"{behind.host}/acme/api:1.0", login)) == image["digest"]
    wrong = skopeo.authfile(tmp_path / "wrong.json", {behind.host: ("mirror", "guess")})
    with pytest.raises(Refused, match="denied"):
        skopeo.digest(Image(f"{behind.host}/acme/api:1.0", wrong))


def test_a_token_opens_only_what_it_names(behind: Registry, gitlab: GitLabRegistry) -> None:
    token = gitlab.tokens.mint("mirror", [Access.to("acme/api", "pull")])
    assert _status(behind, token) == 404
    assert _status(behind, token, "acme/other/tags/list") == 401


def test_a_token_ends(behind: Registry, gitlab: GitLabRegistry) -> None:
    access = [Access.to("acme/api", "pull")]
    short = replace(gitlab.tokens, lifetime=5, backdate=60)
    ended = replace(gitlab.tokens, lifetime=5, backdate=66)
    assert _status(behind, short.mint("mirror", access)) == 404
    assert _status(behind, ended.mint("mirror", access)) == 401
