"""What a pass costs: requests, connections and bytes, counted at both registries."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mirror.demo import images
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.images import Image
from tests.servers.embedded import Embedded

LOGIN = 2  # GET /v2/, and one token


def tag_many(both: Embedded, image: Image, count: int) -> None:
    both.at_source(image, *(f"v{number}" for number in range(count)))


def test_an_unchanged_repository_of_1000_tags_takes_one_request_at_each_side(both: Embedded) -> None:
    image = images.image("one")
    tag_many(both, image, 1000)
    both.at_target(image, *(f"v{number}" for number in range(1000)))
    report = both.run()
    assert report.unchanged == 1000
    assert both.source.count("GET", "/gitlab/v1/") == 1
    assert both.target.count("GET", "/tags/list") == 1
    assert (len(both.source.requests), len(both.target.requests)) == (LOGIN + 1, LOGIN + 1)


def test_2500_tags_take_three_requests_at_gitlab_and_one_at_google(both: Embedded) -> None:
    image = images.image("one")
    tag_many(both, image, 2500)
    both.at_target(image, *(f"v{number}" for number in range(2500)))
    report = both.run()
    assert report.unchanged == 2500
    assert (len(both.source.requests), len(both.target.requests)) == (LOGIN + 3, LOGIN + 1)


def test_an_image_with_many_tags_is_read_once_and_written_once_for_each_tag(both: Embedded) -> None:
    tag_many(both, images.image("one", layers=2), 20)
    both.run()
    assert both.source.count("GET", "/manifests/") == 1
    assert both.source.count("GET", "/blobs/") == 3
    assert both.target.count("PUT", "/uploads/") == 3
    assert both.target.count("PUT", "/manifests/") == 20


def test_a_layer_that_many_images_want_is_transferred_once(both: Embedded) -> None:
    shared = images.layer("shared", 300_000)
    paths = [f"acme/app{number}" for number in range(6)]
    for path in paths:
        for tag in ("1", "2", "3"):
            image = images.image(f"{path} {tag}", [shared, images.layer(f"{path} {tag}")])
            both.at_source(image, tag, path=path)
    report = both.run(*paths)
    assert not report.failed
    assert both.source.count("GET", f"/blobs/{shared.digest}") == 1
    assert both.target.count("PUT", "/uploads/") == 1 + 2 * 18, "one shared layer; a layer and a config each"
    assert report.blobs["mounted"] == len(paths) - 1


def test_a_blob_that_the_target_has_is_neither_read_nor_sent(both: Embedded) -> None:
    shared = images.layer("shared")
    both.at_target(images.image("old", [shared]), "old")
    both.at_source(images.image("new", [shared]), "new")
    both.run()
    assert both.source.count("GET", f"/blobs/{shared.digest}") == 0
    assert both.target.count("PUT", "/uploads/") == 1, "the config"


@pytest.mark.parametrize("make", [images.image, images.multi_platform])
def test_a_new_tag_of_an_image_that_is_there_costs_one_manifest(
    both: Embedded, make: Callable[[str], Image]
) -> None:
    image = make("one")
    both.at_source(image, "1.0")
    both.run()
    both.at_source(image, "latest")
    both.forget()
    both.run()
    assert both.names()["latest"] == image.digest
    assert both.source.count("GET", "/manifests/") == 1
    assert [(seen.method, seen.status) for seen in both.target.requests] == [("GET", 200), ("PUT", 201)]


def test_one_connection_serves_one_request_after_the_other(embed: Callable[..., Embedded]) -> None:
    both = embed(images=1, blobs=1)
    for tag in "123":
        both.at_source(images.image(tag, layers=6), tag)
    both.run()
    assert isinstance(both.source, GitLabRegistry)
    assert len(both.source.objects.requests) == 3 * 7
    assert (both.source.connections, both.source.objects.connections) == (1, 1)
    assert both.target.connections == 1


def test_a_registry_without_digests_in_its_list_is_asked_for_each_tag_by_head(both: Embedded) -> None:
    both.source.database = False  # type: ignore[attr-defined] # it is a GitLabRegistry
    tag_many(both, images.image("one"), 50)
    both.run()
    both.forget()
    both.run()
    assert both.source.count("HEAD", "/manifests/") == 50
    assert both.source.count("GET", "/manifests/") == 0
