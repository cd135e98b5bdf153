"""Google's discovery documents, as google-api-python-client ships them: what requests and answers must look like."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_VERSIONS = {
    "artifactregistry": "v1",
    "cloudresourcemanager": "v3",
    "iam": "v1",
    "iamcredentials": "v1",
    "serviceusage": "v1",
    "serviceusage/v1beta1": "v1beta1",  # quotas are only here
    "storage": "v1",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
# Parameters that every method of Google has.
_EVERYWHERE = {"alt", "fields", "key", "prettyPrint", "quotaUser", "projection"}

Json = dict[str, Any]


class NotInDiscovery(AssertionError):
    """A request or an answer that Google's discovery document does not know."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of one service."""

    service: str
    verb: str
    path: re.Pattern[str]
    description: Json

    def check_request(self, query: Mapping[str, Any], body: Any) -> None:
        """Raise NotInDiscovery unless the parameters and the body are known ones of the right types."""
        known = self.description.get("parameters", {})
        unknown = set(query) - set(known) - _EVERYWHERE
        if unknown:
            raise NotInDiscovery(f"{self.id} has no parameters {sorted(unknown)}")
        if "request" in self.description:
            _conforms(self.service, self.description["request"], body or {}, f"request of {self.id}")
        elif body:
            raise NotInDiscovery(f"{self.id} takes no body")

    def check_answer(self, body: Any) -> None:
        """Raise NotInDiscovery unless the answer is what the document says."""
        if "response" in self.description:
            _conforms(self.service, self.description["response"], body, f"answer of {self.id}")

    @property
    def id(self) -> str:
        """The method's name, such as `iam.projects.serviceAccounts.create`."""
        return str(self.description["id"])


def method(service: str, verb: str, path: str) -> Method:
    """The method that answers `verb` on `path`; NotInDiscovery when the service has none."""
    dated = f"{service}/{path.partition('/')[0]}"
    service = dated if dated in _VERSIONS else service
    fitting = [one for one in methods(service) if one.verb == verb and one.path.fullmatch(path)]
    if not fitting:
        raise NotInDiscovery(f"{service} has no method for {verb} {path}")
    # `{+name}` would also take in what another method writes out, such as `:getIamPolicy`.
    return max(fitting, key=lambda one: len(one.path.pattern))


@cache
def methods(service: str) -> tuple[Method, ...]:
    """Every method of a service."""
    document = _document(service)
    base = document["servicePath"]
    return tuple(
        Method(service, one["httpMethod"], _pattern(base, one), one) for one in _walk(document["resources"])
    )


@cache
def _document(service: str) -> Json:
    name = f"{service.partition('/')[0]}.{_VERSIONS[service]}.json"
    folder = files("googleapiclient").joinpath("discovery_cache", "documents")
    read: Json = json.loads(folder.joinpath(name).read_text("utf-8"))
    return read


def _walk(resources: Json) -> Iterator[Json]:
    for resource in resources.values():
        yield from resource.get("methods", {}).values()
        yield from _walk(resource.get("resources", {}))


def _pattern(base: str, description: Json) -> re.Pattern[str]:
    def parameter(found: re.Match[str]) -> str:
        pattern = description["parameters"][found[1]].get("pattern", "^[^/]+$")
        return f"(?:{pattern.removeprefix('^').removesuffix('$')})"

    parts = re.split(r"\{\+?\w+\}", base + description["path"])
    names = re.findall(r"\{\+?(\w+)\}", base + description["path"])
    text = re.escape(parts[0])
    for name, part in zip(names, parts[1:], strict=True):
        text += re.sub(r"^(\w+)$", parameter, name) + re.escape(part)
    return re.compile(text)


def _conforms(service: str, schema: Json, value: Any, where: str) -> None:
    if value is None:
        return  # Google reads null as if it were not there
    if "$ref" in schema:
        schema = _document(service)["schemas"][schema["$ref"]]
    kind = schema.get("type", "any")
    if kind == "object":
        _conforms_object(service, schema, value, where)
    elif kind == "array":
        if not isinstance(value, list):
            raise NotInDiscovery(f"{where} is no list")
        for item in value:
            _conforms(service, schema["items"], item, where)
    elif kind in _TYPES:
        if not isinstance(value, _TYPES[kind]):
            raise NotInDiscovery(f"{where} is not of the type {kind}")
        if "enum" in schema and value not in schema["enum"]:
            raise NotInDiscovery(f"{where} is none of {schema['enum']}")


def _conforms_object(service: str, schema: Json, value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise NotInDiscovery(f"{where} is no object")
    for name, item in value.items():
        inner = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
        if inner is None:
            raise NotInDiscovery(f"{where} has no field {name}")
        _conforms(service, inner, item, f"{where}.{name}")
