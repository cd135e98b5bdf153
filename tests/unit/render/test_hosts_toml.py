from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from mirror.errors import ConfigError
from mirror.oci.auth import Login
from mirror.render.hosts_toml import Node, hosts_toml
from mirror.render.relocation import Relocation
from mirror.sync.mapping import Mapping
from mirror.sync.patterns import Patterns

SHOP = Relocation(
    "shop", "registry.example", Mapping("eu.gcr.io", "proj", "gitlab"), Patterns.parse(["acme/**"])
)
NODE = Node("https://registry.example", "https://eu.gcr.io")


def test_the_origin_is_first_and_each_side_has_a_table_of_its_own() -> None:
    read = tomllib.loads(hosts_toml([SHOP], NODE))
    assert read["server"] == "https://registry.example"
    assert list(read["host"].items()) == [
        ("https://registry.example", {"capabilities": ["pull", "resolve"], "dial_timeout": "2s"}),
        (
            "https://eu.gcr.io/v2/proj/gitlab",
            {"capabilities": ["pull", "resolve"], "override_path": True, "dial_timeout": "2s"},
        ),
    ]


def test_a_login_is_written_only_when_given_and_with_its_warning() -> None:
    without = hosts_toml([SHOP], NODE)
    assert "Authorization" not in without
    assert "Not for Google" in without
    with_login = hosts_toml([SHOP], replace(NODE, login=Login("_json_key", "secret")))
    host = tomllib.loads(with_login)["host"]["https://eu.gcr.io/v2/proj/gitlab"]
    assert host["header"] == {"Authorization": [Login("_json_key", "secret").basic]}
    assert "EVERY pod of the node" in with_login
    assert "https://eu.gcr.io/v2/proj/gitlab/NAME/manifests/TAG" in with_login


def test_what_was_measured_is_said() -> None:
    text = hosts_toml([SHOP], NODE)
    for words in ("1.6 does not know dial_timeout", "30 s", "403 or 404", "Without a [host] table"):
        assert words in text


def test_names_that_containerd_cannot_map_are_refused_with_what_can() -> None:
    with pytest.raises(ConfigError, match="name a --mirror"):
        hosts_toml([SHOP, replace(SHOP, mapping=SHOP.mapping._replace(prefix="other"))], NODE)
    with pytest.raises(ConfigError, match="failover-policy"):
        hosts_toml([replace(SHOP, mapping=SHOP.mapping._replace(source_root="proj"))], NODE)
