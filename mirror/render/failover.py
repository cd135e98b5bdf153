"""Failover: new pods get the mirror's images while a switch is on; what both forms of the policy share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mirror.render.document import document
from mirror.render.relocation import Relocation

# Namespaces with this label take part; the switches are found by the other one.
NAMESPACE_LABEL = ("gcr-mirror/failover", "allowed")
SWITCH_LABEL = ("app.kubernetes.io/name", "gcr-mirror-failover")
ANNOTATION = "gcr-mirror/failover"
_NAME = "gcr-mirror-failover"

_SWITCH_ABOUT = """\
The switch: "true" sends new pods to the mirror.
  kubectl -n {namespace} patch configmap {name} --type merge -p '{{"data":{{"enabled":"true"}}}}'
Pods that are there already are not changed: restart their workloads. Then, and after every change of the policy,
prove it, in a namespace with the label {label}={value}. This must print {to_probe}
  kubectl -n NAMESPACE {probe}"""
# A pod that is only tried. Namespaces of the restricted profile refuse one that does not say that it is harmless, and
# that would say nothing about the policy.
PROBE = "gcr-mirror-probe"
HARMLESS = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_OVERRIDES = json.dumps(
    {"spec": {"containers": [{"name": PROBE, "securityContext": HARMLESS}]}}, separators=(",", ":")
)


@dataclass(frozen=True, slots=True)
class Failover:
    """One mirror's failover. `namespace` is where its switch is; the pull secret is in the pods' namespaces."""

    name: str
    namespace: str
    origin: str
    mirror: str
    pull_secret: str

    @classmethod
    def of(cls, relocation: Relocation, namespace: str, pull_secret: str, *, alone: bool) -> Failover:
        """The failover of a mirror; `alone` when the configuration has no other."""
        tail = "" if alone else f"-{relocation.name.lower().replace('_', '-')}"
        return cls(f"{_NAME}{tail}", namespace, *relocation.prefixes, pull_secret)

    @property
    def probe(self) -> str:
        """An image that need not exist: a pod that names it, only tried, shows whether names are changed."""
        return probe_of(self.origin)

    @property
    def probed(self) -> str:
        """What the probe's image becomes while the switch is on."""
        return probe_of(self.mirror)

    def switch(self, *, enabled: bool = False) -> str:
        """The ConfigMap that the policy reads at every new pod."""
        about = _SWITCH_ABOUT.format(
            name=self.name,
            namespace=self.namespace,
            label=NAMESPACE_LABEL[0],
            value=NAMESPACE_LABEL[1],
            probe=probe_command(self.probe),
            to_probe=self.probed,
        )
        return document(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata(self.name) | {"namespace": self.namespace},
                "data": {
                    "enabled": "true" if enabled else "false",
                    "from": self.origin,
                    "to": self.mirror,
                    "pullSecret": self.pull_secret,
                },
            },
            about,
        )


def probe_of(prefix: str) -> str:
    """An image below a prefix that need not exist."""
    return f"{prefix.rstrip('/')}/gcr-mirror-probe:1"


def probe_command(image: str) -> str:
    """What kubectl is told in order to try a pod with this image, and to print what the API server makes of it."""
    return (
        f"run {PROBE} --image={image} --restart=Never --dry-run=server --override-type=strategic "
        f"--overrides='{_OVERRIDES}' -o jsonpath='{{.spec.containers[0].image}}'"
    )


def metadata(name: str) -> dict[str, Any]:
    """Name and label of everything that belongs to the failover."""
    return {"name": name, "labels": dict([SWITCH_LABEL])}
