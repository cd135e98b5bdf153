"""`gcr-mirror kubernetes failover`, with the official client, against a stand-in of the API server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mirror.cluster.failover import complete
from mirror.demo.google import service_account_key
from mirror.render.admission_policy import admission_policy
from mirror.render.failover import Failover
from tests.acceptance.markdown import blocks
from tests.servers.api_server import ApiServer
from tests.servers.command import Ran, gcr_mirror, shell

ORIGIN, MIRROR = "registry.example/acme", "eu.gcr.io/proj/gitlab/acme"
BOOK = Path(__file__).parents[2] / "docs" / "runbooks" / "gitlab-registry-down.md"
PATCH = """patch configmap gcr-mirror-failover --type merge -p '{"data":{"enabled":"true"}}'"""
PROBE = (
    "run gcr-mirror-probe --image=registry.example/acme/gcr-mirror-probe:1 --restart=Never --dry-run=server "
    """--override-type=strategic --overrides='{"spec":{"containers":[{"name":"gcr-mirror-probe","securityContext":"""
    """{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"runAsNonRoot":true,"""
    """"seccompProfile":{"type":"RuntimeDefault"}}}]}}'"""
)


@contextmanager
def cluster() -> Iterator[ApiServer]:
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


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with cluster() as server:
        yield server


def kubectl(api: ApiServer, folder: Path, command: str, context: str = "test") -> str:
    """What the real kubectl says when a shell runs a command, which must succeed."""
    return shell(command, folder, KUBECONFIG=str(api.kubeconfig(folder, context)))


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
    api.requests.clear()
    ran = failover(api, tmp_path, "off", "--context", "test")
    assert ran.code == 0, ran.err
    assert api.objects["configmaps", "gcr-mirror", "gcr-mirror-failover"]["data"]["enabled"] == "false"
    assert ran.out.splitlines() == [
        f"kubectl --context test -n gcr-mirror {PATCH.replace('true', 'false')}",
        f"kubectl --context test -n shop {PROBE} -o jsonpath='{{.spec.containers[0].image}}'",
        "kubectl --context test -n shop rollout restart deployment/api",
        "kubectl --context test -n shop rollout restart statefulset/queue",
    ]
    assert [one for one in api.requests if not one.startswith("GET")] == [
        "PATCH /api/v1/namespaces/gcr-mirror/configmaps/gcr-mirror-failover",
        "POST /api/v1/namespaces/shop/pods (dry run)",
        "PATCH /apis/apps/v1/namespaces/shop/deployments/api",
        "PATCH /apis/apps/v1/namespaces/shop/statefulsets/queue",
    ]
    assert api.requests.count("GET /apis/apps/v1/namespaces/shop/deployments/api") >= 2
    assert re.search(r"^2 workloads run, \d+\.\d s after the switch$", ran.err, re.MULTILINE)


def test_pods_that_would_still_go_to_the_mirror_are_noticed_before_anything_is_restarted(
    tmp_path: Path, api: ApiServer
) -> None:
    assert api.policy is not None
    del api.policy["spec"]["matchConditions"][0]  # the switch is not asked
    ran = failover(api, tmp_path, "off")
    assert ran.code == 2
    assert (
        "is off, but a new pod in shop would still get eu.gcr.io/proj/gitlab/acme/gcr-mirror-probe:1"
        in ran.err
    )
    assert "nothing was restarted. Does another policy rename images?" in ran.err
    assert len(changes(api)) == 1


