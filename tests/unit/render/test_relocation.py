from __future__ import annotations

import pytest

from mirror.oci.reference import Reference
from mirror.render.relocation import Relocation, relocated
from mirror.sync.mapping import Mapping
from mirror.sync.patterns import Patterns


def relocation(*patterns: str, base: str = "gitlab", source_root: str = "") -> Relocation:
    mapping = Mapping("eu.gcr.io", "proj", base, source_root)
    return Relocation("shop", "registry.example:5050", mapping, Patterns.parse(patterns))


def test_there_and_back_again() -> None:
    shop = relocation("acme/shop/**")
    image = Reference.parse("registry.example:5050/acme/shop/api:1")
    moved = shop.moved(image)
    assert str(moved) == "eu.gcr.io/proj/gitlab/acme/shop/api:1"
    assert moved
    assert shop.origin(moved) == image


@pytest.mark.parametrize(
    "image",
    ["registry.example/acme/shop", "registry.example:5050/acme/other", "registry.example:5050/acme/shop/old"],
)
def test_what_no_pattern_means_has_no_name_on_the_mirror(image: str) -> None:
    assert relocated([relocation("acme/shop/**", "!acme/shop/old")], Reference.parse(image)) is None


def test_a_project_of_the_source_is_not_part_of_the_name() -> None:
    shop = relocation("api", source_root="from-project")
    image = Reference.parse("registry.example:5050/from-project/api:1")
    assert str(shop.moved(image)) == "eu.gcr.io/proj/gitlab/api:1"
    assert shop.moved(Reference.parse("registry.example:5050/api:1")) is None


@pytest.mark.parametrize(
    ("patterns", "source", "target"),
    [
        (["acme/shop/**"], "/acme/shop", "/proj/gitlab/acme/shop"),
        (["acme/shop/api"], "/acme/shop/api", "/proj/gitlab/acme/shop/api"),
        (["acme/shop/api", "acme/shop/web/**"], "/acme/shop", "/proj/gitlab/acme/shop"),
        (["acme/shop*", "!acme/shopping"], "/acme", "/proj/gitlab/acme"),
        (["acme/{api,web}"], "/acme", "/proj/gitlab/acme"),
        (["acme/a", "other/b"], "/", "/proj/gitlab/"),
        (["**"], "/", "/proj/gitlab/"),
    ],
)
def test_a_prefix_covers_all_names_and_as_little_else_as_it_can(
    patterns: list[str], source: str, target: str
) -> None:
    assert relocation(*patterns).prefixes == (f"registry.example:5050{source}", f"eu.gcr.io{target}")
