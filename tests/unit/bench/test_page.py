"""The benchmark's page says what was measured, and never more."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench import shapes
from bench.goals import GOALS, START, Floors
from bench.page import Setting, page
from bench.record import Record
from bench.starts import HELP, TINY, TINY_CRANE
from bench.stopwatch import CommandFailed, Measured, measure
from bench.tools import Tool
from bench.works import WORKS, Result

SETTING = Setting("today", "a machine", "0 0 0", 5, {"gcr-mirror": "1"}, ("crane",))


def _result(name: str, wall: float, *, ours: bool = False, requests: int = 10) -> Result:
    tool = Tool(name, "sh", lambda _: [], ours=ours)
    runs = (Measured(wall, 1.0, 50 * 1024), Measured(wall + 2, 1.0, 60 * 1024), Measured(wall + 1, 3.0, 1))
    return Result(tool, runs, {"source": Counter(GET=requests), "target": Counter(PUT=1)}, f"{name} --fast")


def _page(wall: float) -> str:
    results = {"many": [_result("gcr-mirror", wall, ours=True, requests=2000), _result("peer", 9.0)]}
    return page(SETTING, WORKS, results, Floors(None, 1000.0), [])


def test_medians_and_ranges_are_of_the_runs() -> None:
    assert (
        "| gcr-mirror | 2.00 (1.00-3.00) | 1.00 (1.00-3.00) |  | 60 | 2,001 | 2,000 GET | 1 PUT |"
        in _page(1.0)
    )


def test_a_goal_that_is_missed_is_said_to_be() -> None:
    line = "| *many*, cold: wall to the best peer's | 0.8 |"
    assert f"{line} 0.2 | yes |" in _page(1.0)
    assert f"{line} 1 | **no** |" in _page(9.0)
    assert "What is missed, and why:" in _page(9.0)


def test_what_was_not_measured_is_said_not_to_be() -> None:
    assert "| *big*: wall to the best peer's | 1 | not measured | |" in _page(1.0)
    assert "Not on this machine, so not measured: crane." in _page(1.0)


def test_a_work_that_was_measured_anew_says_when() -> None:
    first = {"many": [_result("gcr-mirror", 9.0, ours=True)], "big": [_result("gcr-mirror", 5.0, ours=True)]}
    later = replace(SETTING, when="tomorrow")
    whole = Record(SETTING, first, Floors(7.0, 1000.0), [])
    part = Record(later, {"many": [_result("gcr-mirror", 1.0, ours=True)]}, Floors(None, 2000.0), [])
    found = whole.with_anew(part)
    text = page(found.setting, WORKS, found.results, found.floors, found.starts)
    assert (
        "Measured anew, all tools in turns: tomorrow." in text.partition("## many\n")[2].partition("## ")[0]
    )
    assert text.count("tomorrow") == 1
    assert ("| 2.00 (1.00-3.00)" in text, "| 10.00 (9.00-11.00)" in text) == (True, False)
    assert found.floors == whole.floors


def test_the_page_is_the_same_when_it_is_written_again(tmp_path: Path) -> None:
    results = {"many": [_result("gcr-mirror", 1.0, ours=True), _result("peer", 9.0)]}
    first = Record(SETTING, results, Floors(None, 1000.0), [_result("start", 1.0)])
    first.write(tmp_path / "results.json")
    second = Record.read(tmp_path / "results.json")
    assert page(SETTING, WORKS, results, first.floors, first.starts) == page(
        second.setting, WORKS, second.results, second.floors, second.starts
    )


def test_every_goal_speaks_of_a_work_that_there_is() -> None:
    results = {
        work.name: [
            *[_result(tool.name, 1.0, ours=tool.ours) for tool in work.tools if tool.ours],
            _result("peer", 2.0),
        ]
        for work in WORKS
    } | {START: [_result(name, 1.0, ours=name != TINY_CRANE) for name in (HELP, TINY, TINY_CRANE)]}
    assert all(goal.value(results, Floors(1.0, 1.0)) is not None for goal in GOALS)


def test_shapes_are_the_same_each_time_and_have_the_blobs_that_they_say() -> None:
    first, second = shapes.many(3, 4), shapes.many(3, 4)
    assert {tag: one.digest for tag, one in first["bench/many-01"].items()} == {
        tag: one.digest for tag, one in second["bench/many-01"].items()
    }
    assert shapes.distinct_blobs(first) == 1 + 2 * 3 + 3 * 4


def test_the_stopwatch_counts_the_memory_of_the_command_and_not_of_who_started_it(tmp_path: Path) -> None:
    ballast = bytearray(100 * 1024 * 1024)
    found = measure(["sh", "-c", "exit 0"], tmp_path)
    assert len(ballast) > 0
    assert found.memory < 30 * 1024


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no luck"):
        measure(["sh", "-c", "echo no luck >&2; exit 3"], tmp_path)
