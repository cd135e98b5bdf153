"""Document: a YAML file as plain values, with the line of each and with variables filled in."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mirror.config.findings import Finding, Path

MAX_NODES = 100_000
_VARIABLE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<broken>\$\{)")
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"


class Document:
    """`data` are plain values, `lines` the line (from 1) of each path, `findings` what is wrong so far.

    `variables` are the values that were filled in at each path: messages must not repeat them. `unread` are the
    paths whose values could not be had, so that nothing more can be said of them.
    """

    def __init__(self) -> None:
        """Empty."""
        self.data: Any = None
        self.lines: dict[Path, int] = {}
        self.findings: list[Finding] = []
        self.variables: dict[Path, dict[str, str]] = {}
        self.unread: set[Path] = set()

    @classmethod
    def read(cls, text: str, env: Mapping[str, str]) -> Document:
        """Read one YAML document; what is wrong becomes findings, never an exception."""
        document = cls()
        yaml = YAML(typ="safe", pure=True)
        try:
            root = yaml.compose(io.StringIO(text))
        except (YAMLError, RecursionError) as error:
            document.findings.append(_syntax(error, text))
            return document
        if root is None:
            document.findings.append(Finding((), "the file is empty; begin with config.example.yaml", 1))
            return document
        document.data = _Reader(yaml, env, document).value(root, ())
        return document

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Reader:
    def __init__(self, yaml: YAML, env: Mapping[str, str], document: Document) -> None:
        self.yaml = yaml
        self.env = env
        self.document = document
        self.seen = 0
        self.around: list[Node] = []

    def value(self, node: Node, path: Path) -> Any:
        """The plain value of a node; aliases are followed, within reason."""
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        self.seen += 1
        if self.seen > MAX_NODES or node in self.around:
            if self.seen <= MAX_NODES or not self.document.findings:
                self.complain(path, node, "the aliases here repeat without end; write the values out")
            return None
        self.around.append(node)
        try:
            if isinstance(node, MappingNode):
                return self.mapping(node, path)
            if isinstance(node, SequenceNode):
                return self.sequence(node, path)
            return self.scalar(node, path) if isinstance(node, ScalarNode) else None
        finally:
            self.around.pop()

    def sequence(self, node: SequenceNode, path: Path) -> list[Any]:
        return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, child in node.value:
            if key.tag == _MERGE or not isinstance(key, ScalarNode):
                continue
            below = (*path, str(key.value))
            if key.value in values:
                self.complain(
                    below, key, f"stands here twice, first in line {self.document.line(below)}; keep one"
                )
                continue
            self.document.lines[below] = key.start_mark.line + 1
            values[key.value] = self.value(child, below)
        for key, child in node.value:
            if key.tag == _MERGE:
                for name, value in self.merged(child, path).items():
                    values.setdefault(name, value)
            elif not isinstance(key, ScalarNode):
                self.complain(path, key, "a key must be plain text; a '{' or '[' here may want quotes")
        return values

    def merged(self, node: Node, path: Path) -> dict[str, Any]:
        """What `<<` brings in; what stands beside it wins."""
        found: dict[str, Any] = {}
        for one in reversed(node.value if isinstance(node, SequenceNode) else [node]):
            if isinstance(one, MappingNode):
                found |= self.mapping(one, path)
            else:
                self.complain(path, one, "'<<' takes a mapping, by an alias such as *defaults")
        return found

    def scalar(self, node: ScalarNode, path: Path) -> Any:
        if not (node.tag or _TEXT).startswith("tag:yaml.org,2002:"):
            self.complain(path, node, "begins with '!', which is a sign of YAML; put the text in quotes")
            return None
        text = str(node.value)
        if "${" in text:
            text = self.expanded(text, node, path)
            plain = node.style is None
            node = ScalarNode(self.tag(text) if plain else _TEXT, text, node.start_mark, node.end_mark)
        try:
            return self.yaml.constructor.construct_object(node)
        except (YAMLError, ValueError):
            self.complain(
                path, node, "cannot be read as the kind of value that it looks like; put it in quotes"
            )
            return None

    def tag(self, text: str) -> str:
        return str(self.yaml.resolver.resolve(ScalarNode, text, (True, False)))

    def expanded(self, text: str, node: Node, path: Path) -> str:
        if path and str(path[-1]).endswith("_env"):
            self.complain(path, node, "wants the name of a variable, not its value; write it without ${}")
            return text

        def replace(match: re.Match[str]) -> str:
            name = match["name"]
            if match["escaped"]:
                return "${"
            if name is None:
                self.complain(path, node, "has a '${' that is not ${NAME}; write $${ for the text itself")
            elif name not in self.env:
                self.complain(
                    path,
                    node,
                    f"the variable {name} is not set; export it, or write $${{{name}}} for the text",
                )
            else:
                self.document.variables.setdefault(path, {})[name] = self.env[name]
                return self.env[name]
            return match[0]

        return _VARIABLE.sub(replace, text)

    def complain(self, path: Path, node: Node, message: str) -> None:
        self.document.findings.append(Finding(path, message, node.start_mark.line + 1))
        self.document.unread.add(path)


def _syntax(error: Exception, text: str) -> Finding:
    """The parser's complaint without the text around it, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    line = 1 if mark is None else min(mark.line, max(text.count("\n"), 0)) + 1
    problem = error.problem if isinstance(error, MarkedYAMLError) and error.problem else "unreadable"
    if "control characters" in str(error) or not isinstance(error, MarkedYAMLError):
        problem = "it has characters that YAML does not allow, or is nested too deeply"
    return Finding((), f"is not YAML: {problem}{_hint(text.splitlines()[line - 1 : line])}", line)


def _hint(lines: list[str]) -> str:
    line = lines[0] if lines else ""
    if "\t" in line:
        return "; indent with spaces, not tabs"
    if "${" in line:
        return "; put ${...} in quotes where it stands between { } or [ ]"
    if re.search(r"[-:,\[]\s*[*&!@%`]", line):
        return "; put text that begins with *, !, &, @, % or ` in quotes"
    return ""
