from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.sync import overlap
from mirror.sync.overlap import common_path
from mirror.sync.patterns import Patterns

SHORT_PATHS = [
    "/".join(parts)
    for length in (1, 2, 3)
    for parts in itertools.product(("a", "b", "ab", "x"), repeat=length)
]


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        (["acme/**"], ["acme/**"], "acme"),
        (["acme/shop/**"], ["acme/**"], "acme/shop"),
        (["acme/shop"], ["other/shop"], None),
        (["acme/**", "!acme/shop/**"], ["acme/shop/**"], None),
        (["acme/**", "!acme/shop/*"], ["acme/shop/**"], "acme/shop"),
        (["**/api"], ["acme/*"], "acme/api"),
        (["a*"], ["*b", "!ab"], "aab"),
        (["[a-m]*/**"], ["[n-z]*/**"], None),
        (["acme/a--b"], ["acme/*--*"], "acme/a--b"),
        (["acme/*"], ["acme/*/**", "!acme/*"], None),
    ],
)
def test_two_sets_of_patterns_meet_where_both_mean_a_path(
    first: list[str], second: list[str], common: str | None
) -> None:
    assert common_path(Patterns.parse(first), Patterns.parse(second)) == common
    found = common_path(Patterns.parse(second), Patterns.parse(first))
    assert (found is None) is (common is None)


globs = st.lists(
    st.sampled_from(["a", "b", "*", "**", "a*", "?b", "[ab]", "{a,ab}"]), min_size=1, max_size=3
).map("/".join)


@given(
    st.lists(globs, min_size=1, max_size=2),
    st.lists(globs, max_size=2),
    st.lists(globs, min_size=1, max_size=2),
)
def test_the_answer_agrees_with_matching_every_short_path(
    first: list[str], without: list[str], second: list[str]
) -> None:
    one = Patterns.parse([*first, *(f"!{text}" for text in without)])
    other = Patterns.parse(second)
    common = common_path(one, other)
    if common is None:
        assert not [path for path in SHORT_PATHS if one.matches(path) and other.matches(path)]
    else:
        assert one.matches(common)
        assert other.matches(common)


def test_a_search_that_grows_too_large_counts_as_an_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "MAX_STATES", 3)
    found = common_path(Patterns.parse(["*a*/x"]), Patterns.parse(["*b*/y"]))
    assert found is not None
    assert found.endswith("...")
