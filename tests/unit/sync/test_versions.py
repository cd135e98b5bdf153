from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mirror.errors import ConfigError
from mirror.sync.versions import Range, precedence, version_of


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        ("1.2", "1.2.0"),
        ("7", "7.0.0"),
        ("v20240101", "20240101.0.0"),
        ("2024.01.09", "2024.1.9"),
        ("1.2.3-rc.01", "1.2.3-rc.1"),
        ("1.2-alpine", "1.2.0-alpine"),
    ],
)
def test_a_tag_is_read_as_a_version_when_people_mean_one(tag: str, version: str) -> None:
    assert str(version_of(tag)) == version


@pytest.mark.parametrize(
    "tag", ["latest", "12345678", "main", "1.2.3.4", "v", "1.", "1.2-", "1abc", "x1.2", "\u0661.\u0662"]
)
def test_other_tags_are_no_versions(tag: str) -> None:
    assert version_of(tag) is None


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=1.0", ["1.0", "v2.3.4"], ["0.9", "1.1.0-rc1"]),
        (">= 1.0, < 2", ["1.0", "1.9.9"], ["2.0"]),
        (">=v1.0 <v2", ["1.0"], ["2"]),
        ("==1.2.3", ["1.2.3"], ["1.2.4"]),
        ("^1.2 || 3.x", ["1.9", "3.0"], ["2.0", "1.1"]),
        ("1.0 - 1.4", ["1.4.9"], ["1.5"]),
        (">=1.1.0-rc.1", ["1.1.0-rc.2", "1.1"], ["1.2.0-rc.1"]),
    ],
)
def test_a_range_holds_the_versions_that_npm_says(text: str, inside: list[str], outside: list[str]) -> None:
    found = [tag for tag in inside + outside if version_of(tag) in Range.parse(text)]
    assert found == inside


@pytest.mark.parametrize("text", ["", " ", ",", "newest", "~=1.2", ">=1.0 and <2", "!=1.0", "1 - ^2", ">=v"])
def test_a_bad_range_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write '>=1\.0'"):
        Range.parse(text)


_TAGS = st.from_regex(r"v?[0-9]{1,5}(\.[0-9]{1,3}){0,2}(-[0-9a-cA-C.-]{1,8})?", fullmatch=True)


@given(_TAGS, _TAGS)
@example("1.0-rc.2", "1.0-rc.10")
@example("1.0-1", "1.0-a")
@example("1.0-a", "1.0-a.1")
@example("1.0-a", "1.0")
@example("1.0-B", "1.0-a")
def test_tags_are_ordered_as_the_library_orders_their_versions(one: str, other: str) -> None:
    first, second = version_of(one), version_of(other)
    assert [precedence(one) is None, precedence(other) is None] == [first is None, second is None]
    if first is not None and second is not None:
        mine, its = (precedence(one), precedence(other)), (first.precedence_key, second.precedence_key)
        assert [mine[0] < mine[1], mine[0] == mine[1]] == [its[0] < its[1], its[0] == its[1]]


@given(st.text("01.-v rcx*<>=^~|,", max_size=20))
def test_any_text_is_a_range_or_a_configuration_error(text: str) -> None:
    try:
        found = Range.parse(text)
    except ConfigError:
        return
    assert isinstance(version_of("1.2.3") in found, bool)
