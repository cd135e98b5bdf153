"""Fixtures: a daemon between two registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.house import House, Household, house
from tests.servers.real_house import RealHouse
from tests.servers.registry import Registries


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[House]:
    """One mirror, `shop`, of acme/shop/**."""
    with house(tmp_path) as made:
        yield made


@pytest.fixture(params=["embedded", "docker-registry"])
def either(request: pytest.FixtureRequest, tmp_path: Path, registries: Registries) -> Iterator[Household]:
    """The same, between the embedded registries and between real ones."""
    if request.param == "docker-registry":
        yield RealHouse(tmp_path, registries(), registries())
        return
    with house(tmp_path) as made:
        yield made
