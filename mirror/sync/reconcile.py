"""Reconcile: one pass of one mirror. THE SPINE: discover, survey, choose, compare, plan, copy, tell.

What happens is told to the observer; nothing is returned, nothing is remembered here. A repository or an image
that fails is told as Failed and stops no other. Only a credential that is refused ends the pass at once.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from mirror.errors import CopyError, MirrorError, NotFound, Stopped, Unauthorized
from mirror.events import Failed, Kept, Observe, Planned, Unchanged
from mirror.oci.content import Source, Target
from mirror.oci.tag import Tag
from mirror.sync.copy import Copier
from mirror.sync.plan import Copy, Placement, Plan, Rule, plan
from mirror.sync.selection import Selection, recency
from mirror.sync.settlement import Settlement
from mirror.sync.shelf import Shelf
from mirror.sync.survey import Recall, Survey, choose, compare, nothing, survey
from mirror.sync.workers import Workers, gather

A = TypeVar("A")
# Stands between looking and changing: may take tags out of the surveys, or raise Doubtful to end the pass.
Review = Callable[[list[Survey]], list[Survey]]


class Mirror(NamedTuple):
    """What is kept in step: where from, where to, and by which rules. Paths are source repositories."""

    name: str
    discover: Callable[[], Iterable[str]]
    source: Callable[[str], Source]
    target: Callable[[str], Target]
    selection: Selection
    rule: Rule


class Pass:
    """One pass over a mirror: who works, who watches, and what time it is."""

    def __init__(
        self,
        mirror: Mirror,
        workers: Workers,
        observe: Observe,
        now: datetime,
        clock: Callable[[], float],
        review: Review = list,
        recall: Recall = nothing,
    ) -> None:
        """`now` is what ages of tags count from; `clock` has the seconds that a copy takes."""
        self.mirror = mirror
        self.workers = workers
        self.observe = observe
        self.now = now
        self.clock = clock
        self.review = review
        self.recall = recall
        self.shelf = Shelf()

    def run(self, *, dry: bool = False, only: Iterable[str] | None = None) -> None:
        """Bring the mirror in step; with `dry`, only say what would be done. `only` names paths to look at."""
        try:
            paths = self._discover() if only is None else only
            surveys = self.review(self._each(paths, self._look)) if paths is not None else []
        except Unauthorized as refused:
            self._fail("", "", self.mirror.name, refused)
            return
        plans = [(found, self._plan(found)) for found in surveys]
        if not dry:
            self._copy(plans)

    def _discover(self) -> list[str] | None:
        """The repositories; None when they cannot be found, which is no sign that there are none."""
        try:
            return list(self.mirror.discover())
        except (Unauthorized, Stopped):
            raise
        except MirrorError as error:
            self._fail("", "", self.mirror.name, error)
            return None

    def _look(self, path: str) -> Survey:
        """What the repository holds on both sides, what is wanted of it, and what the comparison needs."""

        def problem(tag: Tag, error: MirrorError) -> None:
            self._fail(path, tag.name, f"{found.source.name}:{tag.name}", error)

        found = survey(path, self.mirror.source(path), self.mirror.target(path), self.workers)
        chosen = choose(found, self.mirror.selection, self.now, self.workers, problem, self.shelf)
        return compare(chosen, self.workers, self.mirror.rule, problem, self.recall)

    def _plan(self, found: Survey) -> Plan:
        made = plan(
            found.wanted, found.there, self.mirror.rule, attached=found.attached, expected=found.expected
        )
        self.observe(
            Planned(self.mirror.name, found.path, found.target.name, len(found.wanted), _tags(made.copies))
        )
        if made.unchanged:
            self.observe(Unchanged(self.mirror.name, found.path, made.unchanged))
        for tag in made.kept:
            target = f"{found.target.name}:{tag.name}"
            self.observe(Kept(self.mirror.name, found.path, tag.name, target, tag.digest or ""))
        return made

    def _copy(self, plans: Collection[tuple[Survey, Plan]]) -> None:
        """All copies of all repositories side by side, the newest tags first."""
        settlement = Settlement(self.workers)
        gather(
            [
                self.workers.images.submit(self._one, settlement, found, step)
                for found, step in _newest_first(plans)
            ]
        )

    def _one(self, settlement: Settlement, found: Survey, step: Copy) -> None:
        copier = self._copier(found, settlement)
        try:
            copier.copy(step)
        except Stopped:
            raise
        except CopyError as failed:
            if failed.origin == "source" and isinstance(failed.cause, NotFound):
                self._moved(copier, found, step, failed)
            else:
                self._fail_step(found, step, failed)
        except MirrorError as error:
            self._fail_step(found, step, error)

    def _moved(self, copier: Copier, found: Survey, step: Copy, failed: CopyError) -> None:
        """The image is gone since it was listed: follow the tags that moved, forget those that were deleted."""
        if not step.placements:
            self._fail_step(found, step, failed)
        for placement in step.placements:
            try:
                root = found.source.resolve(placement.tag).digest
                if root == step.root:
                    raise failed
                copier.copy(Copy(root, (placement,)))
            except NotFound:
                continue
            except Stopped:
                raise
            except MirrorError as error:
                self._fail(found.path, placement.tag, f"{found.source.name}:{placement.tag}", error)

    def _copier(self, found: Survey, settlement: Settlement) -> Copier:
        return Copier(
            mirror=self.mirror.name,
            repository=found.path,
            source=found.source,
            target=found.target,
            there=found.there,
            rule=self.mirror.rule,
            workers=self.workers,
            settlement=settlement,
            shelf=self.shelf,
            observe=self.observe,
            clock=self.clock,
        )

    def _each(self, paths: Iterable[str], work: Callable[[str], A]) -> list[A]:
        """`work` of every repository side by side; one that fails is told and left out."""
        submitted = [(path, self.workers.repositories.submit(work, path)) for path in paths]
        done = []
        refusals = []
        for path, future in submitted:
            try:
                done.append(future.result())
            except Unauthorized as error:
                refusals.append(error)
            except Stopped:
                raise
            except MirrorError as error:
                self._fail(path, "", path, error)
        if refusals:
            raise refusals[0]
        return done

    def _fail_step(self, found: Survey, step: Copy, error: MirrorError) -> None:
        for placement in step.placements or (Placement(""),):
            reference = (
                f"{found.source.name}:{placement.tag}"
                if placement.tag
                else f"{found.source.name}@{step.root}"
            )
            self._fail(found.path, placement.tag, reference, error)

    def _fail(self, repository: str, tag: str, reference: str, error: MirrorError) -> None:
        cause = error.cause if isinstance(error, CopyError) else error
        self.observe(
            Failed(
                mirror=self.mirror.name,
                repository=repository,
                tag=tag,
                reference=reference,
                reason=cause.reason,
                message=str(cause),
                temporary=cause.temporary,
            )
        )


def _tags(copies: Iterable[Copy]) -> int:
    return sum(len(step.placements) for step in copies)


def _newest_first(plans: Collection[tuple[Survey, Plan]]) -> list[tuple[Survey, Copy]]:
    """Every copy, those of the newest tags first; one of referrers alone can wait."""
    steps = [(found, step) for found, made in plans for step in made.copies]
    if len(steps) == 1:
        return steps
    tags = {found.path: {tag.name: tag for tag in found.wanted} for found, made in plans if made.copies}

    def recent(one: tuple[Survey, Copy]) -> tuple[Any, ...]:
        found, step = one
        return max((recency(tags[found.path][placement.tag]) for placement in step.placements), default=())

    return sorted(steps, key=recent, reverse=True)
