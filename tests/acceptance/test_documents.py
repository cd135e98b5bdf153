"""What the documents say is so: their commands run, their links lead somewhere, what they name exists."""

from __future__ import annotations

import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
from ruamel.yaml import YAML

from mirror.cli import app
from mirror.cli.command import Command, Group
from mirror.cli.commands import PROGRAM
from mirror.cli.parser import Parser
from mirror.config import schema
from mirror.demo.google import service_account_key
from tests.acceptance.markdown import anchors, blocks, code, links, shows, steps, usages

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# What `gcr-mirror setup google --reader` would have made; a document is no place for a private key, even a made-up one.
KEY = "reader-key.json"
RUNNABLE = [path for path in DOCUMENTS if any(block.language == "console" for block in blocks(path))]
# Paths of this repository, as documents name them.
_OURS = re.compile(r"(?:mirror|tests|scripts|docs|deploy|bench|ci-templates|requirements)/[\w./*{},-]*")
# Places that only the machine of whoever wrote it has.
_PRIVATE = re.compile(r"(?<![\w.:-])/(?:work|root|home|Users)/\S*")

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@pytest.mark.parametrize("path", RUNNABLE, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_do_what_the_document_shows(path: Path, tmp_path: Path) -> None:
    """The blocks of one document run in order, in one folder, empty but for KEY; `yaml NAME` blocks are files of it."""
    key = service_account_key("arctic-goal-676703")
    account = key["client_email"].replace("mirror@", "gcr-mirror-reader@")
    (tmp_path / KEY).write_text(json.dumps({**key, "client_email": account}), encoding="utf-8")
    for block in blocks(path):
        where = f"{path.relative_to(ROOT)}:{block.line}"
        if block.name and block.language != "console":
            (tmp_path / block.name).write_text(block.text, encoding="utf-8")
        for step in steps(block.text) if block.language == "console" else []:
            status, output = _run(step.command, tmp_path)
            assert status == 0, f"{where}: {step.command}\nexit status {status}\n{output}"
            if step.shown is not None:
                assert shows(step.shown, output), (
                    f"{where}: {step.command}\nshown:\n{step.shown}\nis:\n{output}"
                )


@every_document
def test_commands_that_cannot_run_here_are_spelled_right(path: Path) -> None:
    """In `sh` blocks: the command exists, and so do its options."""
    wrong = [
        f"{path.relative_to(ROOT)}:{block.line}: {command}: {problem}"
        for block in blocks(path)
        if block.language == "sh"
        for command in usages(block.text)
        if (problem := _misspelled(command))
    ]
    assert wrong == []


@every_document
def test_configurations_keep_to_the_schema(path: Path) -> None:
    """Every `yaml` block that is a whole configuration; one with a name is judged by the commands that read it."""
    problems = []
    for block in blocks(path):
        if block.language == "yaml" and not block.name and "\nmirrors:" in f"\n{block.text}":
            found = jsonschema.Draft202012Validator(schema()).iter_errors(YAML(typ="safe").load(block.text))
            problems += [f"{path.relative_to(ROOT)}:{block.line}: {error.message}" for error in found]
    assert problems == []


@every_document
def test_links_lead_somewhere(path: Path) -> None:
    assert list(_dead_links(path)) == []


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        path = ahead.pop()
        if path not in reached:
            reached.add(path)
            ahead += [target for link in links(path) if (target := _target(path, link)) in DOCUMENTS]
    unreached = [str(path.relative_to(ROOT)) for path in DOCUMENTS if path not in reached]
    assert unreached == [], "link these from docs/README.md"


@every_document
def test_what_is_named_in_the_repository_exists(path: Path) -> None:
    named = {match[0].rstrip(".,") for text in code(path) if (match := _OURS.fullmatch(text))}
    missing = [name for name in named if not any(True for _ in ROOT.glob(name.strip("/")))]
    assert missing == []


@every_document
def test_names_of_the_code_are_names_of_the_code(path: Path) -> None:
    named = {text for text in code(path) if re.fullmatch(r"mirror(\.\w+)+", text)}
    assert [name for name in sorted(named) if not _is_defined(name)] == []


@every_document
def test_nothing_outside_the_repository_is_mentioned(path: Path) -> None:
    found = [
        f"{path.name}:{number}: {line}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _PRIVATE.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*_page.py")), ids=lambda path: path.stem)
def test_generated_pages_are_up_to_date(script: Path) -> None:
    page = ROOT / "docs" / "reference" / f"{script.stem.removesuffix('_page')}.md"
    made = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert page.read_text(encoding="utf-8") == made.stdout, "run: make docs"


def _misspelled(command: list[str]) -> str:
    """What is wrong with a command line of the program, told by its own help; empty when nothing is."""
    node: Command | Group = PROGRAM
    known = _options(app.parser())
    for word in command[1:]:
        if word.startswith("-") and word != "-":
            if word.partition("=")[0] not in known:
                return f"there is no option {word}"
        elif isinstance(node, Group):
            if word not in node.commands:
                return f"there is no command {word}"
            node = node.commands[word]
            known |= _options(node.parser(word))
    return ""


def _options(parser: Parser) -> set[str]:
    return {name for action in parser.declared for name in action.option_strings}


def _dead_links(path: Path) -> Iterator[str]:
    for link in links(path):
        target, fragment = _target(path, link), unquote(link).partition("#")[2]
        if target is None:
            continue
        there = target.exists() and target.is_relative_to(ROOT)
        if not there or (fragment and target.suffix == ".md" and fragment not in anchors(target)):
            yield link


def _target(path: Path, link: str) -> Path | None:
    """The file that a link of the document at `path` leads to; None for an address elsewhere."""
    name = unquote(link).partition("#")[0]
    if re.match(r"[a-z]+:", name):
        return None
    return (path.parent / name).resolve() if name else path


def _is_defined(name: str) -> bool:
    """Whether a dotted name can be had: the longest part that is a module, then attributes."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def _run(command: str, folder: Path) -> tuple[int, str]:
    """Run as a reader would: the program on the path, output and errors on one screen, nothing of ours set."""
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=kept
        | {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout
