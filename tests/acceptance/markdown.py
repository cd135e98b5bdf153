"""The parts of a Markdown document that can be false: its fenced blocks, links and headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")
_LINK = re.compile(r"(?<!\\)!?\[[^\]]*\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)")
_DEFINITION = re.compile(r"^\[[^\]]+\]:\s*(?P<target>\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(?P<title>.+?)\s*#*$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `language` is the first word after the fence, `name` the rest: a file name."""

    path: Path
    line: int
    language: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a console block and the output that is shown below it; None when none is shown."""

    command: str
    shown: str | None


def blocks(path: Path) -> list[Block]:
    """All fenced blocks of a document, in order."""
    found: list[Block] = []
    lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        opening = _FENCE.match(line)
        if opening:
            body = _body(lines, opening["fence"], len(opening["indent"]))
            language, _, name = opening["info"].strip().partition(" ")
            found.append(Block(path, number, language, name.strip(), body))
    return found


def _body(lines: Iterator[tuple[int, str]], fence: str, indent: int) -> str:
    body = []
    for _, line in lines:
        if line.strip() == fence:
            break
        body.append(line[min(indent, len(line) - len(line.lstrip())) :])
    return "\n".join(body) + "\n"


def prose(path: Path) -> str:
    """The document without its fenced blocks."""
    kept, fence = [], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        match = _FENCE.match(line)
        if fence:
            fence = "" if line.strip() == fence else fence
        elif match:
            fence = match["fence"]
        else:
            kept.append(line)
    return "\n".join(kept) + "\n"


def links(path: Path) -> list[str]:
    """The targets of all links and images, code left out."""
    text = _CODE.sub("", prose(path))
    return [match["target"] for pattern in (_LINK, _DEFINITION) for match in pattern.finditer(text)]


def code(path: Path) -> list[str]:
    """What stands between backticks in the prose."""
    return _CODE.findall(prose(path))


def anchors(path: Path) -> set[str]:
    """The fragments by which the headings can be linked, as GitHub and GitLab make them."""
    found: set[str] = set()
    for match in _HEADING.finditer(prose(path)):
        slug = re.sub(
            r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match["title"]).lower()
        ).replace(" ", "-")
        twins = sum(1 for anchor in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", anchor))
        found.add(f"{slug}-{twins}" if slug in found else slug)
    return found


def steps(text: str) -> list[Step]:
    """The commands of a console block: `$ ` begins one, `> ` continues it, the rest is its output."""
    found: list[Step] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:], None))
        elif not found:
            raise ValueError(f"a console block begins with `$ `, not with {line!r}")
        elif line.startswith("> ") and found[-1].shown is None:
            found[-1] = Step(f"{found[-1].command}\n{line[2:]}", None)
        else:
            found[-1] = Step(found[-1].command, (found[-1].shown or "") + line + "\n")
    return found


def usages(text: str, program: str = "gcr-mirror") -> list[list[str]]:
    """The calls of `program` in a shell block, split into words; comments, pipes and redirections left out."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        for called, words in groupby(lexer, key=lambda word: not set(word) <= set("();<>|&")):
            call = [word for word in words if called]
            if program in call and call[0] != "kubectl":  # to kubectl it is the name of a namespace
                found.append(call[call.index(program) :])
    return found


def shows(shown: str, output: str) -> bool:
    """Whether `output` is what a document shows: `...` stands for anything in a line, alone for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?"
        if line.strip() == "..."
        else r"[^\n]*?".join(map(re.escape, line.split("..."))) + r"[ \t]*\n"
        for line in shown.rstrip("\n").split("\n")
    )
    return re.fullmatch(pattern, output.rstrip("\n") + "\n") is not None
