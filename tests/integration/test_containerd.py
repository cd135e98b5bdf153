"""What `gcr-mirror kubernetes containerd` prints, in the hands of a real containerd with real registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.command import configuration, gcr_mirror, plain
from tests.servers.containerd import Containerd
from tests.servers.registry import Registries, Registry
from tests.servers.seed import Seed

READER = ("reader", "may-only-pull")


@pytest.fixture(scope="module")
def containerd() -> Iterator[Containerd]:
    started = Containerd()
    yield started
    started.stop()


def set_up(containerd: Containerd, folder: Path, origin: str, mirror: Registry, *words: str) -> str:
    """Fill the mirror, write the node's hosts.toml; the name that pods use for the image."""
    auth = READER if mirror.variant.users else None
    Seed(mirror.url, "gitlab/acme/api", auth=auth).image("1", layers=(folder.name.encode(),))
    config = configuration(
        folder, plain(origin), plain(mirror.host), repositories=["acme/**"], prefix="gitlab"
    )
    ran = gcr_mirror("kubernetes", "containerd", "-c", config, *words, home=folder)
    assert ran.code == 0, ran.err
    containerd.configure(origin, ran.out)
    mirror.forget_requests()
    return f"{origin}/acme/api:1"


def test_while_the_origin_answers_the_mirror_is_not_asked(
    tmp_path: Path, containerd: Containerd, registries: Registries
) -> None:
    origin, mirror = registries(), registries()
    image = set_up(containerd, tmp_path, origin.host, mirror)
    Seed(origin.url, "acme/api").image("1", layers=(b"at the origin",))
    pulled = containerd.pull(image)
    assert pulled.returncode == 0, pulled.stderr
    assert mirror.requests() == []
    assert origin.count("HEAD", "/manifests/1") == 1


def test_an_origin_that_refuses_connections_is_replaced(
    tmp_path: Path, containerd: Containerd, registries: Registries
) -> None:
    origin, mirror = registries(), registries()
    image = set_up(containerd, tmp_path, origin.host, mirror)
    origin.stop()
    pulled = containerd.pull(image)
    assert pulled.returncode == 0, pulled.stderr
    assert mirror.count("HEAD", r"/v2/gitlab/acme/api/manifests/1\?ns=") == 1


def test_an_origin_whose_name_does_not_resolve_is_replaced(
    tmp_path: Path, containerd: Containerd, registry: Registry
) -> None:
    image = set_up(containerd, tmp_path, "registry.invalid", registry)
    pulled = containerd.pull(image)
    assert pulled.returncode == 0, pulled.stderr
    assert registry.count("HEAD", "/manifests/1") == 1


def test_a_mirror_with_a_login_wants_the_header_or_the_pods_own_login(
    tmp_path: Path, containerd: Containerd, registries: Registries
) -> None:
    mirror = registries(users=dict([READER]))
    image = set_up(containerd, tmp_path, "origin.invalid", mirror)
    refused = containerd.pull(image)
    assert refused.returncode != 0
    assert mirror.count("HEAD", "/manifests/1") == 1
    offered = containerd.pull(image, READER)
    assert offered.returncode == 0, offered.stderr


def test_with_the_header_every_pod_of_the_node_can_pull_also_without_a_secret(
    tmp_path: Path, containerd: Containerd, registries: Registries
) -> None:
    (tmp_path / "password").write_text(READER[1])
    login = ("--username", READER[0], "--password-file", str(tmp_path / "password"))
    mirror = registries(users=dict([READER]))
    image = set_up(containerd, tmp_path, "headed.invalid", mirror, *login)
    pulled = containerd.pull(image)
    assert pulled.returncode == 0, pulled.stderr
    assert {request.status for request in mirror.requests()} == {200}


def test_without_a_host_table_this_containerd_ignores_the_file(
    tmp_path: Path, containerd: Containerd, registry: Registry
) -> None:
    """Why the file always has one: the mirror as `server` alone would do, says the documentation."""
    image = set_up(containerd, tmp_path, "tableless.invalid", registry)
    lines = [
        f'server = "{registry.url}/v2/gitlab"',
        'capabilities = ["pull", "resolve"]',
        "override_path = true",
    ]
    containerd.configure("tableless.invalid", "\n".join(lines))
    assert containerd.pull(image).returncode != 0
    assert registry.requests() == []