@pytest.mark.parametrize(("turn", "image"), [("on", MIRROR), ("off", ORIGIN)])
def test_the_commands_that_are_printed_are_kubectls_and_do_the_same(
    tmp_path: Path, api: ApiServer, turn: str, image: str
) -> None:
    printed = failover(api, tmp_path, turn, "--context", "test").out.splitlines()
    assert len(printed) == 4
    with cluster() as other:
        said = [kubectl(other, tmp_path, command) for command in printed]
        assert said[1] == f"{image}/gcr-mirror-probe:1"
        assert changes(other) == changes(api)
        (ours,), (theirs,) = (one.tried[-1]["spec"]["containers"] for one in (api, other))
        assert {key: theirs[key] for key in ours} == ours
        assert ours["securityContext"]["runAsNonRoot"]
        for one in (api, other):
            assert (
                one.objects["configmaps", "gcr-mirror", "gcr-mirror-failover"]["data"]["enabled"]
                == str(turn == "on").lower()
            )
            template = one.objects["deployments", "shop", "api"]["spec"]["template"]
            assert list(template["metadata"]["annotations"]) == ["kubectl.kubernetes.io/restartedAt"]


def test_the_runbook_is_run_from_its_first_command_for_a_cluster_to_its_last(tmp_path: Path) -> None:
    """What asks a cluster, by the real kubectl and the program; what asks registries is run beside `readiness`."""
    names = ("registry.gitlab.com/acme/shop", "eu.gcr.io/arctic-goal-676703/gitlab/acme/shop")
    found = blocks(BOOK)
    commands = [
        one
        for block in found
        if block.language == "sh"
        for one in block.text.splitlines()
        if one.startswith(("kubectl", "gcr-mirror kubernetes failover"))
    ]
    assert len(commands) == 13
    (manifest,) = (block.text for block in found if block.name == "shop.yaml")
    (tmp_path / "shop.yaml").write_text(manifest)
    texts = admission_policy(Failover("gcr-mirror-failover", "gcr-mirror", *names, "pull"))
    switch, policy, _ = YAML(typ="safe").load_all(texts)
    with ApiServer(policy) as server:
        labels = {"labels": switch["metadata"]["labels"]}
        server.add("configmaps", "gcr-mirror", "gcr-mirror-failover", data=switch["data"], metadata=labels)
        server.add("namespaces", "", "shop", metadata={"labels": {"gcr-mirror/failover": "allowed"}})
        server.add("namespaces", "", "web", metadata={"labels": {"gcr-mirror/failover": "allowed"}})
        workload(server, "deployments", "shop", "api", f"{names[0]}/api:1")
        stuck = {"containers": [{"name": "c", "image": f"{names[0]}/job:1"}]}
        server.add("pods", "shop", "batch-1", spec=stuck, status={"phase": "Pending"})
        said = [kubectl(server, tmp_path, command, "production") for command in commands]
        assert f"Deployment shop api {names[0]}/api:1\n" in said
        images = [
            server.objects["pods", "shop", name]["spec"]["containers"][0]["image"]
            for name in ("batch-1", "api")
        ]
        assert images == [f"{names[1]}/job:1", f"{names[1]}/api:1"]
        assert server.objects["configmaps", "gcr-mirror", "gcr-mirror-failover"]["data"]["enabled"] == "false"


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
    for name, phase, more in (
        ("stuck", "Pending", {}),
        ("fine", "Running", {}),
        ("of-a-job", "Pending", owned("Job")),
        ("of-another-controller", "Pending", owned("ReplicaSet")),
        ("ending", "Pending", {"deletionTimestamp": "2026-11-01T00:00:00Z"}),
    ):
        api.add("pods", "shop", name, spec=spec, status={"phase": phase}, metadata=more)
    tried = failover(api, tmp_path, "on", "--dry-run")
    done = failover(api, tmp_path, "on")
    left = "shop/{} waits for its image and nothing restarts it: recreate it"
    for ran, names in (
        (tried, ["stuck", "of-a-job"]),
        (done, ["stuck", "of-a-job", "of-another-controller"]),
    ):
        assert [line for line in ran.err.splitlines() if "waits" in line] == [
            left.format(name) for name in names
        ]


def owned(kind: str) -> dict[str, Any]:
    owner = {"apiVersion": "v1", "kind": kind, "name": "x", "uid": "1", "controller": True}
    return {"ownerReferences": [owner]}


