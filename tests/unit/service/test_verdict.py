"""The verdict says first what is wrong and then what can be pulled, in words that hold for any number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirror.service.standing import Mirror, Registry, Standing, Trouble
from mirror.service.verdict import clock_time, verdict
from tests.unit.service.standings import DOWN_SINCE, GITLAB, GOOGLE, IN_STEP, NOW, OUTAGE, SHOP


def with_tags(**tags: int) -> Standing:
    return replace(IN_STEP, mirrors=(replace(SHOP, tags=tags),))


def trouble(reason: str) -> Trouble:
    return Trouble(DOWN_SINCE, reason, "no")


def test_an_outage_of_gitlab_says_what_can_be_pulled_from_google() -> None:
    found = verdict(OUTAGE)
    assert found.level == "down"
    assert found.sentence == (
        "GitLab (registry.gitlab.com) is down since 14:02 UTC; "
        "1,204 of 1,207 tags can be pulled from Google; these 3 cannot."
    )


@pytest.mark.parametrize(
    ("tags", "level", "sentence"),
    [
        ({"in_sync": 1207}, "ok", "Everything is in step: all 1,207 tags can be pulled from Google."),
        ({"in_sync": 1}, "ok", "Everything is in step: the one tag can be pulled from Google."),
        ({}, "ok", "Everything is in step: no tag is selected by the configuration."),
        (
            {"in_sync": 9, "pending": 1},
            "busy",
            "9 of 10 tags can be pulled from Google; 1 is on its way.",
        ),
        (
            {"in_sync": 0, "pending": 2000},
            "busy",
            "0 of 2,000 tags can be pulled from Google; 2,000 are on their way.",
        ),
        (
            {"in_sync": 9, "failed": 1},
            "warning",
            "1 tag fails to be copied; 9 of 10 tags can be pulled from Google; this 1 cannot.",
        ),
        (
            {"in_sync": 9, "failed": 1, "dead": 2, "pending": 1},
            "warning",
            "3 tags fail to be copied; 9 of 13 tags can be pulled from Google; these 4 cannot.",
        ),
    ],
)
def test_while_both_registries_answer(tags: dict[str, int], level: str, sentence: str) -> None:
    found = verdict(with_tags(**tags))
    assert (found.level, found.sentence) == (level, sentence)


def test_a_target_that_is_down_promises_no_pulls() -> None:
    down = replace(GOOGLE, trouble=trouble("timeout"))
    found = verdict(replace(OUTAGE, registries=(GITLAB, down)))
    assert found.level == "down"
    assert found.sentence == (
        "Google (eu.gcr.io) is down since 14:02 UTC; nothing can be copied, and 3 tags wait to be."
    )


def test_both_down_names_both() -> None:
    both = (replace(GITLAB, trouble=trouble("timeout")), replace(GOOGLE, trouble=trouble("timeout")))
    sentence = verdict(replace(OUTAGE, registries=both)).sentence
    assert sentence.startswith("GitLab (registry.gitlab.com) is down since 14:02 UTC; Google (eu.gcr.io) is")
    assert "can be pulled" not in sentence


def test_a_refused_credential_is_not_called_an_outage_and_pulls_go_on() -> None:
    refused = replace(GOOGLE, trouble=trouble("unauthorized"))
    sentence = verdict(replace(OUTAGE, registries=(GITLAB, refused))).sentence
    assert sentence == (
        "Google (eu.gcr.io) refuses the credential since 14:02 UTC; "
        "1,204 of 1,207 tags can be pulled from Google; these 3 cannot."
    )


def test_a_frozen_mirror_says_why_and_that_nothing_is_lost() -> None:
    frozen = replace(SHOP, frozen=Trouble(DOWN_SINCE, "empty_listing", "acme/shop/api lists nothing"))
    found = verdict(replace(IN_STEP, mirrors=(frozen,)))
    assert found.level == "warning"
    assert found.sentence == (
        "The mirror shop is frozen since 14:02 UTC, because the source lists no tags where it had some. "
        "Nothing is overwritten or deleted meanwhile; all 1,207 tags can be pulled from Google."
    )


def test_before_the_first_pass_nothing_is_promised() -> None:
    found = verdict(replace(IN_STEP, mirrors=(Mirror("shop", "registry.gitlab.com", "eu.gcr.io"),)))
    assert (found.level, found.sentence) == ("unknown", "The first pass has not ended yet (shop).")


def test_a_pass_that_failed_as_a_whole_is_said() -> None:
    failed = replace(SHOP.passes[0], result="failed")
    found = verdict(replace(IN_STEP, mirrors=(replace(SHOP, passes=(failed,)),)))
    assert found.sentence.startswith("The last pass failed (shop); all 1,207 tags can be pulled")


def test_trouble_with_the_state_is_said() -> None:
    found = verdict(replace(IN_STEP, trouble="the state /s/state.db cannot be written"))
    assert found.level == "warning"
    assert found.sentence.startswith("The state /s/state.db cannot be written; all 1,207 tags")


def test_a_target_that_is_not_googles_is_called_by_its_host() -> None:
    other = replace(IN_STEP, registries=(GITLAB, Registry("harbor.example:8443")))
    elsewhere = replace(other, mirrors=(replace(SHOP, target="harbor.example:8443"),))
    assert verdict(elsewhere).sentence.endswith("can be pulled from harbor.example:8443.")


def test_times_of_another_day_carry_the_day() -> None:
    assert clock_time(DOWN_SINCE, NOW) == "14:02 UTC"
    assert clock_time(NOW - 86400, NOW) == "20 Sep 14:13 UTC"
