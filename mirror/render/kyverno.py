"""Kyverno: the failover as a ClusterPolicy, for clusters older than Kubernetes 1.36.

https://kyverno.io/docs/policy-types/cluster-policy/mutate/
"""

from __future__ import annotations

from typing import Any

from mirror.render.document import document, stream
from mirror.render.failover import ANNOTATION, NAMESPACE_LABEL, Failover, metadata

_ABOUT = """\
While the switch is on, new pods pull from {mirror}
instead of {origin}, with the pull secret {secret}.
Needs Kyverno, whose own images must not come from there, and a version that still has ClusterPolicy: deprecated since
1.17, it is to be removed. Written after Kyverno's documentation and schema and not yet run on a Kyverno, whose failures
are silent here: prove it as the switch says."""
# A list that is not there is an error in Kyverno, and that of one list ends the rule for both.
_LISTS = {
    "containers": "request.object.spec.containers",
    "initContainers": "request.object.spec.initContainers[] || `[]`",
}


def kyverno(failover: Failover) -> str:
    """Switch and policy."""
    about = _ABOUT.format(origin=failover.origin, mirror=failover.mirror, secret=failover.pull_secret)
    policy = document(
        {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": metadata(failover.name)
            # Pods only: what Kyverno would write into Deployments would stay when the switch is off again.
            | {"annotations": {"pod-policies.kyverno.io/autogen-controllers": "none"}},
            "spec": {
                "background": False,
                "failurePolicy": "Ignore",
                "rules": [_rule(failover)],
            },
        },
        about,
    )
    return stream([failover.switch(), policy])


def _rule(failover: Failover) -> dict[str, Any]:
    return {
        "name": "rename-images",
        "match": {
            "any": [
                {
                    "resources": {
                        "kinds": ["Pod"],
                        "operations": ["CREATE"],
                        "namespaceSelector": {"matchLabels": dict([NAMESPACE_LABEL])},
                    }
                }
            ]
        },
        "context": [
            {"name": "switch", "configMap": {"name": failover.name, "namespace": failover.namespace}}
        ],
        "preconditions": {
            "all": [
                {"key": "{{ switch.data.enabled || 'false' }}", "operator": "Equals", "value": "true"},
            ]
        },
        "mutate": {"foreach": [_foreach(name, _renamed(failover.origin)) for name in _LISTS]},
    }


def _foreach(name: str, renamed: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "list": _LISTS[name],
        "preconditions": {"any": renamed},
        "patchStrategicMerge": {
            "metadata": {"annotations": {ANNOTATION: "true"}},
            "spec": {
                # Both lists are merged by name.
                "imagePullSecrets": [{"name": "{{ switch.data.pullSecret }}"}],
                name: [
                    {
                        "name": "{{ element.name }}",
                        "image": "{{ replace(element.image, switch.data.from, switch.data.to, `1`) }}",
                    }
                ],
            },
        },
    }


def _renamed(origin: str) -> list[dict[str, Any]]:
    """The images that are meant: whole parts of a path, so that `acme/shop` is not `acme/shopping`."""
    ends = [""] if origin.endswith("/") else ["/", ":", "@"]
    begins = [f"{{{{ starts_with(element.image, join('', [switch.data.from, '{end}'])) }}}}" for end in ends]
    found = [{"key": key, "operator": "Equals", "value": True} for key in begins]
    same = {"key": "{{ element.image }}", "operator": "Equals", "value": "{{ switch.data.from }}"}
    return found if origin.endswith("/") else [same, *found]
