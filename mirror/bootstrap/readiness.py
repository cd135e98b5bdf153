"""Readiness: could these images be pulled from the mirror now, with the login that the pods would use?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from mirror.bootstrap.connection import connect
from mirror.bootstrap.site import Site
from mirror.errors import Denied, MirrorError, NotFound, Unauthorized
from mirror.events import ignore
from mirror.oci.auth import Fixed, Login
from mirror.oci.digest import Digest
from mirror.oci.reference import Reference
from mirror.oci.registry import Registry
from mirror.oci.repository import Repository
from mirror.registries.generic import Generic
from mirror.sync.verify import verify
from mirror.sync.workers import spread

Compared = Literal["pin", "pod", "source", "nothing"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image that somebody uses, and how its pods would log in to the mirror. `running` is what a pod runs."""

    where: str
    image: Reference
    mirror: str
    mirrored: Reference
    login: Login | None
    running: Digest | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the question. `problem` is None when the image is ready; `compared` says with what."""

    where: str
    image: str
    mirrored: str | None = None
    digest: Digest | None = None
    compared: Compared = "nothing"
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "where": self.where,
            "image": self.image,
            "mirrored": self.mirrored,
            "digest": self.digest,
            "compared": self.compared,
            "ready": self.problem is None,
            "problem": self.problem,
        }


class Inspector:
    """Asks the mirrors of one configuration, as the pods would. Source registries are asked with our own login."""

    def __init__(self, site: Site) -> None:
        """Nothing is contacted yet."""
        self._site = site
        self._models = {model.name: model for model in site.config.mirrors}
        self._registry = cache(self._connect)
        self._down: set[str] = set()

    def look(self, wanted: Iterable[Wanted]) -> list[Answer]:
        """One answer for each, in order."""
        with self._site.workers() as workers:

            def answer(one: Wanted) -> Answer:
                repository = self._repository(one)
                found, problem = _resolved(repository, one)
                if found is None:
                    return Answer(one.where, str(one.image), str(one.mirrored), problem=problem)
                expected, compared = self._expected(one)
                if expected not in (None, found):
                    problem = f"the mirror has {found}, the {compared} {expected}"
                else:
                    (verdict,) = verify(repository, [(one.mirrored.identifier, found)], workers)
                    problem = f"incomplete: {verdict.problem}" if verdict.problem else None
                return Answer(one.where, str(one.image), str(one.mirrored), found, compared, problem)

            return spread(workers.lookups, answer, wanted)

    def _expected(self, one: Wanted) -> tuple[Digest | None, Compared]:
        """What the digest must be, and who says so; nobody does when the source cannot be asked."""
        if one.image.digest:
            return one.image.digest, "pin"
        if one.running:
            return one.running, "pod"
        source = self._models[one.mirror].source
        if one.image.host != self._site.config.registries[source].host or source in self._down:
            return None, "nothing"
        try:
            here = self._site.repository(source, one.image.repository).resolve(one.image.identifier).digest
        except MirrorError as error:
            if error.temporary:
                self._down.add(source)  # it is down: that is when this is asked
            return None, "nothing"
        return here, "source"

    def _repository(self, one: Wanted) -> Repository:
        target = self._models[one.mirror].target
        registry = self._registry(target, one.login)
        return Repository(
            registry, one.mirrored.repository, push=False, lister=Generic.lister, observe=ignore
        )

    def _connect(self, target: str, login: Login | None) -> Registry:
        model = self._site.config.registries[target]
        return connect(
            model.host,
            Fixed(login),
            observe=ignore,
            clock=self._site.clock,
            insecure=model.insecure,
            ca_file=str(model.ca_file) if model.ca_file else None,
        )


def _resolved(repository: Repository, one: Wanted) -> tuple[Digest | None, str | None]:
    try:
        return repository.resolve(one.mirrored.identifier).digest, None
    except NotFound:
        return None, "is not on the mirror"
    except (Unauthorized, Denied):
        who = f"as {one.login.username}" if one.login else "without a pull secret"
        return None, f"the pods may not pull it {who}"
    except MirrorError as error:
        return None, str(error)
