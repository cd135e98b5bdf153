from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.config.quantities import format_duration, parse_bandwidth, parse_duration
from mirror.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("90d", 90 * 86400),
        ("2w", 14 * 86400),
        ("1.5h", 5400),
        ("50ms", 0.05),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "5 m", "m", "5M", "-5m", "5min", "0s", "9" * 400 + "d", "99999999999d"]
)
def test_a_bad_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="write a"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(milliseconds=1)))
def test_a_duration_is_written_as_it_is_read(duration: timedelta) -> None:
    duration -= timedelta(microseconds=duration.microseconds % 1000)
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10MiB/s", 10 * 1024**2),
        ("10MiB", 10 * 1024**2),
        ("1.5 KiB/s", 1536),
        ("10MB/s", 10_000_000),
        ("500B", 500),
    ],
)
def test_a_bandwidth_is_bytes_a_second(text: str, size: int) -> None:
    assert parse_bandwidth(text) == size


@pytest.mark.parametrize("text", ["", "10", "10M", "10Mbit/s", "10iB", "10mib", "0B", "MiB", "-1MiB"])
def test_a_bad_bandwidth_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="write "):
        parse_bandwidth(text)
