"""Quantities: durations and sizes as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

from mirror.errors import ConfigError

DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$"
SIZE = r"^[0-9]+(\.[0-9]+)? ?([KMGT]i?)?B(/s)?$"

_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_duration(text: str) -> timedelta:
    """Read `5m`, `90d` or `1h30m`; ConfigError shows what one looks like. Never zero."""
    try:
        if re.fullmatch(DURATION, text) is None:
            raise ConfigError(
                f"{text[:40]!r} is no duration; write a number with its unit: 30s, 5m, 12h, 90d"
            )
        parts = re.findall(r"([0-9.]+)([a-z]+)", text)
        duration = sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())
    except OverflowError as error:
        raise ConfigError(f"{text[:40]!r} is longer than any clock runs; write a shorter duration") from error
    if not duration:
        raise ConfigError(f"{text[:40]!r} is no time at all; write a longer duration, such as 30s")
    return duration


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads as this duration."""
    parts, rest = [], duration
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_bandwidth(text: str) -> int:
    """Read `10MiB/s` (or `10MiB`) as bytes per second; ConfigError shows what one looks like."""
    match = re.fullmatch(r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<power>[KMGT]?)(?P<binary>i?)B(?:/s)?", text)
    if match is None or (match["binary"] and not match["power"]):
        raise ConfigError(
            f"{text[:40]!r} is no bandwidth; write bytes per second with their unit: 500KiB/s, 10MiB/s"
        )
    size = int(float(match["number"]) * (1024 if match["binary"] else 1000) ** _POWERS[match["power"]])
    if not size:
        raise ConfigError(f"{text[:40]!r} lets nothing through; write more, or null for no limit")
    return size
