"""What several pushes come to together, and where they go."""

from __future__ import annotations

import pytest

from mirror.bootstrap.pushes import Deliveries, Delivery, targets
from mirror.errors import ConfigError, Denied
from mirror.oci.digest import Digest
from mirror.oci.reference import Reference

TARGET = Reference.parse("eu.gcr.io/acme/app:1.0")
ONE, OTHER = Digest(f"sha256:{'1' * 64}"), Digest(f"sha256:{'2' * 64}")
THERE = Delivery(TARGET, ONE)
ELSE = Delivery(TARGET, OTHER)
MISSING = Delivery(TARGET, error=Denied("no"))


@pytest.mark.parametrize(
    ("all_", "status"),
    [
        ([THERE], "pushed"),
        ([THERE, THERE], "pushed"),
        ([THERE, MISSING], "partial"),
        ([MISSING, THERE, THERE], "partial"),
        ([MISSING, MISSING], "failed"),
        ([MISSING], "failed"),
        ([THERE, ELSE], "failed"),
        ([THERE, ELSE, MISSING], "failed"),
    ],
)
def test_one_digest_everywhere_is_a_push_and_anything_else_is_not(all_: list[Delivery], status: str) -> None:
    assert Deliveries("app:1.0", tuple(all_)).status == status


def test_a_target_without_a_tag_gets_the_images_own() -> None:
    found = targets("app:1.0", ["eu.gcr.io/acme/app", "registry.example.com/acme/app:stable"])
    assert [str(one) for one in found] == ["eu.gcr.io/acme/app:1.0", "registry.example.com/acme/app:stable"]
    assert str(targets("app", ["eu.gcr.io/acme/app"])[0]) == "eu.gcr.io/acme/app:latest"


@pytest.mark.parametrize(
    ("to", "says"), [([], "push it where"), ([f"eu.gcr.io/acme/app@{ONE}"], "names a digest")]
)
def test_a_push_to_nowhere_is_refused(to: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        targets("app:1.0", to)
