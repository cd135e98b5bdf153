"""What a source lists in a bad hour is not believed."""

from __future__ import annotations

import pytest

from mirror.errors import Doubtful
from mirror.sync.guard import Guard, check

GUARD = Guard()


def tags(count: int, start: int = 0) -> set[str]:
    return {f"1.{number}" for number in range(start, start + count)}


def doubt(
    known: dict[str, set[str]], listed: dict[str, set[str]], failed: dict[str, str] | None = None
) -> str:
    try:
        check(known, listed, failed or {}, GUARD)
    except Doubtful as error:
        return error.doubt
    return ""


@pytest.mark.parametrize(
    ("left", "doubtful"),
    [(100, False), (91, False), (80, False), (79, True), (10, True)],
)
def test_a_fifth_of_the_tags_may_disappear_at_once(left: int, doubtful: bool) -> None:
    assert (doubt({"api": tags(100)}, {"api": tags(left)}) == "shrunken_listing") is doubtful


def test_less_than_ten_tags_never_freeze_a_mirror() -> None:
    assert doubt({"api": tags(12)}, {"api": tags(3)}) == ""
    assert doubt({"api": tags(12)}, {"api": tags(2)}) == "shrunken_listing"


def test_an_empty_listing_is_never_believed_however_small_the_repository_was() -> None:
    assert doubt({"api": tags(1)}, {"api": set()}) == "empty_listing"


def test_a_repository_that_was_always_empty_may_be_empty() -> None:
    assert doubt({"api": set()}, {"api": set(), "web": set()}) == ""
    assert doubt({}, {}) == ""


def test_a_repository_that_refuses_is_not_believed_to_be_gone() -> None:
    assert doubt({"api": tags(1)}, {}, {"api": "404"}) == "missing_repository"
    assert doubt({}, {}, {"typo": "404"}) == "", "one that was never seen is a mistake of the configuration"


def test_a_source_that_shows_nothing_at_all_is_not_believed() -> None:
    assert doubt({"api": tags(1), "web": tags(1)}, {}) == "empty_listing"


def test_many_small_repositories_that_vanish_together_are_one_loss() -> None:
    known = {f"r{number}": tags(2) for number in range(20)}
    assert doubt(known, {f"r{number}": tags(2) for number in range(17)}) == ""
    assert doubt(known, {f"r{number}": tags(2) for number in range(14)}) == "shrunken_listing"


def test_new_tags_do_not_make_up_for_lost_ones() -> None:
    assert doubt({"api": tags(50)}, {"api": tags(50, start=25)}) == "shrunken_listing"


def test_the_guard_can_be_told_to_believe_everything() -> None:
    check({"api": tags(100)}, {"api": set()}, {"web": "404"}, Guard(max_disappeared=1))


def test_the_message_names_the_repository_the_numbers_and_the_key() -> None:
    with pytest.raises(Doubtful, match=r"acme/api: 60 of 100 tags .* guard\.max_disappeared"):
        check({"acme/api": tags(100)}, {"acme/api": tags(40)}, {}, GUARD)
