"""Fixtures: real registries, the proxy in front of them, a private authority; embedded ones with faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.servers.certificates import Authority
from tests.servers.embedded import Embedded
from tests.servers.postgresql import PostgreSQL
from tests.servers.registry import Registries, Registry, Variant

# A busy machine is no fault of the code: what is counted is examples, not milliseconds.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def registries(tmp_path: Path) -> Iterator[Registries]:
    """Start registries: `registries(users={"ann": "secret"})`, the keywords being those of `Variant`."""
    started: list[Registry] = []

    def start(**variant: object) -> Registry:
        registry = Registry(tmp_path / f"registry-{len(started)}", Variant(**variant))  # type: ignore[arg-type]  # object, as in the fixture
        started.append(registry)
        return registry

    yield start
    for registry in started:
        registry.stop()


@pytest.fixture
def registry(registries: Registries) -> Registry:
    """A plain registry."""
    return registries()


@pytest.fixture
def embed() -> Iterator[Callable[..., Embedded]]:
    """Start pairs of embedded registries: `embed(source, target, images=1)`, as `Embedded` takes them."""
    started: list[Embedded] = []

    def start(*registries: Any, **limits: Any) -> Embedded:
        started.append(Embedded(*registries, **limits))
        return started[-1]

    yield start
    for both in started:
        both.close()


@pytest.fixture
def both(embed: Callable[..., Embedded]) -> Embedded:
    """The embedded GitLab and Google, and passes from the one to the other."""
    return embed()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A private certificate authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of an empty database in a PostgreSQL that runs for the session."""
    server = PostgreSQL()
    yield server.url
    server.stop()
