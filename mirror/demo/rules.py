"""Rules: in what the registries differ from each other, as switches."""

from __future__ import annotations

from dataclasses import dataclass

from mirror.oci.manifest import MAX_SIZE


@dataclass(frozen=True, slots=True)
class Rules:
    """Those of the distribution specification 1.1; each flavour has its own, and a test may change them.

    Attributes:
        accept: refuse a manifest whose type is not in Accept with 404, and answer a Docker list asked for by
            tag with its linux/amd64 child, as GitLab does.
        catalog: `_catalog` exists.
        chunks: an upload may come in several PATCHes; otherwise one body per session.
        immutable_tags: a tag cannot be moved.
        google: Google's list (`manifest`, `child`) and its rules for deleting.
        mounts: a blob of another repository can be mounted.
        null_tags: `tags` is null when there is none.
        page: tags per page when the client does not say.
        pages: lists have a `Link`; without, they end at `page`, silently.
        referrers: the referrers API exists, and OCI-Subject says so.
        subject: OCI-Subject is sent though there is no referrers API.
        absolute: the Location of an upload is a whole URL.
        padding: so many characters more in the Location of an upload; it must come back to the letter.
        upload_path: where uploads go, outside /v2/ if need be.
        max_manifest: bytes.
    """

    accept: bool = False
    catalog: bool = True
    chunks: bool = True
    immutable_tags: bool = False
    google: bool = False
    mounts: bool = True
    null_tags: bool = False
    page: int = 1000
    pages: bool = True
    referrers: bool = True
    subject: bool = False
    absolute: bool = False
    padding: int = 40
    upload_path: str = "/v2/{name}/blobs/uploads/{id}"
    max_manifest: int = MAX_SIZE


GITLAB = Rules(accept=True, null_tags=True, page=100, referrers=False, catalog=False)
GOOGLE = Rules(
    catalog=False,
    chunks=False,
    google=True,
    page=10_000,
    padding=1500,
    upload_path="/artifacts-uploads/namespaces/{namespace}/repositories/{repository}/uploads/{id}",
)
