"""Fixtures: a daemon between two embedded registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.house import House, house


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[House]:
    """One mirror, `shop`, of acme/shop/**."""
    with house(tmp_path) as made:
        yield made
