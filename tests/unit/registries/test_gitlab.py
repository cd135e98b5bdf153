"""GitLab's own list of tags, and what happens where GitLab has none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mirror.bootstrap.connection import connect
from mirror.demo import images
from mirror.demo.gitlab import GitLabRegistry
from mirror.errors import Denied, Unsupported
from mirror.events import ignore
from mirror.oci.auth import Fixed, Login
from mirror.oci.content import Listing
from mirror.oci.registry import Registry
from mirror.registries.gitlab import GitLab, tags
from mirror.registries.gitlab_rest import Rest
from tests.servers.waiting import Skipping

PATH = "acme/app"
SCOPES = (f"repository:{PATH}:pull",)


@pytest.fixture(params=[True, False], ids=["database", "no-database"])
def gitlab(request: pytest.FixtureRequest) -> Iterator[GitLabRegistry]:
    with GitLabRegistry(users={"mirror": "secret"}, database=request.param) as registry:
        yield registry


def reached(gitlab: GitLabRegistry) -> Registry:
    login = Fixed(Login("mirror", "secret"))
    return connect(gitlab.host, login, observe=ignore, clock=Skipping(), insecure=True)


def listed(gitlab: GitLabRegistry, registry: Registry | None = None) -> Listing:
    return tags(registry or reached(gitlab), PATH, SCOPES)


def test_its_own_list_tells_digests_times_sizes_and_referrers(gitlab: GitLabRegistry) -> None:
    image = images.signed(images.image("one"))
    image.store(gitlab.storage.repository(PATH), "1.0")
    gitlab.storage.repository(PATH).date("1.0", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    (tag,) = listed(gitlab).tags.values()
    assert tag.name == "1.0"
    if gitlab.database:
        assert (tag.digest, tag.published) == (image.digest, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        assert [one.digest for one in tag.referrers] == [image.referrers[0].digest]
        assert tag.media_type == image.media_type
    else:
        assert (tag.digest, tag.published, tag.referrers) == (None, None, ())


def test_only_a_list_that_tells_referrers_says_so(gitlab: GitLabRegistry) -> None:
    images.image("one").store(gitlab.storage.repository(PATH), "1.0")
    assert listed(gitlab).tells_referrers is gitlab.database


def test_a_repository_that_is_not_there_is_no_empty_one(gitlab: GitLabRegistry) -> None:
    assert listed(gitlab).exists is False
    gitlab.storage.repository(PATH)
    assert listed(gitlab).exists is True


def test_whether_there_is_a_database_is_found_out_once(gitlab: GitLabRegistry) -> None:
    images.image("one").store(gitlab.storage.repository(PATH), "1.0")
    registry = reached(gitlab)
    for _ in range(3):
        listed(gitlab, registry)
    assert gitlab.count("GET", "/gitlab/v1/") == (3 if gitlab.database else 2)
    assert gitlab.count("GET", "^/v2/.*/tags/list") == (0 if gitlab.database else 3)


def test_a_repository_without_the_right_to_it_is_denied_not_empty(gitlab: GitLabRegistry) -> None:
    gitlab.users = {"mirror": gitlab.users["mirror"].__class__("secret", pull=("other/*",))}
    with pytest.raises(Denied, match="repository:acme/app:pull"):
        listed(gitlab)


def rest(gitlab: GitLabRegistry, api_url: str | None = None) -> Rest:
    return Rest(api_url or gitlab.api_url, lambda: "secret", reached(gitlab), ignore)


def test_kinds_are_asked_for_by_their_path(gitlab: GitLabRegistry) -> None:
    for path in ("acme/app", "acme/deep/er/app"):
        gitlab.storage.repository(path)
    assert rest(gitlab).repositories("groups", "acme") == ["acme/app", "acme/deep/er/app"]
    assert rest(gitlab).repositories("projects", "acme/app") == ["acme/app"]
    assert rest(gitlab).repositories("groups", "nobody") is None


def test_many_pages_are_all_read(gitlab: GitLabRegistry) -> None:
    for number in range(250):
        gitlab.storage.repository(f"acme/app{number:03}")
    assert len(rest(gitlab).repositories("groups", "acme") or ()) == 250
    assert gitlab.count("GET", "/api/v4/") == 3


def test_everything_of_an_instance_is_too_much_to_ask_for(gitlab: GitLabRegistry) -> None:
    with pytest.raises(Unsupported, match="begin the pattern with a group or project"):
        GitLab(gitlab.api_url, lambda: "secret").discover(reached(gitlab), "")
