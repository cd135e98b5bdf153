"""Headers: the fields of an answer, by their names in any case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Self, TypeVar, overload

from mirror.transport.failures import Garbled

T = TypeVar("T")
_MOST = 100


class Headers(Mapping[str, str]):
    """What comes twice is joined by a comma (RFC 9110, 5.3)."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, str]) -> None:
        """`fields` by their names in lower case."""
        self._fields = fields

    @classmethod
    def of(cls, lines: Iterable[str]) -> Self:
        """Read lines. Raises Garbled for what is no field, or too much of them."""
        fields: dict[str, str] = {}
        for count, line in enumerate(lines):
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise Garbled("a header that is no field")
            if count == _MOST:
                raise Garbled(f"more than {_MOST} headers")
            key, value = name.lower(), value.strip()
            fields[key] = f"{fields[key]}, {value}" if key in fields else value
        return cls(fields)

    def __getitem__(self, name: str) -> str:
        """The value of a field. Raises KeyError."""
        return self._fields[name.lower()]

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str | T) -> str | T: ...
    def get(self, name: str, /, default: object = None) -> object:
        """The value of a field, or `default`."""
        return self._fields.get(name.lower(), default)

    def __iter__(self) -> Iterator[str]:
        """The names, in lower case."""
        return iter(self._fields)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._fields)
