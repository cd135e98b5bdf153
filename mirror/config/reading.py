"""Reading: from the plain values of a file to the model, or to everything that is wrong with them.

msgspec describes the model, but stops at the first mistake: so each value is read on its own here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path as Folder
from typing import Any

from msgspec import Struct, ValidationError, convert, inspect, structs

from mirror.config.findings import Complaint, Path
from mirror.config.wording import lacks, no_choice, unknown_key
from mirror.errors import ConfigError

_A_MAPPING = "a mapping; write key: value, indented"
_A_LIST = "a list; write [one, two] or a line with '- ' for each"
_EMPTY = "is empty; it wants at least one entry"
_SWITCH = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def read(kind: Any, data: Any, directory: Folder) -> tuple[Any, list[Complaint]]:
    """A value of this kind, a model or a union of models, and what is wrong; the value is None when something is.

    `directory` is where relative paths begin.
    """
    reading = _Reading(directory)
    value = reading.value(_described(kind), data, ())
    return (None if reading.complaints else value), reading.complaints


_described = cache(inspect.type_info)


class _Reading:
    def __init__(self, directory: Folder) -> None:
        self.complaints: list[Complaint] = []
        self._directory = directory
        self._by_kind: dict[type[inspect.Type], Callable[[Any, Any, Path], Any]] = {
            inspect.Metadata: self._marked,
            inspect.StructType: self._model,
            inspect.UnionType: self._union,
            inspect.DictType: self._entries,
            inspect.VarTupleType: self._list,
            inspect.LiteralType: _choice,
            inspect.StrType: _text,
            inspect.BoolType: _switch,
            inspect.IntType: _number,
            inspect.FloatType: _number,
        }

    def value(self, kind: inspect.Type, value: Any, path: Path) -> Any:
        """What the model has; None, and a complaint, when the value or something in it is wrong."""
        try:
            return self._by_kind[type(kind)](kind, value, path)
        except ConfigError as error:
            self.complaints.append((path, str(error)))
            return None

    def _marked(self, kind: inspect.Metadata, value: Any, path: Path) -> Any:
        """A kind of mirror/config/fields.py, which has its own way to be read, or a key with its description."""
        return (
            kind.extra["read"](value, self._directory) if kind.extra else self.value(kind.type, value, path)
        )

    def _model(self, kind: inspect.StructType, value: Any, path: Path) -> Any:
        given = structs.asdict(value) if isinstance(value, Struct) else value  # a default is a model already
        if not isinstance(given, Mapping):
            raise ConfigError(lacks(_A_MAPPING, value))
        before = len(self.complaints)
        known = [*filter(None, [kind.tag_field]), *(field.name for field in kind.fields)]
        for name in given:
            if name not in known:
                self.complaints.append(((*path, name), unknown_key(name, known)))
        values = {field.name: self._field(field, given, path) for field in kind.fields}
        return kind.cls(**values) if len(self.complaints) == before else None

    def _field(self, field: inspect.Field, given: Mapping[str, Any], path: Path) -> Any:
        """A default is read as if it stood in the file: paths in it begin where the file is, too."""
        if field.required and field.name not in given:
            self.complaints.append(((*path, field.name), "is missing; add it"))
            return None
        return self.value(field.type, given.get(field.name, field.default), (*path, field.name))

    def _union(self, kind: inspect.UnionType, value: Any, path: Path) -> Any:
        """What may be null, or models that their `kind` tells apart."""
        choices = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        if value is None and len(choices) < len(kind.types):
            return None
        models = {one.tag: one for one in choices if isinstance(one, inspect.StructType)}
        if len(choices) == 1:
            return self.value(choices[0], value, path)
        if not isinstance(value, Mapping):
            raise ConfigError(lacks(_A_MAPPING, value))
        if "kind" not in value:
            *first, last = map(str, models)
            raise ConfigError(f"has no kind; add kind: {', '.join(first)} or {last}")
        if (tag := value["kind"]) in models:
            return self._model(models[tag], value, path)
        self.complaints.append(((*path, "kind"), no_choice([str(one) for one in models], tag)))
        return None

    def _entries(self, kind: inspect.DictType, value: Any, path: Path) -> Any:
        if not isinstance(value, Mapping):
            raise ConfigError(lacks(_A_MAPPING, value))
        _has_enough(kind, value)
        return {
            self.value(kind.key_type, name, (*path, name)): self.value(kind.value_type, one, (*path, name))
            for name, one in value.items()
        }

    def _list(self, kind: inspect.VarTupleType, value: Any, path: Path) -> Any:
        if not isinstance(value, list | tuple):
            raise ConfigError(lacks(_A_LIST, value))
        _has_enough(kind, value)
        return tuple(self.value(kind.item_type, one, (*path, i)) for i, one in enumerate(value))


def _has_enough(kind: inspect.DictType | inspect.VarTupleType, value: Any) -> None:
    if len(value) < (kind.min_length or 0):
        raise ConfigError(_EMPTY)


def _choice(kind: inspect.LiteralType, value: Any, _: Path) -> Any:
    if value not in kind.values:
        raise ConfigError(no_choice([str(one) for one in kind.values], value))
    return value


def _text(_: inspect.StrType, value: Any, __: Path) -> str:
    if not isinstance(value, str):
        raise ConfigError(lacks("text", value))
    return value


def _switch(_: inspect.BoolType, value: Any, __: Path) -> bool:
    found = _SWITCH.get(str(value).lower())
    if found is None:
        raise ConfigError(lacks("true or false", value))
    return found


def _number(kind: inspect.IntType | inspect.FloatType, value: Any, _: Path) -> float:
    """Digits in quotes are a number, too: a variable may have brought them."""
    whole = isinstance(kind, inspect.IntType)
    try:
        number: float = convert(value, int if whole else float, strict=False)
    except ValidationError as error:
        raise ConfigError(lacks("a whole number" if whole else "a number", value)) from error
    if not math.isfinite(number):
        raise ConfigError("wants a number")
    if kind.gt is not None and number <= kind.gt:
        raise ConfigError(f"must be more than {kind.gt}")
    if kind.ge is not None and number < kind.ge:
        raise ConfigError(f"must be {kind.ge} or more")
    if kind.le is not None and number > kind.le:
        raise ConfigError(f"must be {kind.le} or less")
    return number
