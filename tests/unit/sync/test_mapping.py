from __future__ import annotations

import pytest

from mirror.errors import ConfigError
from mirror.sync.mapping import Mapping, project_root


@pytest.mark.parametrize(
    ("project", "repository", "prefix", "expected"),
    [
        ("arctic-goal-676703", None, "gitlab", "arctic-goal-676703/gitlab/acme/shop/api"),
        ("arctic-goal-676703", None, "", "arctic-goal-676703/acme/shop/api"),
        ("example.com:proj", None, "gitlab", "example.com/proj/gitlab/acme/shop/api"),
        ("proj", "images", "a/b", "proj/images/a/b/acme/shop/api"),
        (None, None, "gitlab", "gitlab/acme/shop/api"),
        (None, None, "", "acme/shop/api"),
    ],
)
def test_a_path_goes_below_project_repository_and_prefix(
    project: str | None, repository: str | None, prefix: str, expected: str
) -> None:
    mapping = Mapping("eu.gcr.io", project_root(project, repository), prefix)
    assert mapping.target("acme/shop/api") == expected
    assert mapping.source("acme/shop/api") == "acme/shop/api"


def test_a_source_with_projects_is_read_below_its_own_root() -> None:
    mapping = Mapping("registry.gitlab.com", source_root=project_root("example.com:proj"))
    assert mapping.source("acme/shop") == "example.com/proj/acme/shop"
    assert mapping.target("acme/shop") == "acme/shop"


def test_a_target_that_no_client_could_name_is_refused() -> None:
    mapping = Mapping("eu.gcr.io", "proj", "p" * 200)
    assert mapping.target("a" * 39)
    with pytest.raises(ConfigError, match="256 characters with its host"):
        mapping.target("a" * 40)
    with pytest.raises(ConfigError, match="write 'proj/"):
        mapping.target("Acme")
