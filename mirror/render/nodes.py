"""Nodes: YAML as it stands in a file, with the line of everything, and what cannot be read told by its line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tokens import (
    BlockEndToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
)

from mirror.errors import ConfigError

# Deeper than any manifest, and less than what Python's stack holds of the composer.
_DEEP = 100
_BEGINS = (BlockMappingStartToken, BlockSequenceStartToken, FlowMappingStartToken, FlowSequenceStartToken)
_ENDS = (BlockEndToken, FlowMappingEndToken, FlowSequenceEndToken)
# What these are about may go wrong far below the line that is to be mended.
_BEGUN = ("while parsing a flow ", "while scanning a quoted ", "while scanning a simple key")


def composed(text: str, name: str) -> list[Node | None]:
    """The documents of a file called `name`. ConfigError, with file and line, when it is not YAML."""
    with readable(text, name):
        return list(YAML(typ="rt", pure=True).compose_all(text))


@contextmanager
def readable(text: str, name: str) -> Iterator[None]:
    """What reading `text` may end with, as ConfigError that names file and line."""
    try:
        yield
    except MarkedYAMLError as error:
        template = " (a Helm template? render it first: helm template)" if "{{" in text else ""
        line, problem = _told(error, text)
        raise ConfigError(f"{name}:{line}: is not YAML: {problem}{template}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{name}:{line}: is not YAML: it has a control character") from error
    except YAMLError as error:
        raise ConfigError(f"{name}:1: is not YAML") from error
    except RecursionError as error:
        raise ConfigError(f"{name}:{_deep(text)}: is nested too deeply to be read") from error


def get(node: Node | None, key: str) -> Node | None:
    """The value of a key of a mapping; None when there is none."""
    if not isinstance(node, MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def text_of(node: Node | None, key: str) -> str:
    """The scalar of a key of a mapping; empty when there is none."""
    found = get(node, key)
    return str(found.value) if isinstance(found, ScalarNode) else ""


def line_of(node: Node) -> int:
    """The line on which a node begins, from 1."""
    return int(node.start_mark.line) + 1


def _told(error: MarkedYAMLError, text: str) -> tuple[int, str]:
    """Line and reason: of what has no end the line on which it begins, for its end is that of the file."""
    problem = error.problem or "cannot be read"
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    if "<stream end>" in problem and (unclosed := _open(text)):
        return unclosed[-1], "the bracket that is opened here is never closed"
    if error.context_mark is None or not (error.context or "").startswith(_BEGUN):
        return line, problem
    began = error.context_mark.line + 1
    where = "" if began == line else f" in line {line}"
    return began, f"{error.context.removeprefix('while ')} that begins here: {problem}{where}"


def _open(text: str) -> list[int]:
    """The lines of the brackets that are open at the end of the text."""
    opened = []
    for token in YAML(typ="rt", pure=True).scan(text):
        if isinstance(token, FlowSequenceStartToken | FlowMappingStartToken):
            opened.append(int(token.start_mark.line) + 1)
        if isinstance(token, FlowSequenceEndToken | FlowMappingEndToken) and opened:
            opened.pop()
    return opened


def _deep(text: str) -> int:
    """The line on which the nesting becomes too deep."""
    depth = 0
    for token in YAML(typ="rt", pure=True).scan(text):
        depth += isinstance(token, _BEGINS) - isinstance(token, _ENDS)
        if depth > _DEEP:
            return int(token.start_mark.line) + 1
    return 1
