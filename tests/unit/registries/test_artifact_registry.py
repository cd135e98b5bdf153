"""Hosts, paths and projects map to Artifact Registry's resources."""

from __future__ import annotations

import pytest

from mirror.errors import ConfigError
from mirror.registries.artifact_registry import Home, is_google


@pytest.mark.parametrize(
    ("host", "resource", "bucket"),
    [
        ("gcr.io", "projects/shop/locations/us/repositories/gcr.io", "artifacts.shop.appspot.com"),
        ("us.gcr.io", "projects/shop/locations/us/repositories/us.gcr.io", "us.artifacts.shop.appspot.com"),
        (
            "eu.gcr.io",
            "projects/shop/locations/europe/repositories/eu.gcr.io",
            "eu.artifacts.shop.appspot.com",
        ),
        (
            "asia.gcr.io",
            "projects/shop/locations/asia/repositories/asia.gcr.io",
            "asia.artifacts.shop.appspot.com",
        ),
    ],
)
def test_a_gcr_host_is_a_repository_at_its_fixed_location(host: str, resource: str, bucket: str) -> None:
    home = Home.of(host, "shop")
    assert (home.resource, home.legacy_bucket, home.path) == (resource, bucket, "shop")
    assert home.gcr


def test_a_pkg_dev_host_names_its_location_and_never_had_a_bucket() -> None:
    home = Home.of("europe-west1-docker.pkg.dev", "shop", "images")
    assert home.resource == "projects/shop/locations/europe-west1/repositories/images"
    assert (home.path, home.legacy_bucket, home.gcr) == ("shop/images", None, False)


def test_a_pkg_dev_host_without_a_repository_is_refused() -> None:
    with pytest.raises(ConfigError, match="say which one"):
        Home.of("europe-west1-docker.pkg.dev", "shop")


def test_another_host_is_refused_with_the_ones_to_write() -> None:
    with pytest.raises(ConfigError, match=r"write gcr\.io, us\.gcr\.io, eu\.gcr\.io"):
        Home.of("registry.gitlab.com", "shop")


def test_a_domains_project_has_a_colon_as_a_name_and_a_slash_in_paths() -> None:
    home = Home.of_path("eu.gcr.io", "example.com/shop/api")
    assert home == Home.of("eu.gcr.io", "example.com:shop")
    assert home.path == "example.com/shop"
    assert home.legacy_bucket == "eu.artifacts.shop.example.com.a.appspot.com"


@pytest.mark.parametrize(
    ("host", "path"), [("quay.io", "a/b"), ("us-docker.pkg.dev", "shop"), ("gcr.io", "")]
)
def test_a_path_that_is_not_googles_has_no_home(host: str, path: str) -> None:
    assert Home.of_path(host, path) is None


def test_google_hosts_are_known_by_name() -> None:
    assert is_google("eu.gcr.io")
    assert is_google("asia-east1-docker.pkg.dev")
    assert not is_google("gcr.io.example.com")
