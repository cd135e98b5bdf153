"""The rules of the house that no linter knows; CONTRIBUTING.md says them in prose."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
NAMELESS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "core", "misc"}
# What turns a check of ruff, mypy or coverage off.
WAIVER = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no\s\w+)")
NAMED_WAIVER = re.compile(
    r"#\s*(noqa:\s*[A-Z]+\d+(\s*,\s*[A-Z]+\d+)*|type:\s*ignore\[[a-z, -]+\]|pragma:\s*no\s\w+)"
)
CODE = re.compile(r"\b[A-Z]+\d+|(?<=\[)[a-z, -]+|no cover|no branch")

SKIP = re.compile(r"\b(pytest\.skip\(|importorskip|skipif|mark\.skip|mark\.xfail)")

Rule = Callable[[Path, str], Iterator[str]]


def file_length(path: Path, text: str) -> Iterator[str]:
    """A file over the ceiling holds two nouns."""
    lines = len(text.splitlines())
    if lines > LONGEST_FILE:
        yield f"{path}: {lines} lines, the ceiling is {LONGEST_FILE}: split it by noun"


def function_length(path: Path, text: str) -> Iterator[str]:
    """A function over the ceiling decides and acts at once."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                where = f"{path}:{node.lineno}: {node.name}"
                yield f"{where}: {lines} lines, the ceiling is {LONGEST_FUNCTION}: take the decision out of it"


def module_name(path: Path, text: str) -> Iterator[str]:
    """A module is named for a noun of the field, not for being of use."""
    for part in (*path.parts[:-1], path.stem):
        if NAMELESS.intersection(part.split("_")):
            yield f"{path}: {part!r} says nothing: name it for the noun of the field that it holds"


def opening(path: Path, text: str) -> Iterator[str]:
    """A module opens with one sentence that says what it is."""
    said = ast.get_docstring(ast.parse(text)) or ""
    if not said.split("\n\n")[0].endswith((".", ":", "?")):
        yield f"{path}: does not open with a docstring whose first paragraph is a sentence"


def waivers(path: Path, text: str) -> Iterator[str]:
    """Whoever turns a check off names it, and says why: on the line, right above, or once for all of the file."""
    comments = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    lines = ["", *text.splitlines()]
    explained: set[str] = set()
    bare: dict[int, set[str]] = {}
    for line, comment in comments.items():
        words = NAMED_WAIVER.sub("", comment)
        named = {code for match in NAMED_WAIVER.finditer(comment) for code in CODE.findall(match[0])}
        if WAIVER.search(words):
            yield f"{path}:{line}: names no rule: `# noqa: CODE - reason`"
        elif re.search(r"\w+ \w+", words + (lines[line - 1] if _is_comment(lines[line - 1]) else "")):
            explained |= named
        elif named:
            bare[line] = named
    for line, named in bare.items():
        if not named <= explained:
            yield f"{path}:{line}: gives no reason: `# noqa: CODE - reason`"


def skips(path: Path, text: str) -> Iterator[str]:
    """What leaves a test out knows that nothing is left out in CI; one place does."""
    for number, line in enumerate(text.splitlines(), 1):
        if SKIP.search(line):
            yield f"{path}:{number}: skips in CI, too: call absent() or require() of tests/servers/present.py"


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _broken(rules: tuple[Rule, ...], folder: str) -> list[str]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    return [
        broken
        for file in files
        for rule in rules
        for broken in rule(file.relative_to(ROOT), file.read_text(encoding="utf-8"))
    ]


def _report(broken: list[str]) -> str:
    return "\n".join(["broken rules of the house:", *broken])


@pytest.mark.parametrize("folder", ["bench", "mirror", "scripts", "tests/servers"])
def test_the_rules_are_kept(folder: str) -> None:
    broken = _broken((file_length, function_length, module_name, opening, waivers), folder)
    assert not broken, _report(broken)


def test_tests_keep_the_rules_of_names_and_functions() -> None:
    broken = _broken((function_length, module_name), "tests")
    assert not broken, _report(broken)


def test_no_test_is_left_out_in_ci() -> None:
    told = [one.split(":")[0] for one in _broken((skips,), "tests")]
    assert sorted(set(told)) == ["tests/servers/present.py", "tests/unit/test_house_rules.py"]


@pytest.mark.parametrize(
    ("rule", "path", "text", "says"),
    [
        (file_length, "mirror/oci/blob.py", "x = 1\n" * 401, "401 lines"),
        (function_length, "mirror/oci/blob.py", "def run():\n" + "    x = 1\n" * 60, "run: 61 lines"),
        (function_length, "a.py", "class A:\n  async def run():\n" + "    x = 1\n" * 60, "a.py:2: run"),
        (module_name, "mirror/oci/utils.py", "", "'utils' says nothing"),
        (module_name, "mirror/common/blob.py", "", "'common' says nothing"),
        (module_name, "mirror/oci/blob_helpers.py", "", "'blob_helpers' says nothing"),
        (opening, "mirror/oci/blob.py", "x = 1\n", "docstring"),
        (opening, "mirror/oci/blob.py", '"""Blobs"""\n', "sentence"),
        (waivers, "a.py", "x = 1  # noqa\n", "a.py:1: names no rule"),
        (waivers, "a.py", "x = 1  # noqa: F401\n", "gives no reason"),
        (waivers, "a.py", "x = 1  # type: ignore\n", "names no rule"),
        (waivers, "a.py", "x = 1  # type: ignore[arg-type]  # noqa: F401\n", "gives no reason"),
        (
            waivers,
            "a.py",
            "y = 1  # noqa: E501 - it is long\nx = 1  # noqa: F401\n",
            "a.py:2: gives no reason",
        ),
        (waivers, "a.py", "x = 1  # pragma: no cover\n", "gives no reason"),
        (skips, "a.py", "import pytest\n@pytest.mark.skipif(True)\n", "a.py:2: skips in CI"),
    ],
)
def test_a_broken_rule_is_told_with_its_place(rule: Rule, path: str, text: str, says: str) -> None:
    (broken,) = rule(Path(path), text)
    assert broken.startswith(path)
    assert says in broken


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (file_length, "x = 1\n" * 400),
        (function_length, "def run():\n" + "    x = 1\n" * 59),
        (opening, '"""Blobs: bytes that a digest names.\n\nMore.\n"""\n'),
        (waivers, "x = 1  # noqa: F401, E501 - the name is public\n"),
        (waivers, "# the library has no types\nx = 1  # type: ignore[attr-defined]  # noqa: SLF001\n"),
        (waivers, "x = 1  # noqa: F401 - the name is public\ny = 1  # noqa: F401\n"),
        (waivers, 'x = "# noqa"\n'),
        (skips, "with pytest.raises(pytest.skip.Exception):\n    require('skopeo')\n"),
    ],
)
def test_what_keeps_a_rule_is_not_told(rule: Rule, text: str) -> None:
    assert list(rule(Path("mirror/oci/blob.py"), text)) == []
