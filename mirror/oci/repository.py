"""Repository: one path at a registry, as a source and as a target of images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from mirror.errors import (
    DigestMismatch,
    InvalidManifest,
    NotFound,
    RegistryError,
    TooLong,
    Unauthorized,
    Unsupported,
)
from mirror.events import Observe, Outcome, ignore
from mirror.oci import referrers
from mirror.oci.authority import Scopes
from mirror.oci.blob import SourceFailed
from mirror.oci.content import Listing, Open, Reader
from mirror.oci.descriptor import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor
from mirror.oci.digest import Digest
from mirror.oci.manifest import MAX_SIZE, Manifest
from mirror.oci.registry import Registry
from mirror.oci.tag import Tag
from mirror.oci.upload import Upload
from mirror.transport.answer import MAX_BODY, Answer

# All four, always: GitLab answers 404, or the amd64 child of an index, to a client that leaves one out.
ACCEPT = {"Accept": f"{OCI_INDEX}, {DOCKER_INDEX}, {OCI_MANIFEST}, {DOCKER_MANIFEST}"}


class Lister(Protocol):
    """How the tags of a repository are listed; vendors have cheaper ways than the specification."""

    def __call__(self, registry: Registry, path: str, scopes: Scopes, /) -> Listing:
        """The tags of `path`."""


class Repository:
    """One repository. `push=False` asks for no more than pull: GitLab creates what one asks to push to."""

    def __init__(
        self, registry: Registry, path: str, *, push: bool, lister: Lister, observe: Observe
    ) -> None:
        """`path` is the repository's name as it stands between `/v2/` and `/manifests/`."""
        self.registry = registry
        self.path = path
        self._scopes: Scopes = (f"repository:{path}:pull,push" if push else f"repository:{path}:pull",)
        self._lister = lister
        self._upload = Upload(registry, path, self._scopes, observe)
        # A repository that lists nothing holds no blobs worth asking for one by one.
        self._fresh = False

    @property
    def name(self) -> str:
        """`host/path`."""
        return f"{self.registry.host}/{self.path}"

    def __repr__(self) -> str:
        """The name says it all."""
        return f"<Repository {self.name}>"

    def tags(self) -> Listing:
        """All tags. A repository that does not exist is an empty listing that says so."""
        listing = self._lister(self.registry, self.path, self._scopes)
        self._fresh = not listing.tags
        return listing

    def resolve(self, reference: str) -> Descriptor:
        """What a tag or digest names, by HEAD where the answer tells enough."""
        try:
            answer = self._request("HEAD", f"manifests/{reference}", headers=ACCEPT)
        except (NotFound, Unauthorized):
            raise
        except RegistryError as error:
            if error.temporary:
                raise
            # The answer to HEAD says no word of why; and some registries know no HEAD at all.
            return self.manifest(reference).descriptor
        digest, length = _digest(answer), answer.headers.get("Content-Length", "")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if digest is None or not length.isdigit() or not media_type:
            return self.manifest(reference).descriptor
        return Descriptor(media_type, digest, int(length))

    def manifest(self, reference: str) -> Manifest:
        """The manifest of a tag or digest. Raises NotFound, DigestMismatch, InvalidManifest."""
        try:
            answer = self._request("GET", f"manifests/{reference}", headers=ACCEPT, most=MAX_SIZE)
        except TooLong as error:
            raise InvalidManifest(
                f"{self.name}: the manifest {reference} has more than {MAX_SIZE:,} bytes; no registry takes it"
            ) from error
        wanted = Digest.parse(reference) if ":" in reference else _digest(answer)
        if wanted is not None and not wanted.matches(answer.body):
            found = Digest.of(answer.body, wanted.algorithm)
            raise DigestMismatch(
                f"{self.name}: the bytes of the manifest {reference} hash to {found}, not {wanted}"
            )
        return Manifest.parse(answer.body, answer.headers.get("Content-Type", ""), wanted)

    @contextmanager
    def open(self, blob: Descriptor, offset: int = 0) -> Iterator[Reader]:
        """A blob's bytes from `offset` on; every call asks the registry anew, since signed URLs end."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        url = f"/v2/{self.path}/blobs/{blob.digest}"
        with self.registry.stream(url, self._scopes, headers=headers, accept=(200, 206)) as stream:
            if offset and stream.status == 200:
                _skip(stream, offset)
            yield stream

    @property
    def lists_no_referrers(self) -> bool:
        """Whether the registry has said that it has no referrers API."""
        return self.registry.powers.referrers is False

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """What the referrers API lists for `subject`."""
        return referrers.listed(self.registry, self.path, self._scopes, subject)

    def keeps_referrers(self, subject: Digest) -> bool:
        """Whether the registry lists referrers by itself."""
        return referrers.supported(self.registry, self.path, self._scopes, subject)

    def exists(self, content: Descriptor) -> bool:
        """Whether the manifest or blob is in this repository."""
        kind, headers = ("manifests", ACCEPT) if content.is_manifest else ("blobs", {})
        try:
            self._request("HEAD", f"{kind}/{content.digest}", headers=headers)
        except NotFound:
            return False
        return True

    def push(self, blob: Descriptor, source: Open, siblings: Iterable[str] = ()) -> Outcome:
        """Bring a blob here with as few requests and bytes as possible.

        In a fresh repository the existence check and the opening of the upload are one request: a mount from
        itself answers 201 when the blob is there after all, else it opens a session.
        """
        siblings = list(siblings)
        if not self._fresh and self.exists(blob):
            return "present"
        mounted, session = self._upload.mount(blob, siblings or ([self.path] if self._fresh else []))
        if mounted:
            return "mounted" if siblings else "present"
        try:
            self._upload.send(blob, source, session)
        except SourceFailed as failed:
            failed.cause.origin = "source"
            raise failed.cause from failed
        return "copied"

    def put(self, manifest: Manifest, tag: str | None = None) -> None:
        """Write a manifest under its digest or a tag; the registry must answer with the same digest."""
        reference = tag or manifest.digest
        answer = self._request(
            "PUT",
            f"manifests/{reference}",
            headers={"Content-Type": manifest.media_type},
            body=manifest.raw,
            accept=(201, 200, 202),
        )
        answered = _digest(answer) or self.resolve(reference).digest
        if answered.algorithm == manifest.digest.algorithm and answered != manifest.digest:
            raise DigestMismatch(f"{self.name}:{reference} became {answered}, not {manifest.digest}")

    def delete(self, reference: str) -> None:
        """Delete a tag or a manifest; one that is gone already is no error.

        A registry that deletes by digest only is Unsupported: that would take the other tags of the image with it.
        """
        try:
            self._request("DELETE", f"manifests/{reference}", accept=(202, 200, 204))
        except NotFound:
            return
        except RegistryError as refused:
            if ":" in reference or not _keeps_tags(refused):
                raise
            raise Unsupported(
                f"{self.registry.host} does not delete tags ({refused.detail or refused.status}), and to delete their "
                "digests would take other tags with them; set prune: false for this mirror, or let the registry "
                "delete tags",
                **refused.parts,
            ) from refused

    def _request(
        self,
        method: str,
        rest: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        accept: tuple[int, ...] = (200,),
        most: int = MAX_BODY,
    ) -> Answer:
        return self.registry.request(
            method,
            f"/v2/{self.path}/{rest}",
            self._scopes,
            headers=headers,
            body=body,
            accept=accept,
            most=most,
        )


def _digest(answer: Answer) -> Digest | None:
    """The digest that an answer names; None when it names none that we could compare."""
    try:
        return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
    except InvalidManifest:
        return None


def _skip(stream: Reader, count: int) -> None:
    """Read past `count` bytes: the registry does not know Range and sent the blob from its start."""
    buffer = memoryview(bytearray(64 * 1024))
    while count:
        read = stream.readinto(buffer[: min(count, len(buffer))])
        if read == 0:
            raise Unsupported("the blob ended before the place where it is to be resumed")
        count -= read


def only(name: str, reference: str, companions: Iterable[str] = ()) -> Lister:
    """A lister that sees one image, under `name`, and those of its companion tags that there are.

    `companions` are endings of the tag that is made of the image's digest: "" for the fallback tag, ".sig".
    """

    def list_one(registry: Registry, path: str, scopes: Scopes) -> Listing:
        del scopes
        place = Repository(registry, path, push=False, lister=list_one, observe=ignore)
        image = Tag(name, place.resolve(reference).digest)
        found = [image]
        for ending in companions:
            companion = referrers.fallback_tag(image.digest or Digest("")) + ending
            try:
                found.append(Tag(companion, place.resolve(companion).digest))
            except NotFound:
                continue
        return Listing({tag.name: tag for tag in found})

    return list_one


def _keeps_tags(refused: RegistryError) -> bool:
    """Whether this says that tags cannot be deleted; distribution 2 takes a tag there for a broken digest."""
    return isinstance(refused, Unsupported) or "DIGEST_INVALID" in refused.codes
