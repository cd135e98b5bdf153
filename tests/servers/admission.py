"""Admission: what an API server does with a MutatingAdmissionPolicy, as far as it can be told without one.

The expressions are run by Google's CEL; typed objects are read as maps, since the types exist only in the server.
Which lists may be merged, and which may not be touched at all, is read from Kubernetes' own schema.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

Json = dict[str, Any]
_SCHEMA = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema/v1.36.0-local/_definitions.json"


class Refused(Exception):
    """The API server would refuse the mutation when a pod is made."""


def admit(policy: Mapping[str, Any], switch: Mapping[str, Any], pod: Mapping[str, Any]) -> Json:
    """The pod as it is after the policy. Raises Refused."""
    admitted, spec = copy.deepcopy(dict(pod)), policy["spec"]
    conditions = (one["expression"] for one in spec["matchConditions"])
    if not all(evaluate(one, admitted, switch) for one in conditions):
        return admitted
    for mutation in spec["mutations"]:
        if mutation["patchType"] == "JSONPatch":
            for patch in evaluate(mutation["jsonPatch"]["expression"], admitted, switch):
                _patch(admitted, patch)
        else:
            applied = evaluate(mutation["applyConfiguration"]["expression"], admitted, switch)
            _apply(admitted, applied, _definition("io.k8s.api.core.v1.Pod"), "")
    return admitted


def evaluate(expression: str, pod: Mapping[str, Any], switch: Mapping[str, Any]) -> Any:
    """What an expression comes to."""
    environment = cel.NewEnv(
        variables={"object": cel.Type.DYN, "params": cel.Type.DYN},
        extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()],
    )
    untyped = re.sub(r"\b(?:Object[\w.]*|JSONPatch)\{", "{", expression)
    maps = re.sub(r"(?<=[{,\s])([a-zA-Z]\w*): ", r'"\1": ', untyped)
    return environment.compile(maps).eval(data={"object": pod, "params": switch}).plain_value()


def _patch(pod: Json, patch: Mapping[str, Any]) -> None:
    if patch["op"] != "add":
        raise Refused(f"the test knows no {patch['op']}")
    *path, last = patch["path"].strip("/").split("/")
    parent: Any = pod
    for part in path:
        parent = parent[part]
    if last == "-":
        parent.append(patch["value"])
    else:
        parent[last] = patch["value"]


def _apply(into: Json, given: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    for key, value in given.items():
        described = _resolved(schema.get("properties", {}).get(key, {}))
        if described.get("x-kubernetes-list-type") == "map":
            into[key] = into.get(key) or []
            for one in value:
                _merge(into[key], one, described, f"{where}/{key}")
        elif isinstance(value, dict):
            _mutable(described, f"{where}/{key}")
            _apply(into.setdefault(key, {}), value, described, f"{where}/{key}")
        elif isinstance(value, list):
            raise Refused(f"{where}/{key}: may not mutate atomic arrays, maps or structs")
        else:
            into[key] = value


def _merge(into: list[Json], given: Mapping[str, Any], described: Mapping[str, Any], where: str) -> None:
    items = _resolved(described["items"])
    _mutable(items, where)
    keys = [key for key in described["x-kubernetes-list-map-keys"] if key in given]
    same = next((one for one in into if all(one.get(key) == given[key] for key in keys)), None)
    if same is None:
        into.append(dict(given))
    else:
        _apply(same, given, items, where)


def _mutable(described: Mapping[str, Any], where: str) -> None:
    if described.get("x-kubernetes-map-type") == "atomic":
        raise Refused(f"{where}: may not mutate atomic arrays, maps or structs")


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    for one in (schema, *schema.get("allOf", ())):
        if "$ref" in one:
            return {**_definition(one["$ref"].rpartition("/")[2]), **schema}
    return schema


def _definition(name: str) -> Mapping[str, Any]:
    definitions = json.loads(_SCHEMA.read_text())
    found: Mapping[str, Any] = (definitions.get("$defs") or definitions["definitions"])[name]
    return found
