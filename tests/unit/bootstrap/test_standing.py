"""What `gcr-mirror retry` requeues: the failures that its globs mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirror.bootstrap.standing import requeue
from mirror.config import load
from mirror.config.model import Config
from mirror.errors import ConfigError
from mirror.state.database import Database
from mirror.state.records import Key, TagRecord

CONFIG = """
registries:
  from: {kind: oci, host: one.example}
  to: {kind: oci, host: two.example}
mirrors:
  - {name: shop, source: from, target: to, repositories: ["**"]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    loaded = load(path, {})
    state = Database(loaded.state.url)
    for repository, tag in (("acme", "1.0"), ("acme/shop/api", "1.0"), ("acme/shop/web", "2.0")):
        key = Key("shop", repository, tag)
        state.save([TagRecord(key, target="", first_seen=0.0, reason="denied", message="no")])
    state.close()
    return loaded


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("**", ["acme:1.0", "acme/shop/api:1.0", "acme/shop/web:2.0"]),
        ("acme/shop/api", ["acme/shop/api:1.0"]),
        ("acme/shop/**", ["acme/shop/api:1.0", "acme/shop/web:2.0"]),
        ("acme/**:1.*", ["acme:1.0", "acme/shop/api:1.0"]),
        ("acme/shop/{api,web}:2.?", ["acme/shop/web:2.0"]),
        ("acme/*", []),
        ("acme/shop/api:2.0", []),
    ],
)
def test_a_pattern_means_repositories_and_perhaps_tags(
    config: Config, pattern: str, names: list[str]
) -> None:
    assert requeue(config, pattern) == names
    assert requeue(config, pattern) == []


@pytest.mark.parametrize("pattern", ["acme/[", "", ":1.0", "acme:{1", "acme/shop**"])
def test_a_pattern_that_cannot_be_meant_is_refused(config: Config, pattern: str) -> None:
    with pytest.raises(ConfigError):
        requeue(config, pattern)
