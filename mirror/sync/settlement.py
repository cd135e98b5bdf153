"""Settlement: brings the blobs of images to one registry, each of them once, however many images want it."""

import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from mirror.events import Outcome
from mirror.oci.content import Source, Target
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.sync.workers import Future, Workers, gather, wait

Settled = dict[Descriptor, Outcome]


class Claim(NamedTuple):
    """What is done about one blob: nothing (it is there), somebody's transfer, or our own.

    `same` says that somebody's is just what ours would be: from the same repository to the same repository.
    """

    blob: Descriptor
    transfer: Future[Outcome] | None = None
    own: bool = False
    same: bool = False


class Transfer(NamedTuple):
    """A blob on its way: from which repository to which."""

    future: Future[Outcome]
    route: tuple[str, str]


class Settlement:
    """What one target registry is known to have in this pass, and what is on its way there.

    A blob that no repository has is transferred once, and everyone who wants it waits for that transfer; as
    soon as one repository has it, the others mount it side by side. Where it fails, so do all who waited for the
    same: a blob that cannot be had is not tried once more for each image that wants it.
    """

    def __init__(self, workers: Workers) -> None:
        """Nothing is known yet."""
        self._workers = workers
        self._lock = threading.Lock()
        self._places: dict[Digest, list[str]] = defaultdict(list)
        self._under_way: dict[tuple[Digest, str], Transfer] = {}

    def settle(self, source: Source, target: Target, blobs: Iterable[Descriptor]) -> Settled:
        """Bring all `blobs` to `target`; how each got there, without those that were known to be there.

        Runs in an image worker. Raises the first error, after all transfers of this call have ended.
        """
        missing, settled = list(blobs), Settled()
        while missing:
            claims = [self._claim(source, target, blob) for blob in missing]
            own = {claim.blob: claim.transfer for claim in claims if claim.own and claim.transfer}
            wait(claim.transfer for claim in claims if claim.transfer)
            settled |= dict(zip(own, gather(own.values()), strict=True))
            gather(claim.transfer for claim in claims if claim.transfer and claim.same)
            # A transfer on another route may have failed, or have gone to another repository: look again.
            missing = [blob for blob in missing if not self._has(blob.digest, target.path)]
        return settled

    def forget(self, target: Target) -> None:
        """The registry says that something is not there after all: believe nothing of this repository."""
        with self._lock:
            for places in self._places.values():
                if target.path in places:
                    places.remove(target.path)

    def _claim(self, source: Source, target: Target, blob: Descriptor) -> Claim:
        with self._lock:
            places = self._places[blob.digest]
            if target.path in places:
                return Claim(blob)
            # Where nobody has the blob there is one transfer for the whole registry, else one a repository.
            key = (blob.digest, target.path if places else "")
            route = (source.name, target.path)
            under_way = self._under_way.get(key)
            if under_way:
                return Claim(blob, under_way.future, same=under_way.route == route)
            future = self._workers.blobs.submit(self._transfer, source, target, blob, key)
            self._under_way[key] = Transfer(future, route)
        return Claim(blob, future, own=True)

    def _transfer(self, source: Source, target: Target, blob: Descriptor, key: tuple[Digest, str]) -> Outcome:
        with self._lock:
            siblings = tuple(self._places[blob.digest])
        try:
            outcome = target.push(blob, lambda offset: source.open(blob, offset), siblings)
            with self._lock:
                self._places[blob.digest].append(target.path)
        finally:
            # Before the future ends, so that whoever waited for it finds the books in order.
            with self._lock:
                del self._under_way[key]
        return outcome

    def _has(self, digest: Digest, path: str) -> bool:
        with self._lock:
            return path in self._places[digest]
