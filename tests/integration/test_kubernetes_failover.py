"""`gcr-mirror kubernetes failover`, with the official client, against a stand-in of the API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mirror.cluster.failover import complete
from mirror.render.admission_policy import admission_policy
from mirror.render.failover import Failover
from tests.servers.api_server import ApiServer
from tests.servers.command import Ran, gcr_mirror

ORIGIN, MIRROR = "registry.example/acme", "eu.gcr.io/proj/gitlab/acme"
PATCH = """patch configmap gcr-mirror-failover --type merge -p '{"data":{"enabled":"true"}}'"""
PROBE = (
    "run gcr-mirror-probe --image=registry.example/acme/gcr-mirror-probe:1 --restart=Never --dry-run=server"
)


@pytest.fixture
def api() -> Iterator[ApiServer]:
    failover = Failover("gcr-mirror-failover", "gcr-mirror", ORIGIN, MIRROR, "gcr-mirror-pull")
    switch, policy, _ = YAML(typ="safe").load_all(admission_policy(failover))
    with ApiServer(policy) as server:
        labels = {"labels": switch["metadata"]["labels"]}
        server.add(
            "configmaps", "gcr-mirror", switch["metadata"]["name"], data=switch["data"], metadata=labels
        )
        server.add("namespaces", "", "shop", metadata={"labels": {"gcr-mirror/failover": "allowed"}})
        server.add("namespaces", "", "other", metadata={})
        for kind, namespace, name, image in (
            ("deployments", "shop", "api", f"{ORIGIN}/api:1"),
            ("deployments", "shop", "cache", "redis:7"),
            ("statefulsets", "shop", "queue", f"{ORIGIN}/queue:1"),
            ("deployments", "shop", "shopping", "registry.example/acmeshop:1"),
            ("deployments", "other", "api", f"{ORIGIN}/api:1"),
        ):
            workload(server, kind, namespace, name, image)
        yield server


def workload(server: ApiServer, kind: str, namespace: str, name: str, image: str) -> None:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}}
    more: dict[str, Any] = {"serviceName": name} if kind == "statefulsets" else {}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **more}
    server.add(kind, namespace, name, spec=spec)


def failover(api: ApiServer, folder: Path, *words: str) -> Ran:
    env = {"KUBECONFIG": str(api.kubeconfig(folder))}
    return gcr_mirror("kubernetes", "failover", *words, env=env, home=folder)


def changes(api: ApiServer) -> list[str]:
    return [one for one in api.requests if not one.startswith("GET") and "(dry run)" not in one]


def test_on_flips_proves_restarts_and_waits_and_says_each_command(tmp_path: Path, api: ApiServer) -> None:
    ran = failover(api, tmp_path, "on", "--context", "test")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        f"kubectl --context test -n gcr-mirror {PATCH}",
        f"kubectl --context test -n shop {PROBE} -o jsonpath='{{.spec.containers[0].image}}'",
        "kubectl --context test -n shop rollout restart deployment/api",
        "kubectl --context test -n shop rollout restart statefulset/queue",
    ]
    assert changes(api) == [
        "PATCH /api/v1/namespaces/gcr-mirror/configmaps/gcr-mirror-failover",
        "PATCH /apis/apps/v1/namespaces/shop/deployments/api",
        "PATCH /apis/apps/v1/namespaces/shop/statefulsets/queue",
    ]
    asked = [one for one in api.requests if one == "GET /apis/apps/v1/namespaces/shop/deployments/api"]
    assert len(asked) >= 2
    assert "2 workloads run, " in ran.err


def test_off_is_the_way_back(tmp_path: Path, api: ApiServer) -> None:
    assert failover(api, tmp_path, "on").code == 0
    ran = failover(api, tmp_path, "off")
    assert ran.code == 0, ran.err
    assert api.objects["configmaps", "gcr-mirror", "gcr-mirror-failover"]["data"]["enabled"] == "false"
    assert len(changes(api)) == 6


def test_a_dry_run_says_the_commands_and_changes_nothing(tmp_path: Path, api: ApiServer) -> None:
    ran = failover(api, tmp_path, "on", "--dry-run")
    assert (ran.code, changes(api)) == (0, [])
    assert ran.out.count("rollout restart") == 2
    assert "2 workloads would be restarted" in ran.err


def test_a_policy_that_does_nothing_is_noticed_before_anything_is_restarted(
    tmp_path: Path, api: ApiServer
) -> None:
    api.policy = None
    ran = failover(api, tmp_path, "on")
    assert ran.code == 2
    assert f"a new pod in shop would still get {ORIGIN}/gcr-mirror-probe:1; nothing was restarted" in ran.err
    assert len(changes(api)) == 1


def test_pods_that_no_restart_reaches_are_named(tmp_path: Path, api: ApiServer) -> None:
    spec = {"containers": [{"name": "c", "image": f"{ORIGIN}/job:1"}]}
    api.add("pods", "shop", "stuck", spec=spec, status={"phase": "Pending"})
    api.add("pods", "shop", "fine", spec=spec, status={"phase": "Running"})
    ran = failover(api, tmp_path, "on")
    assert "shop/stuck waits for its image and nothing restarts it: recreate it" in ran.err
    assert "shop/fine" not in ran.err


def test_what_is_missing_is_said_with_what_to_do(tmp_path: Path, api: ApiServer) -> None:
    del api.objects["namespaces", "", "shop"]
    ran = failover(api, tmp_path, "on")
    assert (ran.code, "kubectl label namespace NAMESPACE gcr-mirror/failover=allowed" in ran.err) == (2, True)
    del api.objects["configmaps", "gcr-mirror", "gcr-mirror-failover"]
    assert "the cluster has no switch: apply what" in failover(api, tmp_path, "on").err
    unknown = failover(api, tmp_path, "on", "--context", "nowhere")
    assert (unknown.code, "the kubeconfig cannot be used" in unknown.err) == (2, True)


def test_a_cluster_that_does_not_answer_is_said(tmp_path: Path) -> None:
    with ApiServer() as gone:
        gone.kubeconfig(tmp_path)
    env = {"KUBECONFIG": str(tmp_path / "kubeconfig")}
    ran = gcr_mirror("kubernetes", "failover", "on", env=env, home=tmp_path)
    assert (ran.code, "the API server does not answer" in ran.err) == (3, True)


@pytest.mark.parametrize("text", ["token-in-it", "token-in-it: [", "- token-in-it"])
def test_a_kubeconfig_that_is_none_is_said_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    ran = gcr_mirror("kubernetes", "failover", "on", env={"KUBECONFIG": str(file)}, home=tmp_path)
    assert (ran.code, "the kubeconfig cannot be used" in ran.err) == (2, True)
    assert "token-in-it" not in ran.out + ran.err


def test_without_the_optional_client_it_says_what_to_install(tmp_path: Path, api: ApiServer) -> None:
    (tmp_path / "kubernetes.py").write_text("raise ImportError('as if it were not installed')")
    env = {"KUBECONFIG": str(api.kubeconfig(tmp_path)), "PYTHONPATH": str(tmp_path)}
    ran = gcr_mirror("kubernetes", "failover", "on", env=env, home=tmp_path)
    assert (ran.code, "pip install 'gitlab-gcr-mirror[kubernetes]'" in ran.err) == (2, True)


def test_the_commands_of_the_runbook_are_those_that_the_program_prints(tmp_path: Path) -> None:
    book = Path(__file__).parents[2] / "docs" / "runbooks" / "gitlab-registry-down.md"
    names = ("registry.gitlab.com/acme/shop", "eu.gcr.io/arctic-goal-676703/gitlab/acme/shop")
    switch = YAML(typ="safe").load(Failover("gcr-mirror-failover", "gcr-mirror", *names, "pull").switch())
    with ApiServer() as server:
        labels = {"labels": switch["metadata"]["labels"]}
        server.add("configmaps", "gcr-mirror", "gcr-mirror-failover", data=switch["data"], metadata=labels)
        server.add("namespaces", "", "shop", metadata={"labels": {"gcr-mirror/failover": "allowed"}})
        workload(server, "deployments", "shop", "api", f"{names[0]}/api:1")
        printed = failover(server, tmp_path, "on", "--dry-run").out
    assert printed.count("\n") == 3
    assert printed in book.read_text()


@pytest.mark.parametrize(
    ("status", "over"),
    [
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}, True),
        ({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}, False),
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 2}, False),
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}, False),
        ({"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3}, False),
        ({"observedGeneration": 2, "desiredNumberScheduled": 0}, True),
        ({}, False),
    ],
)
def test_a_rollout_is_over_when_all_pods_are_new_and_available(status: dict[str, int], over: bool) -> None:
    assert complete({"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status}) is over
