from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import ConfigError
from mirror.sync.patterns import Glob, Patterns, is_literal, literal_root


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        ("acme/shop", ["acme/shop"], ["acme", "acme/shop/api", "acme/shops"]),
        ("acme/*", ["acme/shop"], ["acme", "acme/shop/api"]),
        ("acme/**", ["acme", "acme/shop", "acme/shop/api"], ["acmes", "other/acme"]),
        ("**", ["acme", "acme/shop"], []),
        ("**/api", ["api", "acme/api", "acme/shop/api"], ["acme/web", "acme/xapi"]),
        ("acme/**/api", ["acme/api", "acme/a/b/api"], ["acme", "acmeapi"]),
        ("acme/**/**/api", ["acme/api", "acme/a/b/api"], ["acme"]),
        ("acme/sho?", ["acme/shop"], ["acme/sho", "acme/sho/p"]),
        ("acme/[a-c]x", ["acme/ax", "acme/cx"], ["acme/dx"]),
        ("acme/[!a]x", ["acme/bx"], ["acme/ax", "acme//x"]),
        ("acme/[a-]x", ["acme/ax", "acme/-x"], ["acme/bx"]),
        ("acme/{api,web}", ["acme/api", "acme/web"], ["acme/{api,web}", "acme/db"]),
        ("{a,b{1,2}}/{x,**}", ["a/x", "b1/x", "b2", "b2/y/z"], ["b/x"]),
        ("acme.io/*", ["acme.io/x"], ["acmexio/x"]),
    ],
)
def test_a_glob_fits_what_it_says(pattern: str, fits: list[str], misses: list[str]) -> None:
    glob = Glob.parse(pattern)
    assert [name for name in fits + misses if glob.matches(name)] == fits


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("", "empty"),
        ("acme**", "'**' stands alone between slashes"),
        ("acme/[a", "'[' without its ']'"),
        ("acme/[]", "'[' without its ']'"),
        ("acme/[z-a]", "no set of characters"),
        ("acme/a]", "means nothing"),
        ("acme\\a", "means nothing"),
        ("acme/{a", "'{' without its '}'"),
        ("acme/a}", "'}' without its '{'"),
        ("{a,b}" * 40, "more than 64 alternatives"),
        ("**/a/" * 20, "more than 64 alternatives"),
    ],
)
def test_a_bad_glob_is_refused_with_its_fault(pattern: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Glob.parse(pattern)
    assert fault in str(caught.value)


def test_a_negation_wins_wherever_it_stands() -> None:
    for texts in (["acme/**", "!acme/scratch/**"], ["!acme/scratch/**", "acme/**"]):
        patterns = Patterns.parse(texts)
        assert patterns.matches("acme/shop")
        assert not patterns.matches("acme/scratch/x")
        assert not patterns.matches("other")


def test_negations_alone_are_refused() -> None:
    with pytest.raises(ConfigError, match="nothing is included"):
        Patterns.parse(["!acme/**"])


def test_what_is_named_in_full_needs_no_discovery() -> None:
    patterns = Patterns.parse(["acme/shop", "acme/{api,web}", "ops/**", "ops/ci/*", "!acme/web"])
    assert patterns.literals == ("acme/shop", "acme/api")
    assert patterns.roots == ("ops",)


@pytest.mark.parametrize(
    ("pattern", "root"),
    [
        ("acme/shop/**", "acme/shop"),
        ("acme/sh*", "acme"),
        ("**", ""),
        ("acme/shop", "acme/shop"),
        ("*/x", ""),
    ],
)
def test_the_literal_root_is_the_longest_path_without_a_glob(pattern: str, root: str) -> None:
    assert literal_root(pattern) == root
    assert is_literal(pattern) is (pattern == root)


names = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


@given(names, names)
def test_a_path_fits_itself_and_everything_below_its_root(path: str, below: str) -> None:
    assert Glob.parse(path).matches(path)
    assert Glob.parse(f"{path}/**").matches(f"{path}/{below}")
    assert Patterns.parse(["a*/**"]).under(path).matches(f"{path}/{below}") is below.startswith("a")
