from __future__ import annotations

from typing import Any

import pytest

from mirror.oci.digest import Digest
from mirror.render.pods import pod_images

DIGEST = Digest.of(b"")


def pod(spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": "api-1"}, "spec": spec, "status": status}


def test_every_image_of_a_pod_is_read_with_the_pull_secrets_that_it_names() -> None:
    spec = {
        "containers": [{"name": "c", "image": "r.example/api:1"}],
        "initContainers": [{"name": "i", "image": "r.example/migrate:1"}],
        "ephemeralContainers": [{"name": "e", "image": "r.example/debug:1"}],
        "volumes": [
            {"name": "model", "image": {"reference": "r.example/model:1", "pullPolicy": "Always"}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "none", "image": {}},
        ],
        "imagePullSecrets": [{"name": "gitlab"}, {}],
    }
    found = list(pod_images(pod(spec)))
    assert [str(one.image) for one in found] == [
        "r.example/api:1",
        "r.example/migrate:1",
        "r.example/debug:1",
        "r.example/model:1",
    ]
    assert {(one.namespace, one.pod, one.running, one.secrets) for one in found} == {
        ("shop", "api-1", None, ("gitlab",))
    }


@pytest.mark.parametrize(
    ("image_id", "running"),
    [
        (f"r.example/api@{DIGEST}", DIGEST),
        (str(DIGEST), None),
        ("", None),
        ("r.example/api@sha256:cut", None),
    ],
)
def test_what_runs_is_told_by_a_digest_of_a_registry_only(image_id: str, running: Digest | None) -> None:
    spec = {"containers": [{"name": "c", "image": "r.example/api:1"}]}
    (found,) = pod_images(pod(spec, containerStatuses=[{"name": "c", "imageID": image_id}]))
    assert found.running == running


def test_a_name_that_cannot_be_read_is_nobodys() -> None:
    spec = {
        "containers": [{"name": "c", "image": "r.example/api:-1"}, {"name": "d", "image": "r.example/api:1"}]
    }
    assert [str(one.image) for one in pod_images(pod(spec))] == ["r.example/api:1"]
