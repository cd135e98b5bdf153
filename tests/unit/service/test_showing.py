"""Tags are found by words, and numbers are shown as people say them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mirror.service import showing
from mirror.service.showing import Query, find
from mirror.service.standing import Registry
from tests.unit.service.standings import BEHIND, IN_STEP, OUTAGE, RECORDS


def test_every_word_has_to_be_in_the_name_or_a_digest() -> None:
    assert find(RECORDS, Query("web 1.1207")).records == (BEHIND[2],)
    assert find(RECORDS, Query("WEB")).total == 1
    assert find(RECORDS, Query("nowhere")).total == 0
    assert find(RECORDS, Query(f"{1205:064x}")).records == (BEHIND[0],)


def test_tags_are_found_by_where_they_stand_and_by_mirror() -> None:
    assert find(RECORDS, Query(progress="behind")).records == BEHIND
    assert find(RECORDS, Query(progress="failed")).records == BEHIND[:1]
    assert find(RECORDS, Query(progress="in_sync", mirror="shop")).total == 1204
    assert find(RECORDS, Query(mirror="other")).total == 0


def test_pages_have_an_end() -> None:
    page = find(RECORDS, Query(page=13))
    assert (len(page.records), page.pages) == (7, 13)
    assert find(RECORDS, Query(page=14)).records == ()
    assert find((), Query()).pages == 1
    assert find(RECORDS, Query(page=-5)).records == RECORDS[:100]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (42.4, "42 s"),
        (300, "5 min"),
        (7500, "2 h 5 min"),
        (86_400 * 3 + 14_405, "3 d 4 h"),
        (3605, "1 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, words: str) -> None:
    assert showing.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 30, "3.0 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_have_a_unit(count: float, words: str) -> None:
    assert showing.size(count) == words


def test_a_digest_is_shown_short() -> None:
    assert showing.short_digest("sha256:" + "ab" * 32) == "abababababab"
    assert showing.short_digest(None) == "-"


def test_the_json_has_the_verdict_the_mirrors_and_what_is_behind() -> None:
    shown = json.loads(json.dumps(showing.as_json(OUTAGE)))
    assert shown["verdict"]["level"] == "down"
    assert shown["tags"] == {"total": 1207, "in_sync": 1204}
    assert [found["up"] for found in shown["registries"]] == [False, True]
    assert shown["mirrors"][0]["frozen"]["reason"] == "source_down"
    assert shown["mirrors"][0]["passes"][0]["bytes"] == 31_457_280
    assert [found["tag"] for found in shown["behind"]] == ["1.1205", "1.1206", "1.1207"]
    assert shown["behind"][0]["target"] == "eu.gcr.io/arctic-goal-676703/acme/shop/api:1.1205"


def test_a_registry_that_has_not_answered_yet_is_neither_up_nor_down() -> None:
    shown = showing.as_json(replace(IN_STEP, registries=(Registry("harbor.example"),)))
    assert shown["registries"][0]["up"] is None
