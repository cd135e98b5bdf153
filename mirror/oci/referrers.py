"""Referrers: signatures, SBOMs and the like, listed by the API or by a fallback tag.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mirror.errors import RegistryError
from mirror.oci.authority import Scopes
from mirror.oci.descriptor import OCI_INDEX, Descriptor
from mirror.oci.digest import Digest
from mirror.oci.listing import answers, document, understood
from mirror.oci.manifest import Manifest
from mirror.oci.registry import Registry

# How registries say that they know no such route: the specification says 404, some say otherwise.
_NO_SUCH_API = frozenset({400, 404, 405, 406, 501})


def fallback_tag(subject: Digest) -> str:
    """The tag that lists the referrers of `subject` where the registry itself does not."""
    return f"{subject.algorithm}-{subject.hex}"


def listed(registry: Registry, path: str, scopes: Scopes, subject: Digest) -> tuple[Descriptor, ...]:
    """What the referrers API lists; empty when the registry has no such API, which is found out once."""
    if registry.powers.referrers is None:
        # Many ask at once when a pass begins; one of them finds out for all. If it fails, each asks for itself.
        waited = registry.powers.asking.locked()
        with registry.powers.asking:
            if registry.powers.referrers is None and not waited:
                return _listed(registry, path, scopes, subject)
    return () if registry.powers.referrers is False else _listed(registry, path, scopes, subject)


def _listed(registry: Registry, path: str, scopes: Scopes, subject: Digest) -> tuple[Descriptor, ...]:
    found: list[Descriptor] = []
    try:
        for answer in answers(registry, f"/v2/{path}/referrers/{subject}", scopes):
            # Some registries answer 200 with something else: only the right type is the API.
            if answer.headers.get("Content-Type", "").partition(";")[0].strip() != OCI_INDEX:
                registry.powers.referrers = False
                return ()
            registry.powers.referrers = True
            with understood(registry):
                found += entries(document(registry, answer.body))
    except RegistryError as error:
        if error.status not in _NO_SUCH_API:
            raise
        registry.powers.referrers = False
        return ()
    return tuple(found)


def supported(registry: Registry, path: str, scopes: Scopes, subject: Digest) -> bool:
    """Whether the registry lists referrers; one request the first time. Raises what leaves the question open."""

    def probe() -> bool:
        listed(registry, path, scopes, subject)
        return bool(registry.powers.referrers)

    return registry.powers.learn_referrers(probe)


def entries(index: dict[str, Any]) -> list[Descriptor]:
    """The descriptors of an index of referrers."""
    return [Descriptor.from_json(item) for item in index.get("manifests") or ()]


def merged(existing: Manifest | None, referrers: Iterable[Manifest]) -> Manifest | None:
    """The fallback index with `referrers` added; None when it lists them all already.

    Unknown fields of the existing index and of its entries stay as they are.
    """
    document: dict[str, Any] = (
        dict(existing.document) if existing else {"schemaVersion": 2, "mediaType": OCI_INDEX}
    )
    items = list(document.get("manifests") or ())
    known = {item.get("digest") for item in items}
    added = [_entry(referrer) for referrer in referrers if referrer.digest not in known]
    if not added:
        return None
    document["manifests"] = items + added
    return Manifest.parse(json.dumps(document, separators=(",", ":")).encode(), OCI_INDEX)


def _entry(referrer: Manifest) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "mediaType": referrer.media_type,
        "digest": str(referrer.digest),
        "size": len(referrer.raw),
    }
    if referrer.artifact_type:
        entry["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        entry["annotations"] = referrer.annotations
    return entry
