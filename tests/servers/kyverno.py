"""Kyverno: what it does with a mutating ClusterPolicy of ours, as far as its documentation and its schema tell it.

The schema is that of its own CustomResourceDefinition, as cloudcoil's models have it; the expressions are run by
JMESPath with Kyverno's two differences: a key that is not there is an error, and there is a function `replace`. It is
not Kyverno: what Kyverno makes of a policy only Kyverno shows.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

import jmespath
from cloudcoil.models.kyverno.v1 import ClusterPolicy
from jmespath import functions, parser, visitor

Json = dict[str, Any]
# https://kyverno.io/docs/policy-types/cluster-policy/jmespath/#replace
_REPLACE = (*({"types": ["string"]},) * 3, {"types": ["number"]})
_VARIABLE = re.compile(r"\{\{(.*?)\}\}")


class Unknown(Exception):
    """A key that is not there, which ends the rule."""


class Unread(Exception):
    """A part of a policy that the schema does not know."""


def known(policy: Mapping[str, Any]) -> None:
    """Raises pydantic's ValidationError or Unread when the policy is not of Kyverno's schema."""
    read = ClusterPolicy.model_validate(policy)
    if read.model_dump(mode="json", by_alias=True, exclude_unset=True) != policy:
        raise Unread("the schema does not know all of it")


def mutated(policy: Mapping[str, Any], switch: Mapping[str, Any], pod: Mapping[str, Any]) -> Json:
    """The pod as it is after the policy. Raises Unknown where Kyverno would give up, and leave the pod as it was."""
    made = copy.deepcopy(dict(pod))
    for rule in policy["spec"]["rules"]:
        (context,) = rule["context"]
        data = {"request": {"object": made}, context["name"]: switch}
        if not _met(rule["preconditions"], data):
            continue
        for each in rule["mutate"]["foreach"]:
            for element in evaluate(each["list"], data):
                found = data | {"element": copy.deepcopy(element)}
                if _met(each["preconditions"], found):
                    _merge(made, _filled(each["patchStrategicMerge"], found))
    return made


def evaluate(expression: str, data: Mapping[str, Any]) -> Any:
    """What an expression comes to. Raises Unknown."""
    options = jmespath.Options(custom_functions=_Functions())
    return _Interpreter(options).visit(parser.Parser().parse(expression).parsed, data)


class _Functions(functions.Functions):  # type: ignore[misc]  # the library has no types
    @functions.signature(
        {"types": ["string"]}, {"types": ["string"]}, {"types": ["string"]}, {"types": ["number"]}
    )  # type: ignore[untyped-decorator]  # as above
    def _func_replace(self, text: str, old: str, new: str, count: int) -> str:
        return text.replace(old, new, count)


class _Interpreter(visitor.TreeInterpreter):  # type: ignore[misc]  # the library has no types
    def visit_field(self, node: Json, value: Any) -> Any:
        if not isinstance(value, dict) or node["value"] not in value:
            raise Unknown(node["value"])
        return value[node["value"]]

    def visit_or_expression(self, node: Json, value: Any) -> Any:
        try:
            matched = self.visit(node["children"][0], value)
        except Unknown:
            matched = None
        return self.visit(node["children"][1], value) if self._is_false(matched) else matched


def _met(conditions: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    (how,) = conditions
    results = [_filled(one["key"], data) == _filled(one["value"], data) for one in conditions[how]]
    assert all(one["operator"] == "Equals" for one in conditions[how])
    return all(results) if how == "all" else any(results)


def _filled(value: Any, data: Mapping[str, Any]) -> Any:
    """A value with its variables in place; one that is a variable and nothing else keeps its type."""
    if isinstance(value, dict):
        return {key: _filled(one, data) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, data) for one in value]
    if not isinstance(value, str):
        return value
    if whole := _VARIABLE.fullmatch(value):
        return evaluate(whole[1].strip(), data)
    return _VARIABLE.sub(lambda found: str(evaluate(found[1].strip(), data)), value)


def _merge(into: Json, patch: Mapping[str, Any]) -> None:
    """A strategic merge; every list of the policy is one that Kubernetes merges by name."""
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        elif isinstance(value, list):
            items = into.setdefault(key, [])
            for one in value:
                same = next((item for item in items if item["name"] == one["name"]), None)
                items.append(one) if same is None else same.update(one)
        else:
            into[key] = value
