"""The builders of the GitLab template: what several platforms, attestations and no Engine at all come to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.ci_templates.consumer import Consumer, example, with_local_includes
from tests.servers.certificates import Authority
from tests.servers.engine import Engine
from tests.servers.pair import Pair
from tests.servers.present import require

TWO = "linux/amd64,linux/arm64"


@pytest.fixture
def with_buildx(tmp_path: Path, pair: Pair, engine_with_indexes: Engine) -> Consumer:
    """A project on an Engine that holds indexes; buildx is a plug-in of the user's, as many have it."""
    consumer = Consumer(tmp_path, pair, engine_with_indexes.env)
    plugins = consumer.home / ".docker" / "cli-plugins"
    plugins.parent.mkdir()
    plugins.symlink_to(engine_with_indexes.programs / "cli-plugins")
    return consumer


@pytest.fixture
def with_buildah(tmp_path: Path, authority: Authority) -> Iterator[Consumer]:
    """A project without any Engine, whose store is its own. buildah wants TLS, even on loopback."""
    require("buildah")
    pair = Pair(tmp_path / "pair", authority)
    consumer = Consumer(tmp_path, pair, {"PATH": "/usr/bin:/bin:/usr/sbin"})
    storage = tmp_path / "storage.conf"
    roots = f'runroot = "{tmp_path}/run"\ngraphroot = "{tmp_path}/graph"\n'
    storage.write_text(f'[storage]\ndriver = "vfs"\n{roots}')
    consumer.env |= {"CONTAINERS_STORAGE_CONF": str(storage), "SSL_CERT_FILE": str(authority.file)}
    yield consumer
    pair.close()


def platforms(pair: Pair) -> list[str]:
    """The platforms of the index that Google's side has under main."""
    index = pair.manifest_at_google("main")
    return [
        f"{entry['platform']['os']}/{entry['platform']['architecture']}"
        for entry in index.get("manifests", [])
    ]


def test_an_image_of_several_platforms_has_one_digest_on_both_sides(
    with_buildx: Consumer, pair: Pair
) -> None:
    with_buildx.text = with_local_includes(
        example("how-to/gitlab-ci.md", "Several platforms"), gcp_image=pair.google_image, services=[]
    )
    assert with_buildx.run().jobs == {"dual-push": "PASS"}
    assert pair.digest_at_google("main") == pair.digest_at_gitlab("main") is not None
    assert platforms(pair) == ["linux/amd64", "linux/arm64"]


def test_an_attestation_of_the_build_reaches_both_sides(with_buildx: Consumer, pair: Pair) -> None:
    with_buildx.text = with_buildx.including(builder="buildx", provenance="max")
    assert with_buildx.run().jobs == {"dual-push": "PASS"}
    assert pair.digest_at_google("main") == pair.digest_at_gitlab("main") is not None
    assert platforms(pair) == ["linux/amd64", "unknown/unknown"]


@pytest.mark.parametrize("builder", ["docker", "buildx"])
def test_there_is_no_attestation_unless_it_is_asked_for(
    with_buildx: Consumer, pair: Pair, builder: str
) -> None:
    """This Engine would add one by itself."""
    with_buildx.text = with_buildx.including(builder=builder)
    assert with_buildx.run().jobs == {"dual-push": "PASS"}
    assert platforms(pair) == []


def test_a_cache_in_a_registry_is_written_and_read(with_buildx: Consumer, pair: Pair) -> None:
    with_buildx.text = with_buildx.including(builder="buildx", cache="$CI_REGISTRY_IMAGE/cache")
    assert with_buildx.run().jobs == {"dual-push": "PASS"}
    with_buildx.docker("builder", "prune", "--all", "--force")
    again = with_buildx.run()
    assert again.jobs == {"dual-push": "PASS"}
    assert "importing cache manifest from" in again.output
    assert "CACHED" in again.output


def test_a_cache_that_does_not_answer_costs_no_image(with_buildx: Consumer, pair: Pair) -> None:
    pair.gitlab.stop()
    with_buildx.text = with_buildx.including(
        builder="buildx", cache="$CI_REGISTRY_IMAGE/cache", on_partial_failure="warn"
    )
    assert with_buildx.run().jobs == {"dual-push": "WARN 75"}
    assert pair.digest_at_google("main") is not None


def test_buildah_pushes_one_digest_to_both_sides_without_an_engine(with_buildah: Consumer) -> None:
    with_buildah.text = with_local_includes(
        example("how-to/gitlab-ci.md", "Without a Docker Engine"),
        gcp_image=with_buildah.pair.google_image,
        tags="main 1.0",
    )
    assert with_buildah.run().jobs == {"dual-push": "PASS"}
    assert with_buildah.pair.digest_at_google("main") == with_buildah.pair.digest_at_gitlab("1.0") is not None


def test_buildah_keeps_several_platforms_together(with_buildah: Consumer) -> None:
    with_buildah.text = with_buildah.including(builder="buildah", platforms=TWO)
    assert with_buildah.run().jobs == {"dual-push": "PASS"}
    assert (
        with_buildah.pair.digest_at_google("main") == with_buildah.pair.digest_at_gitlab("main") is not None
    )
    assert sorted(platforms(with_buildah.pair)) == ["linux/amd64", "linux/arm64"]


def test_buildah_leaves_one_registry_that_is_down_behind(with_buildah: Consumer) -> None:
    with_buildah.pair.google.stop()
    with_buildah.text = with_buildah.including(builder="buildah", cache="$CI_REGISTRY_IMAGE/cache")
    assert with_buildah.run().jobs == {"dual-push": "FAIL 1"}
    assert with_buildah.handed_on()["DUAL_PUSH_STATUS"] == "partial"
    assert with_buildah.pair.digest_at_gitlab("main") is not None


@pytest.mark.slow  # buildah itself waits for the cache, twice
def test_buildah_builds_without_a_cache_that_does_not_answer(with_buildah: Consumer) -> None:
    with_buildah.pair.gitlab.stop()
    with_buildah.text = with_buildah.including(builder="buildah", cache="$CI_REGISTRY_IMAGE/cache")
    assert with_buildah.run().jobs == {"dual-push": "FAIL 1"}
    assert with_buildah.pair.digest_at_google("main") is not None
