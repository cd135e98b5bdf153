"""What the daemon believes of a target that lists no digests, how long, and what it always asks for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.house import HOUR, MINUTE
from tests.servers.real_house import RealHouse
from tests.servers.registry import Registries
from tests.servers.seed import OCI_MANIFEST, Seed

TAGS = ("1", "2", "3", "4")


class Shop(RealHouse):
    """Between two plain registries, with a pass each ten minutes."""

    def passed(self, seconds: float = 1.0) -> int:
        """How often the target was asked for a manifest in so much time."""
        self.target.forget_requests()
        self.pass_time(seconds)
        return self.target.count("HEAD", "/manifests/")

    @property
    def there(self) -> Seed:
        """The repository at the target, for somebody else to write to."""
        return Seed(self.target.url, "acme/shop/api")

    def digest(self, tag: str) -> str:
        """What the tag names at the target."""
        url = f"{self.target.url}/v2/acme/shop/api/manifests/{tag}"
        return self._http.head(url, headers={"Accept": OCI_MANIFEST}).headers["Docker-Content-Digest"]


@pytest.fixture
def shop(registries: Registries, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path, registries(), registries(), repositories=["acme/shop/api"], interval="10m")
    shop.push(*TAGS)
    shop.turn()
    assert shop.passed() == len(TAGS), "what was copied is looked at once"
    yield shop
    assert shop.pulled() >= set(TAGS)


def test_tags_in_step_are_not_asked_for_again_at_the_target_until_the_hour_is_over(shop: Shop) -> None:
    passes = shop.metric("passes_total", mirror="shop", result="ok")
    assert shop.passed(19 * MINUTE) == 0
    assert shop.metric("passes_total", mirror="shop", result="ok") >= passes + 2
    assert shop.target.count("GET", "/tags/list") >= 2
    assert shop.metric("tags", mirror="shop", state="in_sync") == len(TAGS)
    asked = shop.passed(50 * MINUTE)
    assert asked in (len(TAGS), 2 * len(TAGS), 3 * len(TAGS)), "of six passes"


def test_a_new_tag_is_copied_and_one_that_moved_is_asked_for_first(shop: Shop) -> None:
    shop.push("5")
    assert shop.passed() == 0
    Seed(shop.source.url, "acme/shop/api").image("2", layers=[b"moved"])
    assert shop.passed() == 1
    assert shop.copied[len(TAGS) :] == ["5", "2"]


def test_a_tag_that_somebody_deletes_at_the_target_is_back_at_once(shop: Shop) -> None:
    shutil.rmtree(next(shop.target.directory.rglob("_manifests/tags/3")))
    shop.passed(15 * MINUTE)
    assert shop.copied[len(TAGS) :] == ["3"]


def test_a_tag_that_somebody_moves_at_the_target_is_put_right_within_the_hour(shop: Shop) -> None:
    ours = shop.digest("3")
    shop.there.image("3", layers=[b"somebody else's"])
    shop.passed(15 * MINUTE)
    assert shop.digest("3") != ours
    shop.passed(HOUR)
    assert shop.digest("3") == ours
    assert shop.copied[len(TAGS) :] == ["3"]


def test_what_is_backed_up_is_what_was_really_there(registries: Registries, tmp_path: Path) -> None:
    shop = Shop(
        tmp_path,
        registries(),
        registries(),
        repositories=["acme/shop/api"],
        interval="10m",
        on_moved_tag="backup",
    )
    shop.push("1")
    shop.pass_time(11 * MINUTE)
    shop.there.image("1", layers=[b"somebody else's"])
    theirs = shop.digest("1")
    Seed(shop.source.url, "acme/shop/api").image("1", layers=[b"moved"])
    shop.pass_time(11 * MINUTE)
    assert shop.digest("1") != theirs
    assert shop.digest(f"1-before-{theirs[7:19]}") == theirs


def test_after_an_outage_everything_is_asked_for_again(shop: Shop) -> None:
    shop.take_down()
    shop.pass_time(20 * MINUTE)
    assert shop.frozen() == "source_down"
    shop.bring_back()
    assert shop.passed(5 * MINUTE) == len(TAGS)


def test_another_configuration_is_believed_for_its_own_time(shop: Shop) -> None:
    shop.station.take_over(shop.configure(repositories=["acme/shop/api"], interval="10m", recheck="1s"))
    assert shop.passed(25 * MINUTE) >= 2 * len(TAGS)


def test_a_tag_that_could_not_be_asked_for_is_not_believed(shop: Shop) -> None:
    link = next(shop.target.directory.rglob("_manifests/tags/3/current/link"))
    kept = link.read_bytes()
    link.write_bytes(b"nonsense")
    while not shop.failed:
        shop.turn()
    shop.turn(2)
    assert {failure.tag for failure in shop.failed} == {"3"}
    assert shop.metric("tags", mirror="shop", state="in_sync") == len(TAGS) - 1
    assert shop.metric("tags", mirror="shop", state="failed") == 1
    link.write_bytes(kept)
    shop.pass_time(HOUR)
    assert shop.metric("tags", mirror="shop", state="in_sync") == len(TAGS)
