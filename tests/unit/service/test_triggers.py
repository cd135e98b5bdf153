"""What a webhook says has changed; whatever else it says is ignored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.service import triggers
from mirror.service.triggers import NotAHook, Trigger

PROJECT = {"path_with_namespace": "a/b"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["events", "target", "repository", "tag", "object_kind", "project", "mediaType", "ref"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def pushed(**target: Any) -> dict[str, Any]:
    manifest = "application/vnd.oci.image.manifest.v1+json"
    return {"action": "push", "target": {"mediaType": manifest, "repository": "acme/api", **target}}


def test_a_pushed_manifest_with_a_tag_is_a_trigger() -> None:
    assert triggers.from_registry({"events": [pushed(tag="1.0")]}) == [Trigger("acme/api", "1.0")]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    ],
)
def test_every_kind_of_manifest_counts(media_type: str) -> None:
    assert triggers.from_registry({"events": [pushed(tag="1", mediaType=media_type)]}) == [
        Trigger("acme/api", "1")
    ]


def test_blobs_and_manifests_without_a_tag_are_no_triggers() -> None:
    events = [pushed(), pushed(tag="x", mediaType="application/octet-stream"), {"target": None}, "?"]
    assert triggers.from_registry({"events": events}) == []


def test_the_same_tag_twice_in_one_envelope_is_one_trigger() -> None:
    assert len(triggers.from_registry({"events": [pushed(tag="1")] * 50})) == 1


def test_an_envelope_of_a_million_events_is_bounded() -> None:
    many = [pushed(tag=str(number)) for number in range(5000)]
    assert len(triggers.from_registry({"events": many})) == 1000


def test_a_pipeline_that_succeeded_concerns_every_repository_of_its_project() -> None:
    body = {
        "object_kind": "pipeline",
        "object_attributes": {"status": "success"},
        "project": {"path_with_namespace": "Acme/Shop"},
    }
    (trigger,) = triggers.from_gitlab(body)
    assert trigger.concerns("acme/shop")
    assert trigger.concerns("acme/shop/api")
    assert not trigger.concerns("acme/shopping")


def test_a_tag_push_concerns_its_project() -> None:
    body = {"object_kind": "tag_push", "ref": "refs/tags/v1", "project": {"path_with_namespace": "acme/shop"}}
    assert triggers.from_gitlab(body) == [Trigger("acme/shop", below=True)]


@pytest.mark.parametrize(
    "body",
    [
        {"object_kind": "push", "project": {"path_with_namespace": "a/b"}},
        {
            "object_kind": "pipeline",
            "object_attributes": {"status": "failed"},
            "project": {"path_with_namespace": "a/b"},
        },
        {"object_kind": "pipeline", "object_attributes": {"status": "success"}},
    ],
)
def test_other_hooks_of_gitlab_are_taken_and_mean_nothing(body: object) -> None:
    assert triggers.from_gitlab(body) == []


@pytest.mark.parametrize(
    ("repository", "path"),
    [
        ("acme/api", "acme/api"),
        ("registry.gitlab.com/acme/api", "acme/api"),
        ("localhost:5000/acme/api", "acme/api"),
        ("Acme/Api/", "acme/api"),
    ],
)
def test_a_pipeline_job_may_send_its_ci_registry_image(repository: str, path: str) -> None:
    assert triggers.from_ci({"repository": repository, "tag": "7"}) == [Trigger(path, "7")]


def test_a_pipeline_job_may_leave_out_the_tag() -> None:
    assert triggers.from_ci({"repository": "acme/api"}) == [Trigger("acme/api")]


@pytest.mark.parametrize("parse", [triggers.from_registry, triggers.from_gitlab, triggers.from_ci])
@pytest.mark.parametrize(
    "body", [None, [], {}, "events", {"events": 5}, {"repository": 5}, {"object_kind": []}]
)
def test_another_body_says_what_this_address_takes(parse: Any, body: object) -> None:
    with pytest.raises(NotAHook, match="this takes"):
        parse(body)


@given(JSON)
def test_no_body_breaks_the_parsers(body: object) -> None:
    for parse in (triggers.from_registry, triggers.from_gitlab, triggers.from_ci):
        try:
            found = parse(body)
        except NotAHook:
            continue
        assert all(isinstance(trigger.repository, str) for trigger in found)


@pytest.mark.parametrize(
    ("header", "authorization", "authentic"),
    [
        ("s3cret", None, True),
        (None, "Bearer s3cret", True),
        (None, "bearer  s3cret", True),
        (None, "Basic s3cret", False),
        ("s3cre", None, False),
        ("ß", None, False),
        (None, None, False),
        ("", "", False),
    ],
)
def test_who_knows_the_secret(header: str | None, authorization: str | None, authentic: bool) -> None:
    assert triggers.is_authentic("s3cret", header, authorization) is authentic


def test_without_a_secret_nobody_knows_it() -> None:
    assert not triggers.is_authentic("", "", "Bearer ")
