"""Headers: the fields of an answer, read by hand; http.client uses a parser for mail, which takes most of the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http.client import HTTPException, IncompleteRead
from typing import BinaryIO

_LONGEST_LINE = 65536
_MOST = 100


class Headers(Mapping[str, str]):
    """By their names, in any case."""

    __slots__ = ("_fields",)

    def __init__(self) -> None:
        """None yet."""
        self._fields: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """The value of a field. Raises KeyError."""
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        """The names, in lower case."""
        return iter(self._fields)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._fields)

    def add(self, name: str, value: str) -> None:
        """One more field; what comes twice is joined by a comma (RFC 9110, 5.3)."""
        key = name.lower()
        earlier = self._fields.get(key)
        self._fields[key] = value if earlier is None else f"{earlier}, {value}"


def read(stream: BinaryIO) -> Headers:
    """The fields up to the empty line. Raises HTTPException for what is no field, or too much of them."""
    headers, count = Headers(), 0
    while field := line(stream):
        name, colon, value = field.partition(":")
        if not colon or not name or name != name.strip():
            raise HTTPException("a header that is no field")
        headers.add(name, value.strip())
        count += 1
        if count > _MOST:
            raise HTTPException(f"more than {_MOST} headers")
    return headers


def line(stream: BinaryIO) -> str:
    """One line, without its end. Raises HTTPException where it has none."""
    raw = stream.readline(_LONGEST_LINE)
    if not raw.endswith(b"\n"):
        raise IncompleteRead(raw) if len(raw) < _LONGEST_LINE else HTTPException("a header without end")
    return raw.rstrip(b"\r\n").decode("latin-1")
