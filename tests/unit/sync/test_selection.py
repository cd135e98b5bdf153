from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import ConfigError
from mirror.oci.digest import Digest
from mirror.oci.tag import Tag
from mirror.sync.selection import Selection, TagPattern, candidates, companions, is_companion, recency, select
from mirror.sync.versions import Range

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def tags_of(**ages: float | None) -> dict[str, Tag]:
    return {
        name: Tag(name, published=None if age is None else days_ago(age))
        for name, age in ((name.replace("_", "."), age) for name, age in ages.items())
    }


def rule(
    include: tuple[str, ...] = (), exclude: tuple[str, ...] = (), semver: str | None = None, **rest: Any
) -> Selection:
    return Selection(
        tuple(map(TagPattern.parse, include)),
        tuple(map(TagPattern.parse, exclude)),
        None if semver is None else Range.parse(semver),
        **rest,
    )


def names(tags: dict[str, Tag], selection: Selection) -> list[str]:
    return [tag.name for tag in select(tags, selection, NOW)]


def test_without_a_rule_every_tag_is_wanted_newest_first() -> None:
    assert names(tags_of(a=3, b=1, c=2), Selection()) == ["b", "c", "a"]


def test_among_tags_of_one_time_the_highest_versions_are_the_newest() -> None:
    tags = tags_of(v1_10=1, v1_9=1, main=1, latest=1)
    assert names(tags, rule(newest=3)) == ["v1.10", "v1.9", "latest"]


def test_a_later_tag_is_more_recent_than_a_higher_version() -> None:
    tags = tags_of(v1_10=2, v1_9=1, v2=None, main=2, v1_11=2)
    newest = sorted(tags.values(), key=recency, reverse=True)
    assert [tag.name for tag in newest] == ["v1.9", "v1.11", "v1.10", "main", "v2"]


def test_an_excluded_tag_is_dropped_though_it_is_included() -> None:
    tags = tags_of(a=1, acache=1, b=1)
    assert names(tags, rule(include=("a*",), exclude=("*cache",))) == ["a"]


def test_case_matters_in_tag_patterns() -> None:
    assert TagPattern.parse("RC*").fit("RC1")
    assert not TagPattern.parse("RC*").fit("rc1")


def test_a_regular_expression_is_searched_for_unless_it_is_anchored() -> None:
    assert TagPattern.parse("/rc/").fit("1.0-rc1")
    assert not TagPattern.parse(r"/^\d+\.\d+$/").fit("1.0-rc1")


