"""Holdings: what the mirror has of the images that somebody uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mirror.bootstrap.site import Site
from mirror.errors import MirrorError, NotFound
from mirror.oci.digest import Digest
from mirror.oci.reference import Reference
from mirror.render.rewrite import Use
from mirror.sync.workers import spread


@dataclass(frozen=True, slots=True)
class Holdings:
    """The digests of what is there, and one line, with its place, for each use of what is not."""

    digests: dict[Reference, Digest] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, site: Site, uses: Iterable[Use]) -> Holdings:
        """Ask the mirrors, once for each image."""
        listed = list(uses)
        asked = {(use.mirror, use.mirrored) for use in listed if not use.open_tag}
        with site.workers() as workers:
            answers = dict(spread(workers.lookups, lambda one: (one[1], _ask(site, *one)), asked))
        problems = []
        for use in listed:
            answer = answers.get(use.mirrored)
            if use.open_tag:
                problems.append(
                    f"{use.where}: gives {use.image} no tag: pass the output of `kubectl kustomize`"
                )
            elif not isinstance(answer, Digest):  # which is text, too
                problems.append(f"{use.where}: {use.image}: {answer}")
        return cls({one: digest for one, digest in answers.items() if isinstance(digest, Digest)}, problems)


def _ask(site: Site, mirror: str, image: Reference) -> Digest | str:
    (model,) = (one for one in site.config.mirrors if one.name == mirror)
    repository = site.repository(model.target, image.repository)
    try:
        return repository.resolve(image.identifier).digest
    except NotFound:
        pass
    except MirrorError as error:
        return str(error)
    if image.digest and image.tag:
        try:
            there = repository.resolve(image.tag).digest
        except MirrorError:
            return f"{image} is not on the mirror"
        return f"the mirror has another image as {image.tag}: {there}"
    return f"{image} is not on the mirror"
