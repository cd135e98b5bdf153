"""A daemon between two of Debian's docker-registry: the same scenarios as between the embedded ones."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.servers.house import Household
from tests.servers.registry import Registry
from tests.servers.seed import OCI_MANIFEST, Seed


class RealHouse(Household):
    """Between two real registries, which are processes of their own."""

    def __init__(self, folder: Path, source: Registry, target: Registry, **keys: Any) -> None:
        self.source = source
        self.target = target
        self._http = requests.Session()
        self._http.trust_env = False
        super().__init__(folder, **keys)

    def ends(self) -> dict[str, dict[str, Any]]:
        both = {"gitlab": self.source, "google": self.target}
        return {name: {"kind": "oci", "host": one.host, "insecure": True} for name, one in both.items()}

    def push(self, *tags: str, name: str = "acme/shop/api", ago: float = 0.0, size: int = 2000) -> None:
        """Push an image to the source for each tag; nothing there keeps when that was."""
        del ago
        seed = Seed(self.source.url, name)
        for tag in tags:
            words = f"{name} {tag} ".encode()
            seed.image(tag, layers=[words * (size // len(words))])

    def take_down(self) -> None:
        """Kill it, as a machine that loses its power would."""
        self.source.kill()

    def bring_back(self) -> None:
        self.source.start()

    def pulled(self, name: str = "acme/shop/api") -> set[str]:
        listed = self._http.get(f"{self.target.url}/v2/{name}/tags/list")
        tags = set(listed.json()["tags"] or ()) if listed.ok else set()
        for tag in tags:
            manifest = self._manifest(self.target, name, tag)
            assert manifest == self._manifest(self.source, name, tag)
            parsed = json.loads(manifest)
            for blob in (parsed["config"], *parsed["layers"]):
                there = self._http.get(f"{self.target.url}/v2/{name}/blobs/{blob['digest']}")
                assert f"sha256:{hashlib.sha256(there.content).hexdigest()}" == blob["digest"]
        return tags

    def sent(self) -> Counter[str]:
        uploads = (seen for seen in self.target.requests() if seen.method in {"PUT", "POST"})
        queries = (parse_qs(urlsplit(seen.path).query) for seen in uploads if seen.status == 201)
        return Counter(query["digest"][0] for query in queries if "digest" in query)

    def _manifest(self, registry: Registry, name: str, tag: str) -> bytes:
        url = f"{registry.url}/v2/{name}/manifests/{tag}"
        answer = self._http.get(url, headers={"Accept": OCI_MANIFEST})
        answer.raise_for_status()
        return answer.content
