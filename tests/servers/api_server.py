"""API server: a loopback stand-in for Kubernetes', with as much as the failover needs of it.

It is not Kubernetes: objects are what a test gave, a rollout is over when it has been asked for often enough, and the
admission policy is run by `tests/servers/admission.py`. It shows that we ask the right things in the right order, and
tells a real kubectl enough for the commands that we print.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.servers.admission import admit

Json = dict[str, Any]
_PATH = re.compile(
    r"/(?:api/v1|apis/[a-z0-9.]+/v1)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<kind>[a-z]+)(?:/(?P<name>[^/]+))?"
)
_ROLLOUT = 2  # questions until a rollout is over
# What kubectl asks before anything else: which kinds there are, and below which path.
_KINDS = {
    "v1": {
        "configmaps": "ConfigMap",
        "namespaces": "Namespace",
        "pods": "Pod",
        "secrets": "Secret",
        "serviceaccounts": "ServiceAccount",
    },
    "apps/v1": {"daemonsets": "DaemonSet", "deployments": "Deployment", "statefulsets": "StatefulSet"},
    "admissionregistration.k8s.io/v1": {
        "mutatingadmissionpolicies": "MutatingAdmissionPolicy",
        "mutatingadmissionpolicybindings": "MutatingAdmissionPolicyBinding",
    },
}
_OF_NO_NAMESPACE = ("namespaces", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings")


@dataclass
class ApiServer:
    """Objects by (kind, namespace, name), and every request that came: method, path, whether it was only a try.

    `tried` are the pods of those that were.
    """

    policy: Json | None = None
    objects: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    tried: list[Json] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Listen on a free port."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                status, found = api.answer(self.command, self.path, body)
                # A watch is many objects, one after the other.
                data = "\n".join(map(json.dumps, found if isinstance(found, list) else [found])).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PATCH = do_POST = do_DELETE = answer  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, kind: str, namespace: str, name: str, **more: Any) -> Json:
        """Put an object there; `kind` as in paths."""
        metadata = {"name": name, "namespace": namespace, "generation": 1} | more.pop("metadata", {})
        made = {"metadata": metadata, **more}
        self.objects[kind, namespace, name] = made
        return made

    def kubeconfig(self, folder: Path, context: str = "test") -> Path:
        """A kubeconfig with one context, which is the current one."""
        file = folder / "kubeconfig"
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {"token": "made-up"}}],
            "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        }
        file.write_text(json.dumps(content))
        return file

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Json | list[Json]]:
        """Status and body for one request."""
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if found := _discovered(url.path):
            return 200, found
        self.requests.append(f"{method} {url.path}{' (dry run)' if 'dryRun' in query else ''}")
        match = _PATH.fullmatch(url.path)
        if match is None:
            return 404, {"kind": "Status", "status": "Failure"}
        kind, namespace, name = match["kind"], match["namespace"] or "", match["name"] or ""
        if method == "POST":
            return 201, self._made(kind, namespace, body, dry="dryRun" in query)
        if not name:
            return 200, self._collection(kind, namespace, query)
        return self._one(method, (kind, namespace, name), body)

    def _collection(self, kind: str, namespace: str, query: dict[str, str]) -> Json | list[Json]:
        if "watch" in query:
            return self._watched(kind, namespace, query.get("fieldSelector", ""))
        items = self._listed(kind, namespace, query.get("labelSelector", ""))
        return _typed(kind, {"metadata": {}, "items": items}, "List")

    def _one(self, method: str, where: tuple[str, str, str], body: Any) -> tuple[int, Json]:
        kind, _, name = where
        found = self.objects.get(where)
        if found is None:
            return 404, {"kind": "Status", "status": "Failure", "code": 404}
        if method == "PATCH":
            _merge(found, body)
            if "spec" in body:
                found["metadata"]["generation"] += 1
                self.asked[name] = 0
        if method == "DELETE":
            del self.objects[where]
        return 200, _typed(kind, self._progressed(found))

    def _made(self, kind: str, namespace: str, body: Json, *, dry: bool) -> Json:
        made = self._admitted(body) if kind == "pods" else body
        if dry:
            self.tried.append(body)
        else:
            parts = {key: value for key, value in made.items() if key not in ("apiVersion", "kind")}
            self.add(kind, namespace, made["metadata"]["name"], **parts)
        return made

    def _admitted(self, pod: Json) -> Json:
        switches = [one for (kind, *_), one in self.objects.items() if kind == "configmaps"]
        for switch in switches if self.policy else []:
            pod = admit(self.policy or {}, switch, pod)
        return pod

    def _listed(self, kind: str, namespace: str, label: str) -> list[Json]:
        key, _, value = label.partition("=")
        return [
            one
            for (its, where, _), one in self.objects.items()
            if its == kind
            and namespace in ("", where)
            and (not label or one["metadata"].get("labels", {}).get(key) == value)
        ]

    def _watched(self, kind: str, namespace: str, field: str) -> list[Json]:
        """What there is, a bookmark after it, and what happens until a rollout is over."""
        found = self.objects[kind, namespace, field.partition("=")[2]]
        states = [copy.deepcopy(_typed(kind, self._progressed(found))) for _ in range(_ROLLOUT + 1)]
        for version, state in enumerate(states, 1):
            state["metadata"]["resourceVersion"] = str(version)
        mark = {"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}
        return [
            {"type": "ADDED", "object": states[0]},
            {"type": "BOOKMARK", "object": _typed(kind, {"metadata": mark})},
            *({"type": "MODIFIED", "object": state} for state in states[1:]),
        ]

    def _progressed(self, found: Json) -> Json:
        name, metadata = found["metadata"]["name"], found["metadata"]
        if "template" in found.get("spec", {}):
            self.asked[name] = self.asked.get(name, 0) + 1
            over = self.asked[name] > _ROLLOUT
            wanted = found["spec"].get("replicas", 1)
            found["status"] = {
                "observedGeneration": metadata["generation"],
                "replicas": wanted,
                "updatedReplicas": wanted if over else 0,
                "availableReplicas": wanted,
            }
        return found


def _typed(kind: str, found: Json, tail: str = "") -> Json:
    (version,) = (version for version, kinds in _KINDS.items() if kind in kinds)
    return {"apiVersion": version, "kind": _KINDS[version][kind] + tail} | found


def _discovered(path: str) -> Json | None:
    """What there is, for those who ask before they begin."""
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(one) for one in _KINDS if "/" in one],
        }
    if path.startswith("/openapi/v3"):
        return {"paths": dict(_described(one) for one in _KINDS) | dict(_validated())}
    served = path.removeprefix("/apis/").removeprefix("/api/")
    if served not in _KINDS:
        return None
    resources = [
        {
            "name": name,
            "singularName": kind.lower(),
            "namespaced": name not in _OF_NO_NAMESPACE,
            "kind": kind,
            "verbs": ["create", "delete", "get", "list", "patch", "watch"],
        }
        for name, kind in _KINDS[served].items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": served, "resources": resources}


def _group(served: str) -> Json:
    name, _, version = served.partition("/")
    known = {"groupVersion": served, "version": version}
    return {"name": name, "versions": [known], "preferredVersion": known}


def _described(served: str) -> tuple[str, Json]:
    path = f"apis/{served}" if "/" in served else f"api/{served}"
    return path, {"serverRelativeURL": f"/openapi/v3/{path}"}


def _validated() -> Iterator[tuple[str, Json]]:
    """That the server looks at fields itself, so that kubectl does not want the whole schema."""
    for served, kinds in _KINDS.items():
        group, _, version = served.rpartition("/")
        for name, kind in kinds.items():
            described = {
                "parameters": [{"name": "fieldValidation", "in": "query"}],
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
            }
            yield f"/{served}/{name}/{{name}}", {"patch": described}


def _merge(into: Json, patch: Json) -> None:
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value
