"""What a pass costs, counted where it is paid: in the logs of the registries.

The short forms hold the formula; the long ones (`slow`) hold the shapes of the benchmark.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.filling import fill
from bench.shapes import MEBIBYTE, Images, distinct_blobs, many, thousands
from bench.stopwatch import measure
from bench.tools import command_line
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.images import image
from mirror.demo.layers import layer
from mirror.demo.server import Server
from tests.servers.command import configuration, gcr_mirror, plain
from tests.servers.proxy import Proxy
from tests.servers.registry import Registries, Registry

SMALL = pytest.param(4, 6, id="4 x 6")
FULL = pytest.param(20, 25, id="20 x 25", marks=pytest.mark.slow)


class Plain:
    """Two plain registries, and passes between them that are counted at both."""

    def __init__(self, folder: Path, registries: Registries, images: Images) -> None:
        self.source, self.target, self.images = registries(), registries(), images
        self.folder = folder
        fill(self.source.url, images)

    def run(self) -> dict[str, object]:
        """One pass; the counts begin anew."""
        self.source.forget_requests()
        self.target.forget_requests()
        config = configuration(
            self.folder, plain(self.source.host), plain(self.target.host), repositories=list(self.images)
        )
        ran = gcr_mirror("sync", "-c", config, "--json", home=self.folder)
        assert ran.code == 0, ran.err
        return ran.mirror

    @property
    def total(self) -> int:
        """Requests at both sides."""
        return len(self.source.requests()) + len(self.target.requests())


def _methods(registry: Registry) -> Counter[str]:
    return Counter(request.method for request in registry.requests())


@pytest.mark.parametrize(("repositories", "tags"), [SMALL, FULL])
def test_a_first_pass_asks_for_no_more_than_it_must(
    tmp_path: Path, registries: Registries, repositories: int, tags: int
) -> None:
    images = many(repositories, tags)
    place = Plain(tmp_path, registries, images)
    images_count, blobs, mounts = repositories * tags, distinct_blobs(images), repositories - 1
    assert place.run()["copied"] == images_count
    # One greeting, the lists, one question about referrers; then each manifest and each blob once.
    assert _methods(place.source) == {"GET": 1 + repositories + 1 + images_count + blobs}
    assert place.source.count("GET", "/blobs/") == blobs
    # An upload is a POST and a PUT; what a sibling has costs a POST.
    assert _methods(place.target) == {
        "GET": 1 + repositories,
        "POST": blobs + mounts,
        "PUT": blobs + images_count,
    }
    assert sum(one.status == 201 for one in place.target.requests() if one.method == "POST") == mounts
    if images_count == 500:
        assert place.total <= 2700


@pytest.mark.parametrize(("repositories", "tags"), [SMALL, FULL])
def test_an_unchanged_pass_asks_for_each_tag_once_on_each_side(
    tmp_path: Path, registries: Registries, repositories: int, tags: int
) -> None:
    place = Plain(tmp_path, registries, many(repositories, tags))
    place.run()
    assert place.run()["unchanged"] == repositories * tags
    assert _methods(place.target) == {"GET": 1 + repositories, "HEAD": repositories * tags}
    assert _methods(place.source) == {"GET": 1 + repositories + 1, "HEAD": repositories * tags}


def test_no_blob_is_fetched_that_the_target_has(tmp_path: Path, registries: Registries) -> None:
    place = Plain(tmp_path, registries, many(2, 3))
    place.run()
    fill(place.source.url, {"bench/many-01": many(2, 4)["bench/many-01"]})
    assert place.run()["copied"] == 1
    assert place.source.count("GET", "/blobs/") == 1  # its config; the layers had been there
    assert place.target.count("PUT", "/blobs/") == 1


@pytest.mark.parametrize(("repositories", "tags"), [pytest.param(5, 20, id="5 x 20"), FULL])
def test_connections_are_kept_and_are_no_more_than_the_limits_allow(
    tmp_path: Path, registries: Registries, repositories: int, tags: int
) -> None:
    images = many(repositories, tags)
    source, target = registries(), registries()
    fill(source.url, images)
    with Proxy(source.host) as near, Proxy(target.host) as far:
        config = configuration(tmp_path, plain(near.host), plain(far.host), repositories=list(images))
        ran = gcr_mirror("sync", "-c", config, "--json", home=tmp_path)
        assert (ran.code, ran.mirror["copied"]) == (0, repositories * tags), ran.err
        assert near.connections <= 64
        assert far.connections <= 64


class Listing:
    """The embedded GitLab and Google, the same images on both sides."""

    def __init__(self, folder: Path, gitlab: GitLabRegistry, google: GoogleRegistry, images: Images) -> None:
        self.folder, self.gitlab, self.google, self.images = folder, gitlab, google, images
        for path, tags in images.items():
            for tag, one in tags.items():
                one.store(gitlab.storage.repository(path), tag)
                one.store(google.storage.repository(f"{google.prefix}/gitlab/{path}"), tag)
        (folder / "token").write_text("secret")
        (folder / "key.json").write_text(json.dumps(google.key))

    def run(self) -> dict[str, object]:
        """One pass; the counts begin anew."""
        for server in (self.gitlab, self.gitlab.objects, self.google):
            server.forget()
        login = {"username": "mirror", "password_file": str(self.folder / "token")}
        config = configuration(
            self.folder,
            {"kind": "gitlab", "host": self.gitlab.host, "insecure": True, "credentials": login},
            {
                "kind": "google",
                "host": self.google.host,
                "project": self.google.project,
                "insecure": True,
                "credentials": {"json_key_file": str(self.folder / "key.json")},
            },
            repositories=list(self.images),
            prefix="gitlab",
        )
        ran = gcr_mirror("sync", "-c", config, "--json", home=self.folder)
        assert ran.code == 0, ran.err
        return ran.mirror

    @property
    def beyond_logins(self) -> Counter[str]:
        """Requests by kind, on both sides together, without greetings and tokens."""
        seen = [one for server in _servers(self) for one in server.requests]
        logins = ("/v2/", "/v2/token", "/jwt/auth")
        paths = [f"{one.method} {_kind(one.path)}" for one in seen if one.path not in logins]
        return Counter(paths)


def _servers(place: Listing) -> list[Server]:
    return [place.gitlab, place.gitlab.objects, place.google]


def _kind(path: str) -> str:
    return "list" if "/tags/list" in path else "manifest" if "/manifests/" in path else "blob"


@contextmanager
def _listing(folder: Path, images: Images) -> Iterator[Listing]:
    with GitLabRegistry() as gitlab, GoogleRegistry() as google:
        yield Listing(folder, gitlab, google, images)


@pytest.mark.parametrize(
    ("repositories", "tags"),
    [pytest.param(3, 40, id="3 x 40"), pytest.param(20, 500, id="20 x 500", marks=pytest.mark.slow)],
)
def test_unchanged_tags_cost_nothing_where_registries_list_digests(
    tmp_path: Path, repositories: int, tags: int
) -> None:
    with _listing(tmp_path, thousands(repositories, tags)) as place:
        assert place.run()["unchanged"] == repositories * tags
        assert place.beyond_logins == {"GET list": 2 * repositories}
        logins = sum(
            one.path in ("/jwt/auth", "/v2/token") for server in _servers(place) for one in server.requests
        )
        assert logins <= 2 * repositories


@pytest.mark.parametrize(
    ("repositories", "tags"),
    [pytest.param(2, 10, id="2 x 10"), pytest.param(20, 500, id="20 x 500", marks=pytest.mark.slow)],
)
def test_a_new_tag_costs_what_it_is_made_of_however_many_there_are(
    tmp_path: Path, repositories: int, tags: int
) -> None:
    with _listing(tmp_path, thousands(repositories, tags)) as place:
        image("new", 1).store(place.gitlab.storage.repository("bench/many-01"), "new")
        assert place.run()["copied"] == 1
        # A config and a layer: each fetched (with a redirect), looked for, and sent by POST and PUT.
        assert place.beyond_logins == {
            "GET list": 2 * repositories,
            "GET manifest": 1,
            "PUT manifest": 1,
            "GET blob": 4,
            "HEAD blob": 2,
            "POST blob": 2,
            "PUT blob": 2,
        }


@pytest.mark.parametrize(
    ("small", "large"),
    [
        pytest.param(4 * MEBIBYTE, 64 * MEBIBYTE, id="4 and 64 MiB"),
        pytest.param(256 * MEBIBYTE, 2048 * MEBIBYTE, id="256 MiB and 2 GiB", marks=pytest.mark.slow),
    ],
)
def test_memory_does_not_grow_with_the_layers(
    tmp_path: Path, registries: Registries, small: int, large: int
) -> None:
    peaks = []
    for size in (small, large):
        source, target = registries(), registries()
        fill(
            source.url,
            {"acme/api": {"1": image("one", [layer(f"{size} {n}", size, "none") for n in (1, 2)])}},
        )
        folder = tmp_path / str(size)
        folder.mkdir()
        config = configuration(folder, plain(source.host), plain(target.host), repositories=["acme/api"])
        peaks.append(measure(command_line("sync", "-c", str(config)), folder).memory)
        assert target.count("PUT", "/blobs/") == 3
        source.stop()
        target.stop()
    assert max(peaks) <= 64 * 1024  # KiB
    assert peaks[1] - peaks[0] <= 4 * 1024
