"""`gcr-mirror list` as a user runs it: repository, tag, digest and age, on either side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mirror.demo import images
from mirror.demo.gitlab import GitLabRegistry
from tests.servers.command import configuration, gcr_mirror, plain
from tests.servers.registry import Registry
from tests.servers.seed import Seed


def test_a_row_for_each_tag_that_the_pattern_means(tmp_path: Path, registry: Registry) -> None:
    seed = Seed(registry.url, "acme/shop/api")
    digest = str(seed.image("1.0")["digest"])
    seed.image("1.1", layers=(b"other",))
    Seed(registry.url, "acme/tools/x").image("1.0")
    config = configuration(tmp_path, plain(registry.host), plain("127.0.0.1:9"))
    ran = gcr_mirror("list", "-c", config, "from", "acme/shop/**", home=tmp_path)
    head, first, second = (line.split() for line in ran.out.splitlines())
    assert ran.code == 0
    assert head == ["REGISTRY", "REPOSITORY", "TAG", "DIGEST", "AGE"]
    assert first == ["from", "acme/shop/api", "1.0", digest[: len("sha256:") + 12], "?"]
    assert second[:3] == ["from", "acme/shop/api", "1.1"]


def test_ages_are_those_that_gitlab_tells(tmp_path: Path) -> None:
    with GitLabRegistry(tmp_path / "gitlab") as gitlab:
        repository = gitlab.storage.repository("acme/api")
        images.image("api").store(repository, "1.0")
        repository.date("1.0", datetime.now(UTC) - timedelta(days=3, hours=2))
        (tmp_path / "token").write_text("secret")
        login = {"username": "mirror", "password_file": "token"}
        source = plain(gitlab.host, kind="gitlab", api_url=gitlab.api_url, credentials=login)
        config = configuration(tmp_path, source, plain("127.0.0.1:9"), repositories=["acme/**"])
        ran = gcr_mirror("list", "-c", config, "from", "acme/**", home=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[1].split()[-1] == "3d"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "there is no registry 'nowhere'; the configuration has from, to"),
        (["from", "acme/["], "'acme/[' has a '[' without its ']'"),
        (["from", "!acme"], "only negations: nothing is included; add a pattern such as '**'"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(tmp_path: Path, words: list[str], said: str) -> None:
    config = configuration(tmp_path, plain("127.0.0.1:9"), plain("127.0.0.1:10"))
    ran = gcr_mirror("list", "-c", config, *words, home=tmp_path)
    assert (ran.code, ran.out, ran.err) == (2, "", f"gcr-mirror: {said}\n")
