"""Lists page by page: which link leads on, and which is not followed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import NotFound, Unsupported
from mirror.oci import listing
from mirror.oci.listing import answers, catalog, next_page, pages, tags
from mirror.transport.answer import Answer

BASE = "https://h:5000"
URL = f"{BASE}/v2/acme/app/tags/list?n=2"


@dataclass
class Shelves:
    """Stands in for a registry: answers by URL, each a body and a Link."""

    answers: dict[str, tuple[Any, str]]
    base: str = BASE
    host: str = "h:5000"
    asked: list[str] = field(default_factory=list)

    def request(self, method: str, url: str, scopes: object) -> Answer:
        self.asked.append(url)
        path = url.removeprefix(self.base)
        if path not in self.answers:
            raise NotFound("no such list", status=404)
        body, link = self.answers[path]
        return Answer(200, {"Link": link}, json.dumps(body).encode(), f"{self.base}{path}")


def shelves(**answers: tuple[Any, str]) -> Any:
    return Shelves({f"/{name}": answer for name, answer in answers.items()})


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ("", ""),
        ('</v2/x?last=b>; rel="next"', f"{BASE}/v2/x?last=b"),
        ("</v2/x?last=b>; rel=next", f"{BASE}/v2/x?last=b"),
        ("</v2/x?last=b>;rel=next", f"{BASE}/v2/x?last=b"),
        ('<?last=b>; rel="next"', f"{BASE}/v2/acme/app/tags/list?last=b"),
        (f'<{BASE}/v2/x>; rel="next"', f"{BASE}/v2/x"),
        ('</a>; rel="previous", </b>; rel="next"', f"{BASE}/b"),
        ('</b>; rel="next", </a>; rel="previous"', f"{BASE}/b"),
        ('</b>; title="x"; REL="NEXT"', f"{BASE}/b"),
        ('</a>; rel="previous"', ""),
        ('</a>; rel="nextish"', ""),
        ("nonsense", ""),
        ("<>", ""),
    ],
)
def test_the_next_page_is_where_the_link_says(link: str, following: str) -> None:
    assert next_page(shelves(), URL, link) == following


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere/v2/x",
        "http://h:5000/v2/x",
        "https://h/v2/x",
        "https://h:5001/v2/x",
        "//elsewhere/v2/x",
        "https://h:5000@elsewhere/",
        "file:///etc/passwd",
        "https://[",
    ],
)
def test_a_link_away_from_the_registry_is_refused(target: str) -> None:
    with pytest.raises(Unsupported):
        next_page(shelves(), URL, f'<{target}>; rel="next"')


@given(st.text(max_size=60))
def test_no_link_is_too_odd(link: str) -> None:
    try:
        found = next_page(shelves(), URL, link)
    except Unsupported:
        return
    assert found == "" or found.startswith(f"{BASE}/")


def test_all_pages_are_asked_for_in_order() -> None:
    registry = shelves(a=({"n": 1}, '</b>; rel="next"'), b=({"n": 2}, '</c>; rel="next"'), c=({"n": 3}, ""))
    assert [page["n"] for page in pages(registry, "/a", ())] == [1, 2, 3]


def test_a_circle_of_several_pages_ends() -> None:
    registry = shelves(a=({}, '</b>; rel="next"'), b=({}, '</a>; rel="next"'))
    with pytest.raises(Unsupported, match="without end"):
        list(answers(registry, "/a", ()))
    assert len(registry.asked) == 2


def test_a_list_that_grows_for_ever_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_PAGES", 5)
    registry = Shelves({f"/{n}": ({}, f'</{n + 1}>; rel="next"') for n in range(100)})
    with pytest.raises(Unsupported, match="page 5"):
        list(answers(registry, "/0", ()))  # type: ignore[arg-type] # stands in


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"tags": ["a", "b"]}, {"a", "b"}),
        ({"tags": None}, set()),
        ({"tags": []}, set()),
        ({}, set()),
        ({"tags": ["a", "a"]}, {"a"}),
    ],
)
def test_names_are_listed_and_no_more_is_known_of_them(body: Any, names: set[str]) -> None:
    registry: Any = Shelves({f"/v2/acme/app/tags/list?n={listing.PAGE}": (body, "")})
    found = tags(registry, "acme/app", ())
    assert set(found.tags) == names
    assert all(tag.digest is None for tag in found.tags.values())
    assert (found.exists, found.manifests, found.tells_referrers) == (True, None, False)


def test_a_repository_that_is_not_there_says_so() -> None:
    found = tags(shelves(), "acme/app", ())
    assert (dict(found.tags), found.exists) == ({}, False)


@pytest.mark.parametrize("body", [{"tags": 5}, {"tags": {"a": 1, "b": 2}}, [], "x", 5, None])
def test_what_is_no_list_is_told_or_read_as_names(body: Any) -> None:
    registry: Any = Shelves({f"/v2/acme/app/tags/list?n={listing.PAGE}": (body, "")})
    if body == {"tags": {"a": 1, "b": 2}}:
        assert set(tags(registry, "acme/app", ()).tags) == {"a", "b"}
    else:
        with pytest.raises(Unsupported):
            tags(registry, "acme/app", ())


def test_the_catalog_is_all_of_its_pages() -> None:
    registry: Any = Shelves(
        {
            f"/v2/_catalog?n={listing.PAGE}": ({"repositories": ["a"]}, '</v2/_catalog?last=a>; rel="next"'),
            "/v2/_catalog?last=a": ({"repositories": ["b/c"]}, ""),
        }
    )
    assert catalog(registry) == ["a", "b/c"]
