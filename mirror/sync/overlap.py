"""Overlap: is there a repository path that two sets of patterns both mean?

The patterns are followed together, character by character, as one automaton. So the answer is exact,
negations included, and comes with the shortest path that proves it. A search that grows too large is ended
and counts as an overlap: two mirrors that write to one place undo each other's work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from mirror.sync.patterns import Glob, Patterns, Step, is_within, literal_root

MAX_STATES = 20_000
_SEPARATORS = frozenset("._-/")

# How far each way to fit has come: the steps that may be next.
_Position = tuple[tuple[Step, ...], int]
_Positions = frozenset[_Position]


def common_path(first: Patterns, second: Patterns) -> str | None:
    """The shortest path that both mean, None when there is none; it ends in `...` where the search did."""
    if not _roots_meet(first, second):
        return None
    groups = (first.include, first.exclude, second.include, second.exclude)
    start = tuple(_start(globs) for globs in groups)
    alphabet = _alphabet(groups)
    seen = {("/", start)}
    queue = deque([("", start)])
    while queue:
        path, state = queue.popleft()
        if path and path[-1] not in _SEPARATORS and _is_meant(state):
            return path
        for char in alphabet:
            if not _may_follow(char, path):
                continue
            following = tuple(_advance(positions, char) for positions in state)
            key = (char if char in _SEPARATORS else "", following)
            if following[0] and following[2] and key not in seen:
                seen.add(key)
                queue.append((path + char, following))
        if len(seen) > MAX_STATES:
            return f"{path}..."
    return None


def _roots_meet(first: Patterns, second: Patterns) -> bool:
    """The cheap answer first: most mirrors live below different paths."""
    ones = {literal_root(text) for glob in first.include for text in glob.texts}
    others = {literal_root(text) for glob in second.include for text in glob.texts}
    return any(is_within(one, other) or is_within(other, one) for one in ones for other in others)


def _alphabet(groups: Iterable[tuple[Glob, ...]]) -> list[str]:
    """Every character that a pattern tells apart, and one letter that stands for all others."""
    named = {
        char
        for globs in groups
        for glob in globs
        for steps in glob.sequences
        for step in steps
        for char in step.chars
    }
    unnamed = next((char for char in "xyzabcdefghijklmnopqrstuvw0123456789" if char not in named), None)
    letters = (named | ({unnamed} if unnamed else set())) - _SEPARATORS
    return sorted(letters) + sorted(_SEPARATORS)


def _may_follow(char: str, path: str) -> bool:
    # Names begin and end with a letter or digit; only '_' and '-' come in rows.
    last = path[-1:] or "/"
    if char in _SEPARATORS:
        return last not in _SEPARATORS or (char == last and char in "_-")
    return char.isalnum() and char == char.lower()


def _is_meant(state: tuple[_Positions, ...]) -> bool:
    included, excluded, also_included, also_excluded = (_is_at_end(positions) for positions in state)
    return included and also_included and not excluded and not also_excluded


def _start(globs: Iterable[Glob]) -> _Positions:
    return frozenset(one for glob in globs for steps in glob.sequences for one in _reachable(steps, 0))


def _advance(positions: _Positions, char: str) -> _Positions:
    return frozenset(
        reached
        for steps, i in positions
        if i < len(steps) and steps[i].accepts(char)
        for reached in _reachable(steps, i if steps[i].many else i + 1)
    )


def _reachable(steps: tuple[Step, ...], i: int) -> Iterator[_Position]:
    """This position, and those behind it that need no further character."""
    yield steps, i
    while i < len(steps) and steps[i].many:
        i += 1
        yield steps, i


def _is_at_end(positions: _Positions) -> bool:
    return any(i == len(steps) for steps, i in positions)
