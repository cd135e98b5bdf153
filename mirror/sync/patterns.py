"""Patterns: which repository paths (or tags) are meant, as globs with negations.

| written | means |
|---|---|
| `*` | any characters within one part of the path |
| `**` | any number of parts, none included: `acme/**` is `acme`, `acme/shop`, `acme/shop/api` |
| `?`, `[abc]`, `[a-z]`, `[!a]` | one character |
| `{api,web}` | one or the other |
| `!pattern` | a negation |

A path is meant when any pattern fits and no negation does; the order is of no importance.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import groupby, islice, product
from typing import NamedTuple, Self

from mirror.errors import ConfigError

MAX_ALTERNATIVES = 64
_GLOB = re.compile(r"[*?\[\]{}]")
_PARTS = "\0"  # stands for `**` once a glob is split up; in no name


class Step(NamedTuple):
    """One character out of `chars` (or, negated, any other); with `many`, any number of such."""

    chars: frozenset[str]
    negated: bool = False
    many: bool = False

    def accepts(self, char: str) -> bool:
        """Whether the step goes on with this character."""
        return (char in self.chars) != self.negated

    @property
    def regex(self) -> str:
        """The same as a regular expression."""
        chars = "".join(re.escape(char) for char in sorted(self.chars))
        one = f"[{'^' if self.negated else ''}{chars}]" if chars else r"[\s\S]"
        return one + ("*" if self.many else "")


ANY_PARTS = Step(frozenset(), negated=True, many=True)
ANY_CHARS = Step(frozenset("/"), negated=True, many=True)
ONE_CHAR = Step(frozenset("/"), negated=True)


class Glob:
    """One pattern without its `!`."""

    def __init__(self, text: str) -> None:
        """Of what was checked before; `parse` is for what people write."""
        self.text = text

    def __eq__(self, other: object) -> bool:
        """Whether they are written alike."""
        return isinstance(other, Glob) and self.text == other.text

    def __hash__(self) -> int:
        """Of the text."""
        return hash(self.text)

    def __repr__(self) -> str:
        """The text says it all."""
        return f"Glob({self.text!r})"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check `text`; ConfigError names the mistake."""
        glob = cls(text)
        if not text:
            raise ConfigError("an empty pattern fits nothing; remove it")
        if len(glob.sequences) > MAX_ALTERNATIVES:
            raise ConfigError(
                f"{text!r} has more than {MAX_ALTERNATIVES} alternatives; write several patterns"
            )
        return glob

    def matches(self, name: str) -> bool:
        """Whether the whole name fits."""
        return bool(self.fit(name))

    @cached_property
    def fit(self) -> Callable[[str], object]:
        """What says of a name whether the whole of it fits."""
        if is_literal(
            self.text
        ):  # most are, and to compile one takes longer than to compare it with many names
            return self.text.__eq__
        return self.regex.fullmatch

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The pattern without braces, once for each way to read them."""
        return tuple(islice(_without_braces(self.text), MAX_ALTERNATIVES + 1))

    @cached_property
    def sequences(self) -> tuple[tuple[Step, ...], ...]:
        """Each way to fit, as steps from the first character to the last."""
        spread = (one for text in self.texts for one in _without_empty_parts(text))
        few = islice(spread, MAX_ALTERNATIVES + 1)
        return tuple(tuple(_steps(one, self.text)) for one in few)

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Whole names that fit."""
        return re.compile("|".join("".join(step.regex for step in steps) for steps in self.sequences))


