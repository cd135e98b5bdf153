"""Survey: what one repository holds on both sides, asked with as few requests as the two registries allow."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from mirror.errors import MirrorError, NotFound, Stopped, Unauthorized
from mirror.oci.content import Listing, Source, Target
from mirror.oci.descriptor import INDEXES, Platform
from mirror.oci.digest import Digest
from mirror.oci.manifest import MAX_SIZE, Manifest
from mirror.oci.tag import Tag
from mirror.sync.plan import Rule
from mirror.sync.selection import Selection, candidates, companions, is_companion, select, subject_of
from mirror.sync.shelf import Shelf
from mirror.sync.workers import Workers, spread

Problem = Callable[[Tag, MirrorError], None]
# What the target is believed to hold under some tags of a repository (source path): tag -> digest.
Recall = Callable[[str, Iterable[str]], Mapping[str, Digest]]
A = TypeVar("A")
_NONE: Mapping[Digest, Digest] = MappingProxyType({})


class Survey(NamedTuple):
    """One repository: its two sides, what they list, and the tags that are wanted, newest first.

    `unanswered` are wanted too, but a question about them failed: nothing can be done for them now, and they have a
    digest only if the source told it. One that the target could not answer for is not in `there`.
    """

    path: str
    source: Source
    target: Target
    listed: Listing
    there: Listing
    wanted: tuple[Tag, ...] = ()
    unanswered: tuple[Tag, ...] = ()
    attached: frozenset[Digest] = frozenset()
    expected: Mapping[Digest, Digest] = _NONE


def survey(path: str, source: Source, target: Target, workers: Workers) -> Survey:
    """List both sides at the same time; a request or a few each."""
    there = workers.lookups.submit(target.tags)
    try:
        listed = source.tags()
    finally:
        there.wait()
    if not listed.exists:
        raise NotFound(f"{source.name}: there is no such repository, or it may not be seen", status=404)
    return Survey(path, source, target, listed, there.result())


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
    failed, trouble = _noted(problem)
    chosen = resolved(digest, select(tags, selection, now), workers, trouble)
    tags |= _named(chosen)
    named = {tag.name for tag in chosen}
    signatures = [tags[name] for name in sorted(_travelling(tags, chosen) - named)]
    wanted = (*chosen, *resolved(digest, signatures, workers, trouble))
    return found._replace(wanted=wanted, unanswered=tuple(tags[name] for name in sorted(failed)))


def _noted(problem: Problem) -> tuple[set[str], Problem]:
    """The same problem, and the names of the tags that it was told of so far."""
    names = set[str]()

    def noting(tag: Tag, error: MirrorError) -> None:
        names.add(tag.name)
        problem(tag, error)

    return names, noting


def nothing(_repository: str, _tags: Iterable[str]) -> Mapping[str, Digest]:
    """The Recall of who has no memory."""
    return {}


def compare(
    found: Survey, workers: Workers, rule: Rule, problem: Problem, recall: Recall = nothing
) -> Survey:
    """Ask for what the comparison needs and the lists did not tell: target digests, referrers on both sides.

    What is recalled of the target spares the question only where it says that nothing is to be done: whatever is
    overwritten is looked at first. A tag for which asking fails is a problem and unanswered; one that is gone since
    it was listed is neither.
    """
    wanted = found.wanted
    failed, trouble = _noted(problem)
    found = _resolved_there(found, workers, trouble, recall)
    if rule.platforms:
        found = _rewritten(found, rule.platforms, workers, trouble)
    if rule.referrers and not found.listed.tells_referrers:
        found = _referred(found, workers, trouble)
    if found.there.manifests is not None:
        found = found._replace(attached=found.there.manifests)
    elif rule.referrers:
        found = _attached(found, workers, trouble)
    unanswered = (*found.unanswered, *(tag for tag in wanted if tag.name in failed))
    return found._replace(unanswered=unanswered)


def _resolved_there(found: Survey, workers: Workers, problem: Problem, recall: Recall) -> Survey:
    there = found.there.tags
    failed, trouble = _noted(problem)
    unknown = [tag for tag in found.wanted if tag.name in there and there[tag.name].digest is None]
    if not unknown:
        return found
    recalled = recall(found.path, [tag.name for tag in unknown])
    asked = (
        there[tag.name]._replace(digest=tag.digest if recalled.get(tag.name) == tag.digest else None)
        for tag in unknown
    )
    known = resolved(lambda tag: found.target.resolve(tag.name).digest, asked, workers, trouble)
    fine = {name: tag for name, tag in there.items() if name not in failed}
    return found._replace(
        wanted=tuple(tag for tag in found.wanted if tag.name not in failed),
        there=found.there._replace(tags=fine | _named(known)),
    )


def _rewritten(found: Survey, platforms: tuple[Platform, ...], workers: Workers, problem: Problem) -> Survey:
    """With what each index becomes under a platform filter; a request for each that may be one."""

    def rewrite(tag: Tag, digest: Digest) -> Digest | None:
        if tag.media_type and tag.media_type not in INDEXES:
            return None
        manifest = found.source.manifest(digest)
        return manifest.for_platforms(platforms).digest if manifest.is_index else None

    wanted, answers = _asked(found.wanted, workers, problem, rewrite)
    return found._replace(wanted=wanted, expected={digest: new for digest, new in answers.items() if new})


def _referred(found: Survey, workers: Workers, problem: Problem) -> Survey:
    """With the referrers of every wanted tag, from a source whose list does not tell them."""
    if found.source.lists_no_referrers:
        return found
    wanted, answers = _asked(found.wanted, workers, problem, lambda _, digest: found.source.referrers(digest))
    referred = (tag._replace(referrers=answers[tag.digest]) if tag.digest else tag for tag in wanted)
    return found._replace(wanted=tuple(referred))


def _attached(found: Survey, workers: Workers, problem: Problem) -> Survey:
    """With those referrers of the wanted tags that the target has, where its list does not tell."""

    def has(digest: Digest) -> bool:
        try:
            found.target.resolve(digest)
        except NotFound:
            return False
        return True

    referred = [tag for tag in found.wanted if tag.referrers]
    fine, answers = _asked(
        referred, workers, problem, lambda tag, _: [one.digest for one in tag.referrers if has(one.digest)]
    )
    answered = {tag.name for tag in fine}
    wanted = tuple(tag for tag in found.wanted if not tag.referrers or tag.name in answered)
    there = frozenset(digest for digests in answers.values() for digest in digests)
    return found._replace(wanted=wanted, attached=there)


def _asked(
    wanted: Iterable[Tag], workers: Workers, problem: Problem, question: Callable[[Tag, Digest], A]
) -> tuple[tuple[Tag, ...], dict[Digest, A]]:
    """Ask once for each image, side by side: the tags for which that went well, and the answers by digest."""
    failed = dict[Digest, MirrorError]()
    answers = dict[Digest, A]()

    def ask(one: tuple[Digest, Tag]) -> None:
        digest, tag = one
        try:
            answers[digest] = question(tag, digest)
        except (Unauthorized, Stopped):
            raise
        except MirrorError as error:
            failed[digest] = error

    listed = list(wanted)
    spread(workers.lookups, ask, {tag.digest: tag for tag in listed if tag.digest}.items())
    for tag in listed:
        if tag.digest in failed and not isinstance(failed[tag.digest], NotFound):
            problem(tag, failed[tag.digest])
    return tuple(tag for tag in listed if tag.digest not in failed), answers


def _travelling(tags: dict[str, Tag], chosen: Iterable[Tag]) -> frozenset[str]:
    """Signature tags of the chosen images, whatever the filter says of such tags.

    A signature may also belong to a child of an index, which no list tells. Where every digest is known, one
    that belongs to no tagged image at all is therefore taken along.
    """
    if not any(map(is_companion, tags)):
        return frozenset()
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
            return tag if tag.digest else tag._replace(digest=digest(tag))
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
    return tuple(tag for tag in spread(workers.lookups, resolve, listed) if tag)


def _dated(source: Source, tags: Iterable[Tag], workers: Workers, problem: Problem) -> tuple[Tag, ...]:
    """The tags with the time at which their image says that it was made."""

    def date(tag: Tag) -> Tag:
        try:
            return tag if tag.published else tag._replace(published=created(source, tag.digest or tag.name))
        except NotFound:
            return tag  # gone since it was listed; who resolves it finds out
        except (Unauthorized, Stopped):
            raise
        except MirrorError as error:
            problem(tag, error)
            return tag

    return tuple(spread(workers.lookups, date, tags))


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
