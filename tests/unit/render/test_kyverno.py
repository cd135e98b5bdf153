"""The policy for Kyverno, by Kyverno's schema and with its expressions run; Kyverno itself is not here."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from mirror.render.failover import Failover
from mirror.render.kyverno import kyverno
from tests.servers.kyverno import Unknown, Unread, evaluate, known, mutated

ORIGIN, MIRROR = "registry.example/acme/shop", "eu.gcr.io/proj/gitlab/acme/shop"
DIGEST = f"sha256:{'0' * 64}"
Json = dict[str, Any]


def rendered(origin: str = ORIGIN, mirror: str = MIRROR, *, on: bool = True) -> tuple[Json, Json]:
    failover = Failover("gcr-mirror-failover", "gcr-mirror", origin, mirror, "from-mirror")
    switch, policy = YAML(typ="safe").load_all(kyverno(failover))
    return policy, switch | {"data": switch["data"] | {"enabled": "true" if on else "false"}}


def pod(*images: str, init: str = "", secrets: tuple[str, ...] = ()) -> Json:
    spec: Json = {"containers": [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]}
    if init:
        spec["initContainers"] = [{"name": "first", "image": init}]
    if secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in secrets]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def test_the_policy_is_one_of_kyvernos_schema() -> None:
    policy, _ = rendered()
    known(policy)
    misspelt = copy.deepcopy(policy)
    misspelt["spec"]["rules"][0]["mutate"]["foreach"][0]["precondition"] = {}
    with pytest.raises(Unread):
        known(misspelt)
    wrong = copy.deepcopy(policy)
    wrong["spec"]["rules"][0]["mutate"]["foreach"][0]["preconditions"]["any"][0]["operator"] = "Is"
    with pytest.raises(ValidationError):
        known(wrong)


def test_it_matches_only_the_making_of_pods_where_that_is_allowed() -> None:
    policy, _ = rendered()
    (rule,) = policy["spec"]["rules"]
    assert rule["match"] == {
        "any": [
            {
                "resources": {
                    "kinds": ["Pod"],
                    "operations": ["CREATE"],
                    "namespaceSelector": {"matchLabels": {"gcr-mirror/failover": "allowed"}},
                }
            }
        ]
    }
    assert policy["metadata"]["annotations"] == {"pod-policies.kyverno.io/autogen-controllers": "none"}
    assert rule["context"] == [
        {"name": "switch", "configMap": {"name": "gcr-mirror-failover", "namespace": "gcr-mirror"}}
    ]


@pytest.mark.parametrize("tail", ["/api:1", "/api", ":1", "", f"@{DIGEST}", f"/a/b:1@{DIGEST}"])
def test_a_new_pod_gets_the_mirrors_image_and_pull_secret_while_the_switch_is_on(tail: str) -> None:
    made = mutated(*rendered(), pod(ORIGIN + tail, "alpine:3", secrets=("gitlab",)))
    assert [one["image"] for one in made["spec"]["containers"]] == [MIRROR + tail, "alpine:3"]
    assert {one["name"] for one in made["spec"]["imagePullSecrets"]} == {"gitlab", "from-mirror"}
    assert made["metadata"]["annotations"] == {"gcr-mirror/failover": "true"}


@pytest.mark.parametrize(
    "image", [f"{ORIGIN}ping:1", f"evil.{ORIGIN}:1", "registry.example/acme:1", "alpine"]
)
def test_other_images_stay_and_their_pods_are_not_touched(image: str) -> None:
    assert mutated(*rendered(), pod(image)) == pod(image)


def test_a_switch_that_is_off_or_says_nothing_changes_nothing() -> None:
    policy, switch = rendered(on=False)
    assert mutated(policy, switch, pod(ORIGIN)) == pod(ORIGIN)
    del switch["data"]["enabled"]
    assert mutated(policy, switch, pod(ORIGIN)) == pod(ORIGIN)


def test_init_containers_are_renamed_too_and_alone() -> None:
    made = mutated(*rendered(), pod("alpine", init=f"{ORIGIN}/migrate:1"))
    assert made["spec"]["initContainers"] == [{"name": "first", "image": f"{MIRROR}/migrate:1"}]
    assert made["spec"]["containers"] == pod("alpine")["spec"]["containers"]


def test_the_trap_a_list_that_is_not_there_would_leave_all_images_as_they_were() -> None:
    """Most pods have no init containers; Kyverno gives up at the list, and failurePolicy Ignore keeps it quiet."""
    data = {"request": {"object": pod(ORIGIN)}}
    with pytest.raises(Unknown, match="initContainers"):
        evaluate("request.object.spec.initContainers", data)
    policy, _ = rendered()
    lists = [one["list"] for one in policy["spec"]["rules"][0]["mutate"]["foreach"]]
    assert [len(evaluate(one, data)) for one in lists] == [1, 0]


def test_a_whole_registry_is_renamed_at_its_slash() -> None:
    policy, switch = rendered("registry.example/", "eu.gcr.io/proj/")
    known(policy)
    made = mutated(policy, switch, pod("registry.example/a/b:1", "registry.example:5050/a:1"))
    assert [one["image"] for one in made["spec"]["containers"]] == [
        "eu.gcr.io/proj/a/b:1",
        "registry.example:5050/a:1",
    ]
