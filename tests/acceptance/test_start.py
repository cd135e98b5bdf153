"""What a command loads before it asks a registry for anything: its user waits for each module."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.command import configuration, gcr_mirror, plain
from tests.servers.registry import Registries, Registry
from tests.servers.seed import Seed

# What does the same as argparse and msgspec do here, and takes longer to load than a whole pass may take.
HEAVY = {"typer", "click", "pydantic"}
# Of Python's library, what is dear and only https, proxies, dates, terminals or mistakes need.
DEAR = {
    *(
        "ssl",
        "http",
        "email",
        "urllib.request",
        "encodings.idna",
        "unicodedata",
        "shutil",
        "tempfile",
        "random",
    ),
    *("dataclasses", "concurrent.futures", "logging", "queue", "traceback", "bz2", "lzma"),
}
# Of other commands, of daemons, of terminals, and of mirrors that have rules for versions.
ELSEWHERE = {
    *("rich", "semantic_version", "sqlalchemy", "flask", "prometheus_client", "structlog"),
    *(
        "docker",
        "gitlab",
        "google.auth",
        "requests",
        "kubernetes",
        "mirror.demo",
        "mirror.checks",
        "mirror.service",
    ),
}
# Of any command that does more than to say what it is.
WORK = {"ssl", "pathlib", "dataclasses", "mirror.config", "mirror.sync", "mirror.oci", "mirror.transport"}
OTHERS = {
    f"mirror.cli.{name}" for name in ("push", "check", "run", "status", "listing", "demo", "setup", "config")
}


def loaded(*words: str | Path, home: Path, **env: str) -> set[str]:
    """Every module that a command loads which succeeds."""
    ran = gcr_mirror(*words, home=home, env=env | {"PYTHONVERBOSE": "1"})
    names = {line.split("'")[1] for line in ran.err.splitlines() if line.startswith("import '")}
    assert ran.code == 0, ran.err
    assert "mirror.cli.app" in names
    return names


def test_sync_loads_only_what_it_needs(tmp_path: Path, registries: Registries) -> None:
    source, target = registries(), registries()
    seed = Seed(source.url, "acme/api")
    for tag in ("1.0", "1.1", "2.0-rc.1"):  # an order to find
        seed.image(tag, layers=(tag.encode(),))
    config = configuration(tmp_path, plain(source.host), plain(target.host))
    found = loaded("sync", "-c", config, "--json", home=tmp_path)
    assert found & (ELSEWHERE | OTHERS | HEAVY | DEAR) == set()


def test_copy_reads_no_model_of_a_configuration(tmp_path: Path, registry: Registry) -> None:
    Seed(registry.url, "acme/api").image("1.0")
    image = f"{registry.host}/acme/api:1.0"
    found = loaded("copy", image, f"{registry.host}/other/api", home=tmp_path)
    assert found & (ELSEWHERE | OTHERS | HEAVY | DEAR | {"mirror.config", "ruamel.yaml", "msgspec"}) == set()


@pytest.mark.parametrize("words", [("--help",), ("sync", "--help")])
def test_help_loads_nothing_that_a_command_works_with(tmp_path: Path, words: tuple[str, ...]) -> None:
    found = loaded(*words, home=tmp_path)
    assert "mirror.cli.sync" in found
    assert found & (ELSEWHERE | HEAVY | WORK) == set()


def test_only_the_command_that_is_asked_for_is_loaded(tmp_path: Path) -> None:
    assert loaded("--help", home=tmp_path) >= OTHERS
    assert loaded("sync", "--help", home=tmp_path) & OTHERS == set()
