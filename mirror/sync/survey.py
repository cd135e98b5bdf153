"""Survey: what one repository holds on both sides, asked with as few requests as the two registries allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mirror.errors import MirrorError, NotFound, Stopped, Unauthorized
from mirror.oci.content import Listing, Source, Target
from mirror.oci.descriptor import INDEXES, Platform
from mirror.oci.digest import Digest
from mirror.oci.manifest import MAX_SIZE, Manifest
from mirror.oci.tag import Tag
from mirror.sync.plan import Rule
from mirror.sync.selection import Selection, candidates, companions, select, subject_of
from mirror.sync.shelf import Shelf
from mirror.sync.workers import Workers, spread

Problem = Callable[[Tag, MirrorError], None]


@dataclass(frozen=True)
class Survey:
    """One repository: its two sides, what they list, and the tags that are wanted, newest first."""

    path: str
    source: Source
    target: Target
    listed: Listing
    there: Listing
    wanted: tuple[Tag, ...] = ()
    attached: frozenset[Digest] = frozenset()
    expected: Mapping[Digest, Digest] = field(default_factory=dict)


def survey(path: str, source: Source, target: Target) -> Survey:
    """List both sides; a request or a few each."""
    listed = source.tags()
    if not listed.exists:
        raise NotFound(f"{source.name}: there is no such repository, or it may not be seen", status=404)
    return Survey(path, source, target, listed, target.tags())


def choose(
    found: Survey, selection: Selection, now: datetime, workers: Workers, problem: Problem, shelf: Shelf
) -> Survey:
    """Decide which tags are wanted, and ask for the digests (and times) that the list did not tell.

    What the target lacks must be copied, so its manifest is read in the same request and put on the shelf.
    """

    def digest(tag: Tag) -> Digest:
        if tag.name in found.there.tags:
            return found.source.resolve(tag.name).digest
        return shelf.digest(found.source, tag.name)

    tags = dict(found.listed.tags)
    if selection.needs_times and any(tag.published is None for tag in tags.values()):
        tags |= _named(_dated(found.source, candidates(tags, selection), workers, problem))
    chosen = resolved(digest, select(tags, selection, now), workers, problem)
    tags |= _named(chosen)
    named = {tag.name for tag in chosen}
    signatures = [tags[name] for name in sorted(_travelling(tags, chosen) - named)]
    wanted = (*chosen, *resolved(digest, signatures, workers, problem))
    return replace(found, wanted=wanted)


def compare(found: Survey, workers: Workers, rule: Rule, problem: Problem) -> Survey:
    """Ask for what the comparison needs and the lists did not tell: target digests, referrers on both sides."""
    unknown = [
        found.there.tags[tag.name]
        for tag in found.wanted
        if tag.name in found.there.tags and found.there.tags[tag.name].digest is None
    ]
    there = {
        **found.there.tags,
        **_named(resolved(lambda tag: found.target.resolve(tag.name).digest, unknown, workers)),
    }
    found = _rewritten(found, rule.platforms, workers, problem) if rule.platforms else found
    wanted = found.wanted if found.listed.tells_referrers or not rule.referrers else _referred(found, workers)
    attached = found.there.manifests
    if attached is None:
        attached = _attached(found.target, wanted, workers)
    return replace(found, wanted=wanted, there=replace(found.there, tags=there), attached=attached)


def _rewritten(found: Survey, platforms: tuple[Platform, ...], workers: Workers, problem: Problem) -> Survey:
    """With what each index becomes under a platform filter; a request for each that may be one."""
    by_digest = {tag.digest: tag for tag in found.wanted if tag.digest}
    indexes = [tag for tag in by_digest.values() if not tag.media_type or tag.media_type in INDEXES]
    failed = dict[Digest, MirrorError]()

    def rewrite(tag: Tag) -> tuple[Digest, Digest] | None:
        digest = tag.digest or Digest("")
        try:
            manifest = found.source.manifest(digest)
            return (digest, manifest.for_platforms(platforms).digest) if manifest.is_index else None
        except (Unauthorized, Stopped):
            raise
        except MirrorError as error:
            failed[digest] = error
            return None

    expected = dict(pair for pair in spread(workers.images, rewrite, indexes) if pair)
    for tag in found.wanted:
        # One that is gone since it was listed is no failure.
        if tag.digest in failed and not isinstance(failed[tag.digest], NotFound):
            problem(tag, failed[tag.digest])
    wanted = tuple(tag for tag in found.wanted if tag.digest not in failed)
    return replace(found, wanted=wanted, expected=expected)


def _attached(target: Target, wanted: Iterable[Tag], workers: Workers) -> frozenset[Digest]:
    """Which referrers of the wanted tags the target has."""

    def has(digest: Digest) -> bool:
        try:
            target.resolve(digest)
        except NotFound:
            return False
        return True

    digests = list({one.digest for tag in wanted for one in tag.referrers})
    present = spread(workers.images, has, digests)
    return frozenset(digest for digest, there in zip(digests, present, strict=True) if there)


def _referred(found: Survey, workers: Workers) -> tuple[Tag, ...]:
    """The wanted tags with their referrers, from a source whose list does not tell them."""
    subjects = list(dict.fromkeys(tag.digest for tag in found.wanted if tag.digest))
    # The first answer tells whether the source lists referrers at all; if not, the others cost nothing.
    answers = [found.source.referrers(subject) for subject in subjects[:1]]
    answers += spread(workers.images, found.source.referrers, subjects[1:])
    by_subject = dict(zip(subjects, answers, strict=True))
    return tuple(
        replace(tag, referrers=by_subject[tag.digest]) if tag.digest else tag for tag in found.wanted
    )


def _travelling(tags: dict[str, Tag], chosen: Iterable[Tag]) -> frozenset[str]:
    """Signature tags of the chosen images, whatever the filter says of such tags.

    A signature may also belong to a child of an index, which no list tells. Where every digest is known, one
    that belongs to no tagged image at all is therefore taken along.
    """
    digests = {tag.digest for tag in chosen if tag.digest}
    if all(tag.digest for tag in tags.values()):
        tagged = {tag.digest for tag in tags.values()}
        digests |= {subject for subject in map(subject_of, tags) if subject and subject not in tagged}
    return companions(tags, digests)


def _named(tags: Iterable[Tag]) -> dict[str, Tag]:
    return {tag.name: tag for tag in tags}


def resolved(
    digest: Callable[[Tag], Digest], tags: Iterable[Tag], workers: Workers, problem: Problem | None = None
) -> tuple[Tag, ...]:
    """The tags with their digests, asked for by `digest`.

    One that is gone meanwhile is left out, one that fails is a problem (or raised).
    """

    def resolve(tag: Tag) -> Tag | None:
        try:
            return tag if tag.digest else replace(tag, digest=digest(tag))
        except NotFound:
            return None
        except MirrorError as error:
            if problem is None or isinstance(error, Unauthorized | Stopped):
                raise
            problem(tag, error)
            return None

    listed = list(tags)
    if all(tag.digest for tag in listed):
        return tuple(listed)
    return tuple(tag for tag in spread(workers.images, resolve, listed) if tag)


def _dated(source: Source, tags: Iterable[Tag], workers: Workers, problem: Problem) -> tuple[Tag, ...]:
    """The tags with the time at which their image says that it was made."""

    def date(tag: Tag) -> Tag:
        try:
            return tag if tag.published else replace(tag, published=created(source, tag.digest or tag.name))
        except NotFound:
            return tag  # gone since it was listed; who resolves it finds out
        except (Unauthorized, Stopped):
            raise
        except MirrorError as error:
            problem(tag, error)
            return tag

    return tuple(spread(workers.images, date, tags))


def created(source: Source, reference: str) -> datetime | None:
    """When an image was made, by its own config; None for what does not say."""
    manifest = source.manifest(reference)
    while manifest.is_index and manifest.manifests:
        manifest = source.manifest(manifest.manifests[0].digest)
    config = _config(source, manifest)
    text = config.get("created")
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _config(source: Source, manifest: Manifest) -> dict[str, Any]:
    descriptor = manifest.blobs[0] if manifest.blobs else None
    if descriptor is None or not descriptor.media_type.endswith("+json") or descriptor.size > MAX_SIZE:
        return {}
    buffer = bytearray(descriptor.size)
    with source.open(descriptor) as reader:
        filled = 0
        while filled < len(buffer) and (count := reader.readinto(memoryview(buffer)[filled:])):
            filled += count
    try:
        read = json.loads(buffer)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
