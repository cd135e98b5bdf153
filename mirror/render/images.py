"""Images: where image references stand in the text of manifests.

Places are spans of the text, so that changing one leaves every other byte as it was: comments, order, quotes, indents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mirror.errors import ConfigError
from mirror.oci.reference import Reference
from mirror.render.nodes import composed, get, line_of, readable, text_of

# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_KUSTOMIZATION = re.compile(r"(^|.*/)(kustomization\.ya?ml|Kustomization)")
_PROPERTIES = re.compile(r"(?:[&!]\S+\s+)+")  # an anchor or a tag before the value itself


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` where the characters from `start` to `end` are."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A reference in one piece: `image: host/path:tag`."""

    line: int
    image: str
    node: ScalarNode

    def edits(self, text: str, new: Reference) -> Iterator[Edit]:
        """What makes it the new reference."""
        yield _replacement(text, self.node, str(new))


@dataclass(frozen=True, slots=True)
class Parts:
    """A reference in pieces: an entry of kustomize's `images`, or a chart's `{registry, repository, tag, digest}`."""

    line: int
    image: str
    node: MappingNode
    helm: bool = False

    def edits(self, text: str, new: Reference) -> Iterator[Edit]:
        """What makes it the new reference. A digest goes where the entry keeps it, else after the tag."""
        anchor = get(self.node, "repository" if self.helm else "name")
        registry = get(self.node, "registry") if self.helm else None
        if self.helm:
            if registry is not None:
                yield _replacement(text, registry, new.host)
            if anchor is not None:
                yield _replacement(text, anchor, new.repository if registry is not None else new.name)
        else:
            yield from self._set(text, "newName", new.name)
        if new.digest and (digest := str(new.digest)) not in self.image:
            tag = get(self.node, "tag")
            if self.helm and get(self.node, "digest") is None and tag is not None:
                yield _replacement(text, tag, f"{tag.value}@{digest}")
            else:
                yield from self._set(text, "digest", digest)

    def _set(self, text: str, key: str, value: str) -> Iterator[Edit]:
        node = get(self.node, key)
        if node is not None:
            yield _replacement(text, node, value)
            return
        first, anchor = self.node.value[-1]
        quote = text[_begin(text, anchor)] if _begin(text, anchor) < len(text) else ""
        mark = quote if quote in "'\"" else ""
        if self.node.flow_style:
            name = f'"{key}"' if text[first.start_mark.index] == '"' else key
            yield Edit(anchor.end_mark.index, anchor.end_mark.index, f", {name}: {mark}{value}{mark}")
            return
        end = text.find("\n", anchor.end_mark.index)
        end = len(text) if end < 0 else end
        line_end = "\r\n" if text[end - 1 : end] == "\r" else "\n"
        end -= len(line_end) - 1
        yield Edit(end, end, f"{line_end}{' ' * first.start_mark.column}{key}: {mark}{value}{mark}")


Place = Whole | Parts


def find(text: str, name: str, values: Sequence[str] = ()) -> list[Place]:
    """Every image of the documents in `text`, in their order.

    `name` is the file's, for messages and for telling a kustomization. `values` are paths into Helm values, such as
    `api.image` or `*.image`; what they name is one reference or its parts. ConfigError when it is not YAML.
    """
    places: dict[int, Place] = {}
    for document in composed(text, name):
        with readable(text, name):
            found = [*_workload(document, set()), *_kustomization(document, name)]
        for path in values:
            found += [_chart(node, name) for node in _at(document, path.split("."))]
        places |= {id(place.node): place for place in found}
    return sorted(places.values(), key=lambda place: place.line)


def has(text: str, path: str) -> bool:
    """Whether any document of `text`, which `find` could read, has something at a path into Helm values."""
    return any(True for document in composed(text, "") for _ in _at(document, path.split(".")))


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made."""
    # From the end, so that places stay true; of two insertions at one place the first stays first.
    ordered = sorted(dict.fromkeys(edits), key=lambda one: one.start)
    for edit in ordered[::-1]:
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _workload(node: Node | None, seen: set[int]) -> Iterator[Place]:
    """Images of containers and of volumes, however deep: pods, templates of any kind, lists, custom resources."""
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        for item in node.value:
            yield from _workload(item, seen)
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(value, SequenceNode) and key.value in _CONTAINERS:
                yield from (_whole(get(item, "image")) for item in value.value if _has(item, "image"))
            if isinstance(value, SequenceNode) and key.value == "volumes":
                sources = (get(item, "image") for item in value.value)
                yield from (_whole(get(one, "reference")) for one in sources if _has(one, "reference"))
            yield from _workload(value, seen)


def _kustomization(document: Node | None, name: str) -> Iterator[Place]:
    kind = text_of(document, "kind")
    if kind not in ("Kustomization", "Component") and (kind or not _KUSTOMIZATION.fullmatch(name)):
        return
    entries = get(document, "images")
    for entry in entries.value if isinstance(entries, SequenceNode) else ():
        if isinstance(entry, MappingNode) and entry.value and text_of(entry, "name"):
            image = text_of(entry, "newName") or text_of(entry, "name")
            yield Parts(
                line_of(entry), image + _suffix(text_of(entry, "newTag"), text_of(entry, "digest")), entry
            )


def _chart(node: Node, name: str) -> Place:
    if isinstance(node, ScalarNode):
        return _whole(node)
    repository = text_of(node, "repository")
    if not isinstance(node, MappingNode) or not repository:
        raise ConfigError(f"{name}:{line_of(node)}: has neither an image's name nor a repository")
    image = "/".join(filter(None, (text_of(node, "registry"), repository)))
    return Parts(
        line_of(node), image + _suffix(text_of(node, "tag"), text_of(node, "digest")), node, helm=True
    )


def _at(node: Node | None, path: Sequence[str]) -> Iterator[Node]:
    if node is None or not path:
        yield from [node] if node is not None else []
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            if path[0] in ("*", key.value):
                yield from _at(value, path[1:])


def _suffix(tag: str, digest: str) -> str:
    return (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def _whole(node: Node | None) -> Whole:
    scalar = cast("ScalarNode", node)
    return Whole(line_of(scalar), scalar.value, scalar)


def _has(node: Node | None, key: str) -> bool:
    return bool(text_of(node, key))


def _begin(text: str, node: Node) -> int:
    start = int(node.start_mark.index)
    properties = _PROPERTIES.match(text, start)
    return properties.end() if properties else start


def _replacement(text: str, node: Node, value: str) -> Edit:
    """Keeps an anchor and the quotes; a value in several lines becomes one in quotes."""
    start, end = _begin(text, node), int(node.end_mark.index)
    first = text[start : start + 1]
    if first in ("|", ">"):
        return Edit(start, end, f'"{value}"\n')
    return Edit(start, end, f"{first}{value}{first}" if first in ("'", '"') else value)
