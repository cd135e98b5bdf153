"""What a value may look like in the file, whatever key it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mirror.config.findings import render_path
from mirror.config.model import Config, GoogleCredentials, Limits, OciRegistry, Reachable, State, TagFilter
from mirror.config.reading import read
from mirror.errors import ConfigError

HERE = Path("/etc/mirror")


def wrong(kind: Any, data: Any) -> list[tuple[str, str]]:
    value, complaints = read(kind, data, HERE)
    assert value is None
    return [(render_path(path), message) for path, message in complaints]


@pytest.mark.parametrize("given", [5, "5", 5.0])
def test_a_whole_number_may_stand_in_quotes(given: Any) -> None:
    assert read(Limits, {"images": given}, HERE) == (Limits(images=5), [])


@pytest.mark.parametrize("given", [True, "five", 5.5, [5], None])
def test_what_is_no_whole_number_is_none(given: Any) -> None:
    ((where, message),) = wrong(Limits, {"images": given})
    assert where == "images"
    assert message in ("wants a whole number", "is empty; it wants a whole number")


@pytest.mark.parametrize("given", ["nan", "inf", float("inf")])
def test_a_number_is_finite(given: Any) -> None:
    assert wrong(Limits, {"requests_per_second": given}) == [("requests_per_second", "wants a number")]


@pytest.mark.parametrize(
    ("given", "means"),
    [(True, True), ("yes", True), ("On", True), (1, True), (False, False), ("no", False), ("0", False)],
)
def test_a_switch_is_on_or_off(given: Any, means: bool) -> None:
    registry, complaints = read(OciRegistry, {"host": "x.example", "insecure": given}, HERE)
    assert (registry.insecure, complaints) == (means, [])


def test_what_may_be_left_out_may_be_null() -> None:
    assert read(TagFilter, {"semver": None}, HERE) == (TagFilter(), [])
    assert wrong(TagFilter, {"include": None})[0][0] == "include"


def test_a_default_is_read_as_if_it_stood_in_the_file() -> None:
    assert read(State, {}, HERE)[0] == State(url="sqlite:////etc/mirror/gcr-mirror-state.db")


def test_a_model_is_made_only_when_all_of_it_is_right() -> None:
    found = wrong(GoogleCredentials, {"adc": "perhaps", "json_key_env": "a b"})
    assert [where for where, _ in found] == ["json_key_env", "adc"], "and not that one of them must be chosen"


def test_everything_that_is_wrong_is_told_in_every_part() -> None:
    mirror = {"name": "a b", "source": 1, "target": "t", "repositories": ["ok", "//", 5]}
    found = wrong(Config, {"registries": {"a b": {"kind": "oci"}, "c": 1}, "mirrors": [mirror, 3]})
    assert sorted(where for where, _ in found) == [
        *("mirrors[0].name", "mirrors[0].repositories[1]", "mirrors[0].repositories[2]", "mirrors[0].source"),
        *("mirrors[1]", "registries.a b", "registries.a b.host", "registries.c"),
    ]


def test_the_ways_of_a_login_are_judged_however_it_is_made() -> None:
    with pytest.raises(ConfigError, match="exactly one of json_key_file, json_key_env and adc: true"):
        GoogleCredentials(adc=True, json_key_env="KEY")
    assert GoogleCredentials(adc=True).ways == ("json_key_file", "json_key_env", "adc")


def test_registries_know_what_the_file_calls_them() -> None:
    registry: Reachable = OciRegistry(host="x.example")
    assert registry.kind == "oci"
