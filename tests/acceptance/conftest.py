"""Fixtures: a Docker Engine for the session, and a pair of registries for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.engine import Engine
from tests.servers.pair import Pair


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Debian 12's Docker Engine."""
    engine = Engine()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def engine_with_indexes() -> Iterator[Engine]:
    """Debian 13's, with containerd's image store."""
    engine = Engine(indexes=True)
    yield engine
    engine.stop()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Both registries, up."""
    pair = Pair(tmp_path / "pair")
    yield pair
    pair.close()
