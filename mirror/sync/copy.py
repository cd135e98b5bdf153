"""Copy: one image from a source to a target. Blobs, then children, then parents, then referrers; the tag is last."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Self, TypeVar

from mirror.errors import CopyError, MirrorError, NotFound, Origin, RegistryError, Stopped
from mirror.events import Copied, Observe, Settled, Started
from mirror.oci.codes import CHILD_UNKNOWN
from mirror.oci.content import Listing, Source, Target
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest
from mirror.oci.referrers import fallback_tag, merged
from mirror.sync import graph
from mirror.sync.graph import Graph
from mirror.sync.plan import Copy, Placement, Rule
from mirror.sync.settlement import Settlement
from mirror.sync.shelf import Shelf
from mirror.sync.workers import Workers

T = TypeVar("T")
_NOTHING: AbstractSet[Digest] = frozenset()


class Sent(NamedTuple):
    """What a copy took: bytes, and how many blobs it has, sent and mounted."""

    size: int = 0
    blobs: int = 0
    copied: int = 0
    mounted: int = 0

    @classmethod
    def together(cls, parts: Iterable[Self]) -> Self:
        """The sum of several."""
        listed = [(one.size, one.blobs, one.copied, one.mounted) for one in parts]
        return cls(*map(sum, zip(*listed, strict=True)))


class Copier(NamedTuple):
    """Carries out the copies of one repository. `there` is what the target held when the pass began."""

    mirror: str
    repository: str
    source: Source
    target: Target
    there: Listing
    rule: Rule
    workers: Workers
    settlement: Settlement
    shelf: Shelf
    observe: Observe
    clock: Callable[[], float]

    def copy(self, step: Copy) -> None:
        """Bring the image over and write its tags. Raises CopyError, which names the side that failed."""
        began = self.clock()
        for placement in step.placements:
            self.observe(Started(self.mirror, self._from(step.root), self._to(placement)))
        image = self._guard("source", step.root, lambda: self._read(step.root)) if step.placements else None
        referrers = self._guard("source", step.root, lambda: self._read_referrers(step, image))
        sent = self._guard("target", step.root, lambda: self._write(image, referrers, step))
        for placement in step.placements:
            self._tell(step, placement, image, sent, self.clock() - began)
            sent = sent._replace(size=0)  # the bytes travelled once, whatever the number of tags

    def _tell(
        self, step: Copy, placement: Placement, image: Graph | None, sent: Sent, seconds: float
    ) -> None:
        self.observe(
            Copied(
                mirror=self.mirror,
                repository=self.repository,
                tag=placement.tag,
                source=self._from(step.root),
                target=self._to(placement),
                digest=image.root.digest if image else step.root,
                size=sent.size,
                seconds=seconds,
                blobs=sent.blobs,
                mounted=sent.mounted,
                present=sent.blobs - sent.copied - sent.mounted,
            )
        )

    def _read(self, root: str, known: Callable[[Descriptor], bool] | None = None) -> Graph:
        return graph.read(
            self.source,
            self.shelf.take(self.source, root) or root,
            self.workers,
            platforms=self.rule.platforms,
            known=known or self._has_manifest,
        )

    def _has_manifest(self, child: Descriptor) -> bool:
        if self.there.manifests is not None:
            return child.digest in self.there.manifests
        return bool(self.there.tags) and self.target.exists(child)

    def _read_referrers(self, step: Copy, image: Graph | None) -> list[Graph]:
        """Every referrer of the image and of its children, and theirs, as far as the source tells and has them."""
        if not self.rule.referrers:
            return []
        found = dict.fromkeys(step.referrers)
        waiting = [*(manifest.digest for manifest in (image.manifests if image else ())), *found]
        while waiting:
            listed = self.source.referrers(waiting.pop())
            new = [one.digest for one in listed if one.digest not in found]
            found.update(dict.fromkeys(new))
            waiting += new
        return [graph for graph in map(self._read_if_there, found) if graph]

    def _read_if_there(self, referrer: Digest) -> Graph | None:
        """A signature that is listed and gone must not keep its image away."""
        try:
            return self._read(referrer)
        except NotFound:
            return None

    def _write(self, image: Graph | None, referrers: list[Graph], step: Copy) -> Sent:
        try:
            return self._write_once(image, referrers, step, self.there.manifests or _NOTHING)
        except RegistryError as error:
            if error.origin == "source" or not CHILD_UNKNOWN & set(error.codes):
                raise
        # What was believed to be there is not (cleaned up, or half-copied by another tool): bring it all again.
        self.settlement.forget(self.target)
        self.target.tags()
        image, referrers = self._guard("source", step.root, lambda: self._read_whole(image, referrers))
        return self._write_once(image, referrers, step, _NOTHING)

    def _read_whole(self, image: Graph | None, referrers: list[Graph]) -> tuple[Graph | None, list[Graph]]:
        """Both once more, with the children that had been left out."""

        def whole(graph: Graph) -> Graph:
            return self._read(graph.origin, lambda _: False)

        return whole(image) if image else None, [whole(one) for one in referrers]

    def _write_once(
        self, image: Graph | None, referrers: list[Graph], step: Copy, held: AbstractSet[Digest]
    ) -> Sent:
        """`held` are manifests that the target has, with all that they list."""
        everything = [*referrers, *([image] if image else [])]
        sent = Sent.together(self._bring(one, held) for one in everything)
        for manifest in (manifest for one in everything for manifest in one.manifests):
            if image is None or manifest is not image.root:
                self.target.put(manifest)
        if image:
            self._name(image.root, step.placements)
        self._list_referrers([one.root for one in referrers])
        return sent

    def _bring(self, image: Graph, held: AbstractSet[Digest]) -> Sent:
        settled = self.settlement.settle(self.source, self.target, image.blobs(held))
        for blob, outcome in settled.items():
            self.observe(Settled(self.mirror, self.repository, blob.digest, blob.size, outcome))
        copied = [blob.size for blob, outcome in settled.items() if outcome == "copied"]
        mounted = sum(outcome == "mounted" for outcome in settled.values())
        return Sent(image.size + sum(copied), len(image.blobs()), len(copied), mounted)

    def _name(self, root: Manifest, placements: tuple[Placement, ...]) -> None:
        for placement in placements:
            if placement.backup and self.rule.on_moved_tag == "backup":
                self.target.put(self.target.manifest(placement.previous or ""), placement.backup)
            self.target.put(root, placement.tag)

    def _list_referrers(self, referrers: list[Manifest]) -> None:
        """Keep the fallback tags of the subjects where the target does not list referrers by itself."""
        subjects = {referrer.subject for referrer in referrers if referrer.subject}
        for subject in subjects:
            if self.target.keeps_referrers(subject):
                return
            tag = fallback_tag(subject)
            try:
                existing: Manifest | None = self.target.manifest(tag)
            except NotFound:
                existing = None
            index = merged(existing, [one for one in referrers if one.subject == subject])
            if index:
                self.target.put(index, tag)

    def _guard(self, origin: Origin, root: Digest, action: Callable[[], T]) -> T:
        try:
            return action()
        except (CopyError, Stopped):
            raise
        except MirrorError as error:
            raise CopyError(self._from(root), error.origin or origin, error) from error

    def _from(self, root: str) -> str:
        return f"{self.source.name}@{root}"

    def _to(self, placement: Placement) -> str:
        return f"{self.target.name}{'@' if ':' in placement.tag else ':'}{placement.tag}"
