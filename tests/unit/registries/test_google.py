"""Google's list: every manifest and its tags in one answer, and the children of a path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mirror.bootstrap.connection import connect
from mirror.demo import faults, images
from mirror.demo.google import GoogleRegistry
from mirror.demo.messages import json_answer
from mirror.demo.rules import GOOGLE
from mirror.errors import Unsupported
from mirror.events import ignore
from mirror.oci.auth import Fixed, Login
from mirror.oci.content import Listing
from mirror.oci.registry import Registry
from mirror.registries.google import Google, tags
from tests.servers.waiting import Skipping

PROJECT = "arctic-goal-676703"
PATH = f"{PROJECT}/app"


@pytest.fixture
def google() -> Iterator[GoogleRegistry]:
    with GoogleRegistry(project=PROJECT) as registry:
        yield registry


def reached(google: GoogleRegistry) -> Registry:
    login = Fixed(Login("_json_key", json.dumps(google.key)))
    return connect(google.host, login, observe=ignore, clock=Skipping(), insecure=True)


def listed(google: GoogleRegistry, path: str = PATH) -> Listing:
    return tags(reached(google), path, (f"repository:{path}:pull,push",))


def test_one_answer_tells_every_tag_and_every_manifest(google: GoogleRegistry) -> None:
    index = images.multi_platform("many").store(google.storage.repository(PATH), "1.0", "latest")
    found = listed(google)
    assert {name: tag.digest for name, tag in found.tags.items()} == {
        "1.0": index.digest,
        "latest": index.digest,
    }
    assert found.manifests == {index.digest, *(child.digest for child in index.children)}
    assert google.count("GET", "/tags/list") == 1


def test_the_time_is_that_of_the_upload(google: GoogleRegistry) -> None:
    images.image("one").store(google.storage.repository(PATH), "1.0")
    published = listed(google).tags["1.0"].published
    assert published
    assert abs((published - datetime.now(UTC)).total_seconds()) < 60


def test_a_repository_that_is_not_there_has_nothing(google: GoogleRegistry) -> None:
    found = listed(google)
    assert (dict(found.tags), found.manifests, found.exists) == ({}, frozenset(), False)


def test_a_tag_that_the_map_leaves_out_is_known_by_name_only(google: GoogleRegistry) -> None:
    answer = json_answer({"name": PATH, "tags": ["1.0", "2.0"], "manifest": {}})
    google.faults.add(faults.answer_with(answer), "GET", "/tags/list")
    found = listed(google)
    assert {name: tag.digest for name, tag in found.tags.items()} == {"1.0": None, "2.0": None}


def test_without_the_map_nothing_is_said_of_manifests(google: GoogleRegistry) -> None:
    google.faults.add(faults.answer_with(json_answer({"tags": ["1.0"]})), "GET", "/tags/list")
    assert listed(google).manifests is None


@pytest.mark.parametrize("time", ["0", 0, None, ""])
def test_a_time_of_nought_is_no_time(google: GoogleRegistry, time: object) -> None:
    entry = {"tag": ["1.0"], "timeUploadedMs": time, "imageSizeBytes": "0", "mediaType": ""}
    answer = json_answer({"tags": ["1.0"], "manifest": {"sha256:" + "a" * 64: entry}})
    google.faults.add(faults.answer_with(answer), "GET", "/tags/list")
    assert listed(google).tags["1.0"].published is None


def test_several_pages_are_one_list(google: GoogleRegistry) -> None:
    google.rules = replace(GOOGLE, page=10_000)
    image = images.image("one")
    image.store(google.storage.repository(PATH), *(f"v{number:05}" for number in range(10_020)))
    found = listed(google)
    assert len(found.tags) == 10_020
    assert {tag.digest for tag in found.tags.values()} == {image.digest}
    assert google.count("GET", "/tags/list") == 2


def test_repositories_are_found_by_the_children_of_each_path(google: GoogleRegistry) -> None:
    for path in ("app", "group/one", "group/one/deeper", "other/two"):
        images.image(path).store(google.storage.repository(f"{PROJECT}/{path}"), "1.0")
    registry = reached(google)
    assert list(Google().discover(registry, f"{PROJECT}/group")) == [
        f"{PROJECT}/group/one",
        f"{PROJECT}/group/one/deeper",
    ]
    assert set(Google().discover(registry, PROJECT)) == {
        f"{PROJECT}/{path}" for path in ("app", "group/one", "group/one/deeper", "other/two")
    }
    assert list(Google().discover(registry, f"{PROJECT}/nobody")) == []


def test_children_without_end_are_left(google: GoogleRegistry) -> None:
    """A registry that names a child of every child would otherwise be asked for ever."""
    google.faults.add(faults.answer_with(json_answer({"child": ["again"]})), "GET", "/tags/list", times=None)
    with pytest.raises(Unsupported, match="without end"):
        list(Google().discover(reached(google), PROJECT))
    assert google.count("GET", "/tags/list") < 100