def test_what_does_not_run_in_time_is_named(tmp_path: Path, api: ApiServer) -> None:
    ran = failover(api, tmp_path, "on", "--timeout", "0")
    assert ran.code == 1
    assert "not running after 0 s: shop/api, shop/queue; `kubectl describe pod` says why" in ran.err


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


def test_the_how_to_prepares_a_cluster_that_then_fails_over(tmp_path: Path) -> None:
    """Its commands for the pull secret and for the policy, by the real kubectl, on what the program writes."""
    found = blocks(BOOK.parents[1] / "how-to" / "kubernetes.md")
    (tmp_path / "config.yaml").write_text(next(one.text for one in found if one.name == "config.yaml"))
    (tmp_path / "key.json").write_text(json.dumps(service_account_key("arctic-goal-676703")))
    key = ("-c", tmp_path / "config.yaml", "--key-file", tmp_path / "key.json", "-o")
    for command, file, option in (
        ("pull-secret", "pull-secret", "--namespace"),
        ("failover-policy", "failover", "--pods-in"),
    ):
        words = ("kubernetes", command, *key, tmp_path / f"{file}.yaml", option, "shop")
        assert gcr_mirror(*words, home=tmp_path).code == 0
    apply, prepare, prove = (
        one.text
        for one in found
        if one.language == "sh"
        and "kubectl" in one.text
        and "gcr-mirror kubernetes" not in one.text
        and "-k deploy" not in one.text
    )
    _, policy, *_ = YAML(typ="safe").load_all((tmp_path / "failover.yaml").read_text())
    with ApiServer(policy) as server:
        server.add("namespaces", "", "shop", metadata={"labels": {}})
        made = "kubectl create namespace gcr-mirror\n"  # of which kubectl speaks in protobuf
        assert prepare.startswith(made)
        for text in (apply, prepare.removeprefix(made)):
            kubectl(server, tmp_path, f"set -e\n{text}")
        assert ("mutatingadmissionpolicies", "", "gcr-mirror-failover") in server.objects
        assert ("secrets", "shop", "gcr-mirror-pull") in server.objects
        said = kubectl(server, tmp_path, f"set -e\n{prove}")
        assert "\neu.gcr.io/arctic-goal-676703/gitlab/acme/shop/gcr-mirror-probe:1configmap" in said
        assert failover(server, tmp_path, "on").code == 0


def test_the_commands_in_the_switchs_comment_are_kubectls(tmp_path: Path, api: ApiServer) -> None:
    text = Failover("gcr-mirror-failover", "gcr-mirror", ORIGIN, MIRROR, "pull").switch()
    comment = "".join(f"{line[2:]}\n" for line in text.splitlines() if line.startswith("# "))
    commands = re.findall(r"^  (kubectl (?:.*\\\n)*.*)$", comment, re.MULTILINE)
    assert len(commands) == 2
    said = [kubectl(api, tmp_path, command.replace("NAMESPACE", "shop")) for command in commands]
    assert said == ["configmap/gcr-mirror-failover patched\n", f"{MIRROR}/gcr-mirror-probe:1"]


def test_the_commands_of_the_runbook_are_those_that_the_program_prints(tmp_path: Path) -> None:
    names = ("registry.gitlab.com/acme/shop", "eu.gcr.io/arctic-goal-676703/gitlab/acme/shop")
    switch = YAML(typ="safe").load(Failover("gcr-mirror-failover", "gcr-mirror", *names, "pull").switch())
    with ApiServer() as server:
        labels = {"labels": switch["metadata"]["labels"]}
        server.add("configmaps", "gcr-mirror", "gcr-mirror-failover", data=switch["data"], metadata=labels)
        server.add("namespaces", "", "shop", metadata={"labels": {"gcr-mirror/failover": "allowed"}})
        workload(server, "deployments", "shop", "api", f"{names[0]}/api:1")
        printed = failover(server, tmp_path, "on", "--dry-run").out
    assert printed.count("\n") == 3
    assert printed in BOOK.read_text()


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
