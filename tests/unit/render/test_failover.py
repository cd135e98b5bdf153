from __future__ import annotations

import copy
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from mirror.oci.digest import Digest
from mirror.render.admission_policy import admission_policy
from mirror.render.failover import Failover
from mirror.render.relocation import Relocation
from mirror.sync.mapping import Mapping
from mirror.sync.patterns import Patterns
from tests.servers.admission import Refused, admit

ORIGIN, MIRROR = "registry.example/acme/shop", "eu.gcr.io/proj/gitlab/acme/shop"
Json = dict[str, Any]


def failover(pattern: str = "acme/shop/**", *, alone: bool = True) -> Failover:
    mapping = Mapping("eu.gcr.io", "proj", "gitlab")
    shop = Relocation("My_Shop", "registry.example", mapping, Patterns.parse([pattern]))
    return Failover.of(shop, "gcr-mirror", "from-mirror", alone=alone)


def documents(text: str) -> list[Json]:
    return list(YAML(typ="safe").load_all(text))


def rendered(pattern: str = "acme/shop/**", *, on: bool = True) -> tuple[Json, Json]:
    switch, policy, _ = documents(admission_policy(failover(pattern)))
    return policy, switch | {"data": switch["data"] | {"enabled": "true" if on else "false"}}


def pod(*images: str, init: str = "", secrets: list[str] | None = None) -> Json:
    spec: Json = {"containers": [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]}
    if init:
        spec["initContainers"] = [{"name": "first", "image": init}]
    if secrets is not None:
        spec["imagePullSecrets"] = [{"name": name} for name in secrets]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


@pytest.mark.parametrize(
    ("image", "on_mirror"),
    [
        (f"{ORIGIN}/api:1", f"{MIRROR}/api:1"),
        (f"{ORIGIN}/api", f"{MIRROR}/api"),
        (f"{ORIGIN}:1", f"{MIRROR}:1"),
        (ORIGIN, MIRROR),
        (f"{ORIGIN}@{Digest.of(b'')}", f"{MIRROR}@{Digest.of(b'')}"),
        (f"{ORIGIN}/a/b:1@{Digest.of(b'')}", f"{MIRROR}/a/b:1@{Digest.of(b'')}"),
    ],
)
def test_a_new_pod_gets_the_mirrors_image_while_the_switch_is_on(image: str, on_mirror: str) -> None:
    admitted = admit(*rendered(), pod(image, "alpine:3"))
    assert [one["image"] for one in admitted["spec"]["containers"]] == [on_mirror, "alpine:3"]
    assert admitted["spec"]["imagePullSecrets"] == [{"name": "from-mirror"}]


@pytest.mark.parametrize(
    "image", [f"{ORIGIN}ping:1", f"evil.{ORIGIN}:1", "registry.example/acme:1", "alpine"]
)
def test_other_images_stay_and_their_pods_are_not_touched(image: str) -> None:
    assert admit(*rendered(), pod(image)) == pod(image)


def test_a_switch_that_is_off_or_says_nothing_changes_nothing() -> None:
    policy, switch = rendered(on=False)
    assert admit(policy, switch, pod(ORIGIN)) == pod(ORIGIN)
    del switch["data"]["enabled"]
    assert admit(policy, switch, pod(ORIGIN)) == pod(ORIGIN)


def test_init_containers_are_renamed_too_and_alone() -> None:
    admitted = admit(*rendered(), pod("alpine", init=f"{ORIGIN}/migrate:1"))
    assert admitted["spec"]["initContainers"] == [{"name": "first", "image": f"{MIRROR}/migrate:1"}]
    assert admitted["spec"]["containers"] == pod("alpine")["spec"]["containers"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ["from-mirror"]),
        ([], ["from-mirror"]),
        (["gitlab"], ["gitlab", "from-mirror"]),
        (["from-mirror", "gitlab"], ["from-mirror", "gitlab"]),
    ],
)
def test_the_pull_secret_is_added_once_and_after_the_pods_own(
    before: list[str] | None, after: list[str]
) -> None:
    admitted = admit(*rendered(), pod(ORIGIN, secrets=before))
    assert [one["name"] for one in admitted["spec"]["imagePullSecrets"]] == after


def test_a_pod_that_was_renamed_is_left_alone_when_the_policy_is_asked_again() -> None:
    once = admit(*rendered(), pod(f"{ORIGIN}/api:1", init=ORIGIN))
    assert admit(*rendered(), once) == once


def test_a_whole_registry_is_renamed_at_its_slash() -> None:
    policy, switch = rendered("**")
    admitted = admit(policy, switch, pod("registry.example/a/b:1", "registry.example:5050/a:1"))
    images = [one["image"] for one in admitted["spec"]["containers"]]
    assert images == ["eu.gcr.io/proj/gitlab/a/b:1", "registry.example:5050/a:1"]


def test_the_trap_pull_secrets_by_apply_configuration_are_refused_when_a_pod_is_made() -> None:
    """What looks simplest: accepted when the policy is written, refused for every pod, or silent under Ignore."""
    policy, switch = rendered()
    trapped = copy.deepcopy(policy)
    trapped["spec"]["mutations"] = [
        {
            "patchType": "ApplyConfiguration",
            "applyConfiguration": {
                "expression": "Object{spec: Object.spec{imagePullSecrets: "
                "[Object.spec.imagePullSecrets{name: params.data['pullSecret']}]}}"
            },
        }
    ]
    with pytest.raises(Refused, match="may not mutate atomic"):
        admit(trapped, switch, pod(ORIGIN))
    applied = [one for one in policy["spec"]["mutations"] if one["patchType"] == "ApplyConfiguration"]
    assert all("imagePullSecrets" not in one["applyConfiguration"]["expression"] for one in applied)


def test_only_the_making_of_pods_is_matched_and_a_lost_switch_refuses_nobody() -> None:
    _, policy, binding = documents(admission_policy(failover()))
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["operations"], rule["resources"]) == (["CREATE"], ["pods"])
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"]["paramRef"]["parameterNotFoundAction"] == "Allow"
    assert binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"] == {
        "gcr-mirror/failover": "allowed"
    }


def test_every_document_is_what_the_api_knows() -> None:
    switch, policy, binding = documents(admission_policy(failover()))
    for one in (switch, policy, binding):
        kubernetes_validate.validate(one, "1.36", strict=True)
    assert switch["data"]["enabled"] == "false"
    misspelt = {**binding, "spec": {**binding["spec"], "paramref": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, "1.36", strict=True)


def test_several_mirrors_have_a_switch_each_under_names_that_kubernetes_takes() -> None:
    assert failover(alone=True).name == "gcr-mirror-failover"
    assert failover(alone=False).name == "gcr-mirror-failover-my-shop"


def test_the_check_is_printed_with_the_switch() -> None:
    text = failover().switch()
    assert f"--image={ORIGIN}/gcr-mirror-probe:1 --restart=Never --dry-run=server" in text
    assert f"This must print {MIRROR}/gcr-mirror-probe:1" in text