@pytest.mark.parametrize(
    ("text", "fault"),
    [("/(/", "no regular expression"), ("a/b", "tags have no '/'"), ("/", "no '/'"), ("[", "without its")],
)
def test_a_bad_tag_pattern_is_refused_with_its_fault(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TagPattern.parse(text)
    assert fault in str(caught.value)


def test_a_range_of_versions_drops_what_is_no_version() -> None:
    tags = tags_of(latest=1, v0_9=1, v1_0=1, v1_1=2)
    assert names(tags, rule(semver=">=1.0")) == ["v1.0", "v1.1"]


def test_a_tag_as_old_as_allowed_stays_and_one_without_time_stays() -> None:
    tags = tags_of(young=1, edge=90, old=90.01, unknown=None)
    assert names(tags, rule(max_age=timedelta(days=90))) == ["young", "edge", "unknown"]


def test_the_newest_are_counted_after_the_other_filters() -> None:
    tags = tags_of(v1=4, v2=3, v3=2, main=1)
    assert names(tags, rule(include=("v*",), newest=2)) == ["v3", "v2"]


def test_the_newest_by_time_win_over_the_highest_versions() -> None:
    tags = tags_of(v1_1=1, v2_0=9, v1_0=8)
    assert names(tags, rule(semver=">=1.0", newest=2)) == ["v1.1", "v1.0"]


def test_without_times_the_newest_are_the_highest_versions() -> None:
    tags = tags_of(v1_9=None, v1_10=None, v1_2=1)
    assert names(tags, rule(semver=">=1.0", newest=2)) == ["v1.10", "v1.9"]


def test_a_tag_without_time_stays_beside_the_newest() -> None:
    tags = tags_of(a=1, b=2, c=3, unknown=None)
    assert names(tags, rule(newest=2)) == ["a", "b", "unknown"]


def test_without_times_and_versions_the_newest_cannot_be_told() -> None:
    with pytest.raises(ConfigError, match=r"newest 1 of 2 tags .* set semver"):
        names(tags_of(a=None, b=None), rule(newest=1))


def test_nothing_needs_to_be_told_when_there_are_no_more_than_the_newest() -> None:
    assert names(tags_of(a=None, b=None), rule(newest=2)) == ["a", "b"]


def test_times_are_needed_for_an_age_and_for_a_count_without_versions() -> None:
    assert rule(max_age=timedelta(days=1)).needs_times
    assert rule(newest=1).needs_times
    assert not rule(newest=1, semver=">=1").needs_times
    assert not rule(include=("*",), semver=">=1").needs_times


def test_times_are_worth_asking_for_only_where_name_and_version_fit() -> None:
    found = candidates(tags_of(v1=None, v2=None, main=None), rule(exclude=("v2",), semver=">=1", newest=1))
    assert [tag.name for tag in found] == ["v1"]


IMAGE, SIGNATURE, OTHER = (Digest.of(data) for data in (b"image", b"signature", b"other"))


def test_companion_tags_are_never_selected_by_name() -> None:
    tags = {name: Tag(name) for name in ("a", f"sha256-{IMAGE.hex}.sig", f"sha256-{IMAGE.hex}", "sha256-abc")}
    assert names(tags, rule(include=("*",))) == ["a", "sha256-abc"]
    assert not is_companion("sha256-abc")


def test_signatures_travel_with_their_image_and_so_do_the_signatures_of_signatures() -> None:
    tags = {
        name: Tag(name, digest=digest)
        for name, digest in {
            "v1": IMAGE,
            f"sha256-{IMAGE.hex}.sig": SIGNATURE,
            f"sha256-{IMAGE.hex}.sbom": None,
            f"sha256-{IMAGE.hex}": OTHER,
            f"sha256-{SIGNATURE.hex}.att": None,
            f"sha256-{Digest.of(b'unrelated').hex}.sig": OTHER,
            f"sha256-{IMAGE.hex}.txt": OTHER,
        }.items()
    }
    assert companions(tags, [IMAGE]) == {
        f"sha256-{IMAGE.hex}.sig",
        f"sha256-{IMAGE.hex}.sbom",
        f"sha256-{IMAGE.hex}",
        f"sha256-{SIGNATURE.hex}.att",
    }
    assert companions(tags, []) == frozenset()


def test_a_signature_that_names_itself_is_found_once() -> None:
    name = f"sha256-{IMAGE.hex}.sig"
    assert companions({name: Tag(name, digest=IMAGE)}, [IMAGE]) == {name}


def test_a_referrers_tag_of_a_long_digest_is_cut_as_the_specification_says() -> None:
    digest = Digest.of(b"image", "sha512")
    name = f"sha512-{digest.hex[:64]}"
    assert companions({name: Tag(name)}, [digest]) == {name}


ages = st.dictionaries(
    st.from_regex(r"(v?[0-9]\.[0-9]|[a-c]{1,2})", fullmatch=True), st.none() | st.integers(0, 50), max_size=8
)


@given(ages, st.none() | st.integers(1, 4), st.none() | st.integers(0, 50), st.booleans())
def test_a_selection_is_a_part_of_the_tags_and_drops_nothing_newer_than_what_it_keeps(
    known: dict[str, int | None], newest: int | None, max_age: int | None, versions: bool
) -> None:
    tags = {name: Tag(name, published=None if age is None else days_ago(age)) for name, age in known.items()}
    selection = rule(
        semver="*" if versions else None,
        newest=newest,
        max_age=None if max_age is None else timedelta(days=max_age),
    )
    try:
        chosen = select(tags, selection, NOW)
    except ConfigError:
        assert newest is not None
        return
    assert {tag.name for tag in chosen} <= set(tags)
    if all(tag.published for tag in tags.values()):
        kept = [tag.published for tag in chosen if tag.published]
        dropped = [
            tag.published for tag in candidates(tags, selection) if tag not in chosen and tag.published
        ]
        assert kept == sorted(kept, reverse=True)
        assert not kept or not dropped or min(kept) >= max(dropped)
        assert newest is None or len(chosen) <= newest
