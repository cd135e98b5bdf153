"""Every level that the documents give a check, a test brings it to; and no check is left out of them.

The tests say by the mark `finds` what they bring a check to find, and are held to it by a fixture.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirror.cli.app import main
from tests.servers.checklist import LEVELS, PAGE, documented
from tests.servers.command import configuration, plain

ROOT = Path(__file__).parents[2]


def brought_about() -> set[tuple[str, str]]:
    """Each check and its levels, by the marks of the tests."""
    return {
        (check, level)
        for file in Path(__file__).parent.glob("test_checks_*.py")
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "finds"
        for check, *levels in [[ast.literal_eval(one) for one in call.args]]
        for level in levels
    }


def named() -> set[str]:
    """The names that the program gives to what it looks at."""
    return {name for file in (ROOT / "mirror").rglob("*.py") for name in _names(file)}


def _names(file: Path) -> Iterator[str]:
    for call in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith((".probe", "Probe")) and call.args:
            match call.args[0]:
                case ast.Constant(value=str(name)):
                    yield name
                case ast.JoinedStr(values=[ast.Constant(value=str(beginning)), _]):
                    yield {"pull ": "pull PATH", "push ": "push PATH", "discover ": "discover GROUP"}[
                        beginning
                    ]
                case ast.Name(id=constant) if constant.isupper() or constant.startswith("_"):
                    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
                    yield getattr(importlib.import_module(module), constant)


def test_every_level_of_every_check_is_brought_about_by_a_test() -> None:
    assert brought_about() == documented()


def test_the_documents_have_every_check() -> None:
    assert named() == {name for name, _ in documented()}


def test_checks_of_two_levels_are_listed_with_the_reason() -> None:
    listed = re.findall(r"^\* ((?:`[^`]+`(?:, )?)+): \S", PAGE, re.MULTILINE)
    names = {name for line in listed for name in re.findall(r"`([^`]+)`", line)}
    levels = documented()
    assert names == {name for name, _ in levels if not {(name, level) for level in LEVELS} <= levels}


@pytest.mark.finds("configuration", "failed", "ok")
def test_a_mistake_in_the_configuration_fails_and_without_it_the_check_passes(tmp_path: Path) -> None:
    nobody = plain("127.0.0.1:1")
    config = configuration(tmp_path, nobody, nobody, repositories=["acme/api"], prefix="copy")
    good = config.read_text("utf-8")
    config.write_text(good.replace('"prefix"', '"perfix"'), "utf-8")
    assert main(["check", "-c", str(config)]) == 2
    config.write_text(good, "utf-8")
    assert main(["check", "-c", str(config)]) == 1
