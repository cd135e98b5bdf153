"""Admission policy: the failover as a MutatingAdmissionPolicy, Kubernetes 1.36 or newer.

https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
"""

from __future__ import annotations

from mirror.render.document import document, stream
from mirror.render.failover import ANNOTATION, NAMESPACE_LABEL, Failover, metadata

# Whole parts of a path: `host/acme/shop` is also the beginning of `host/acme/shopping`, which is another image.
_RENAMED = """\
c.image.startsWith(params.data['from'])
    && (params.data['from'].endsWith('/')
        || c.image.substring(params.data['from'].size()).matches('^([/:@]|$)'))"""
SWITCHED_ON = "params.data[?'enabled'].orValue('false') == 'true'"
USES_ORIGIN = f"""\
(object.spec.containers + object.spec.?initContainers.orValue([]))
.exists(c, {_RENAMED})
"""
# Not by ApplyConfiguration: that may not touch this list ("may not mutate atomic arrays, maps or structs"), finds
# out when a pod is made, and under failurePolicy Ignore says so to nobody. The value of a new list is plain, since a
# list of typed objects ends the request with a panic of the API server.
ADD_PULL_SECRET = """\
has(object.spec.imagePullSecrets)
? [JSONPatch{op: "add", path: "/spec/imagePullSecrets/-",
             value: Object.spec.imagePullSecrets{name: params.data['pullSecret']}}]
  .filter(p, !object.spec.imagePullSecrets.exists(s, s.name == params.data['pullSecret']))
: [JSONPatch{op: "add", path: "/spec/imagePullSecrets", value: [{"name": params.data['pullSecret']}]}]
"""
# Containers are merged by their names, so what is not named here stays.
RENAME_IMAGES = f"""\
Object{{
  metadata: Object.metadata{{annotations: {{"{ANNOTATION}": "true"}}}},
  spec: Object.spec{{
    containers: object.spec.containers
      .filter(c, {_RENAMED})
      .map(c, Object.spec.containers{{
        name: c.name, image: params.data['to'] + c.image.substring(params.data['from'].size())}}),
    initContainers: object.spec.?initContainers.orValue([])
      .filter(c, {_RENAMED})
      .map(c, Object.spec.initContainers{{
        name: c.name, image: params.data['to'] + c.image.substring(params.data['from'].size())}})
  }}
}}
"""
_ABOUT = """\
While the switch is on, new pods pull from {mirror}
instead of {origin}, with the pull secret {secret}.
Kubernetes 1.36 or newer. Takes part: every namespace with the label {label}={value}.
Only CREATE: a pod that is changed later would be restarted. failurePolicy Fail, so that a broken policy is seen;
only pods that use the origin while the switch is on can meet it."""


def admission_policy(failover: Failover) -> str:
    """Switch, policy and binding."""
    return stream([failover.switch(), _policy(failover), _binding(failover)])


def _policy(failover: Failover) -> str:
    about = _ABOUT.format(
        origin=failover.origin,
        mirror=failover.mirror,
        secret=failover.pull_secret,
        label=NAMESPACE_LABEL[0],
        value=NAMESPACE_LABEL[1],
    )
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    spec = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "IfNeeded",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {"resourceRules": [pods]},
        "matchConditions": [
            {"name": "switched-on", "expression": SWITCHED_ON},
            {"name": "uses-origin", "expression": USES_ORIGIN},
        ],
        "mutations": [
            {"patchType": "JSONPatch", "jsonPatch": {"expression": ADD_PULL_SECRET}},
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": RENAME_IMAGES}},
        ],
    }
    return document(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicy",
            "metadata": metadata(failover.name),
            "spec": spec,
        },
        about,
    )


def _binding(failover: Failover) -> str:
    switch = {
        "name": failover.name,
        "namespace": failover.namespace,
        # No switch is a switch that is off; Deny would refuse every pod.
        "parameterNotFoundAction": "Allow",
    }
    return document(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": metadata(failover.name),
            "spec": {
                "policyName": failover.name,
                "paramRef": switch,
                "matchResources": {"namespaceSelector": {"matchLabels": dict([NAMESPACE_LABEL])}},
            },
        }
    )