class Patterns(NamedTuple):
    """Globs and negations, as one question: is this path meant?"""

    include: tuple[Glob, ...]
    exclude: tuple[Glob, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read patterns of which some begin with `!`; ConfigError when one is wrong or none includes."""
        texts = tuple(texts)
        include = tuple(Glob.parse(text) for text in texts if not text.startswith("!"))
        exclude = tuple(Glob.parse(text[1:]) for text in texts if text.startswith("!"))
        if not include:
            raise ConfigError("only negations: nothing is included; add a pattern such as '**'")
        return cls(include, exclude)

    def matches(self, path: str) -> bool:
        """Whether the path is meant."""
        included = any(glob.matches(path) for glob in self.include)
        return included and not any(glob.matches(path) for glob in self.exclude)

    def under(self, root: str) -> "Patterns":
        """The same patterns below another path."""
        return Patterns(
            tuple(Glob(_join(root, glob.text)) for glob in self.include),
            tuple(Glob(_join(root, glob.text)) for glob in self.exclude),
        )

    @property
    def literals(self) -> tuple[str, ...]:
        """The paths that are named in full: they need no discovery."""
        named = (text for glob in self.include for text in glob.texts if is_literal(text))
        return tuple(dict.fromkeys(path for path in named if self.matches(path)))

    @property
    def roots(self) -> tuple[str, ...]:
        """The paths to discover repositories below; '' is the whole registry. None lies within another."""
        found = {literal_root(text) for glob in self.include for text in glob.texts if not is_literal(text)}
        return tuple(
            sorted(one for one in found if not any(is_within(one, other) for other in found - {one}))
        )


def is_literal(text: str) -> bool:
    """Whether a pattern is a plain path."""
    return _GLOB.search(text) is None


def literal_root(text: str) -> str:
    """The longest path that everything that fits lies at or below: `acme/shop` for `acme/shop/**`."""
    parts = text.split("/")
    literal = next((i for i, part in enumerate(parts) if not is_literal(part)), len(parts))
    return "/".join(parts[:literal])


def is_within(path: str, root: str) -> bool:
    """Whether `path` is `root` or lies below it."""
    return not root or path == root or path.startswith(f"{root}/")


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _without_braces(text: str) -> Iterator[str]:
    start = text.find("{")
    if start < 0:
        if "}" in text:
            raise ConfigError(f"{text!r} has a '}}' without its '{{'")
        yield text
        return
    choices, end = _choices(text, start)
    # Glob.parse refuses what has more; without the end here a line of braces would fill the memory first.
    rests = list(islice(_without_braces(text[end:]), MAX_ALTERNATIVES + 1))
    for choice, rest in product(choices, rests):
        for one in _without_braces(choice):
            yield text[:start] + one + rest


def _choices(text: str, start: int) -> tuple[list[str], int]:
    """What stands in the braces that open at `start`, split at its commas, and where the text goes on."""
    depth, begin, choices = 0, start + 1, []
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if (text[i] == "," and depth == 1) or depth == 0:
            choices.append(text[begin:i])
            begin = i + 1
        if depth == 0:
            return choices, i + 1
    raise ConfigError(f"{text!r} has a '{{' without its '}}'")


def _without_empty_parts(text: str) -> Iterator[str]:
    """`a/**/b` is `a/b` or `a/<parts>/b`: each way, with `**` as one sign of its own."""
    parts = [part for key, group in groupby(text.split("/")) for part in ([key] if key == "**" else group)]
    if parts == ["**"]:
        yield _PARTS
        return
    for choice in product(*(((_PARTS,), ()) if part == "**" else ((part,),) for part in parts)):
        yield "/".join(part for chosen in choice for part in chosen)


def _steps(text: str, written: str) -> Iterator[Step]:
    i = 0
    while i < len(text):
        if text[i] == "[":
            step, i = _bracket(text, i, written)
            yield step
            continue
        if text.startswith("**", i):
            raise ConfigError(f"{written!r}: '**' stands alone between slashes; write '*' within a name")
        if text[i] in "]\\":
            raise ConfigError(f"{written!r} has a {text[i]!r} that means nothing here; remove it")
        yield {"*": ANY_CHARS, "?": ONE_CHAR, _PARTS: ANY_PARTS}.get(text[i]) or Step(frozenset(text[i]))
        i += 1


def _bracket(text: str, start: int, written: str) -> tuple[Step, int]:
    end = text.find("]", start + 2)
    inside = text[start + 1 : end] if end > 0 else ""
    negated = inside.startswith("!")
    chars = set[str]()
    for low, high, one in re.findall(r"(.)-(.)|(.)", inside.removeprefix("!")):
        if one == "/" or not (low or one).isascii() or not high.isascii() or high < low:
            raise ConfigError(f"{written!r}: [{inside}] is no set of characters")
        chars |= {one} if one else {chr(code) for code in range(ord(low), ord(high) + 1)}
    if not chars:
        raise ConfigError(f"{written!r} has a '[' without its ']'")
    return Step(frozenset(chars | {"/"} if negated else chars - {"/"}), negated), end + 1
