"""Fixtures: a project that uses the templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.ci_templates.consumer import Consumer
from tests.servers.engine import Engine
from tests.servers.pair import Pair


@pytest.fixture
def consumer(tmp_path: Path, pair: Pair, engine: Engine) -> Consumer:
    """A project that pushes to the pair."""
    return Consumer(tmp_path, pair, engine.env)
