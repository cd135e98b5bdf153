"""API server: a loopback stand-in for Kubernetes', with as much as the failover needs of it.

It is not Kubernetes: objects are what a test gave, a rollout is over when it has been asked for often enough, and the
admission policy is run by `tests/servers/admission.py`. It shows that we ask the right things in the right order.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.servers.admission import admit

Json = dict[str, Any]
_PATH = re.compile(
    r"/(?:api/v1|apis/apps/v1)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<kind>[a-z]+)(?:/(?P<name>[^/]+))?"
)
_ROLLOUT = 2  # questions until a rollout is over


@dataclass
class ApiServer:
    """Objects by (kind, namespace, name), and every request that came: method, path, whether it was only a try."""

    policy: Json | None = None
    objects: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Listen on a free port."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                status, found = api.answer(self.command, self.path, body)
                data = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PATCH = do_POST = answer  # noqa: N815 - the library's names

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

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig with the context `test`, which is the current one."""
        file = folder / "kubeconfig"
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {"token": "made-up"}}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        }
        file.write_text(json.dumps(content))
        return file

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Json]:
        """Status and body for one request."""
        url = urlsplit(target)
        query = parse_qs(url.query)
        self.requests.append(f"{method} {url.path}{' (dry run)' if 'dryRun' in query else ''}")
        match = _PATH.fullmatch(url.path)
        if match is None:
            return 404, {"kind": "Status", "status": "Failure"}
        kind, namespace, name = match["kind"], match["namespace"] or "", match["name"] or ""
        if method == "POST":
            return 201, self._admitted(body)
        if not name:
            label = (query.get("labelSelector") or [""])[0]
            return 200, {"metadata": {}, "items": self._listed(kind, namespace, label)}
        found = self.objects.get((kind, namespace, name))
        if found is None:
            return 404, {"kind": "Status", "status": "Failure", "code": 404}
        if method == "PATCH":
            _merge(found, body)
            if "spec" in body:
                found["metadata"]["generation"] += 1
                self.asked[name] = 0
        return 200, self._progressed(found)

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


def _merge(into: Json, patch: Json) -> None:
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value
