"""What the Docker Engine's push says, line by line."""

from __future__ import annotations

from typing import Any

import pytest

from mirror.errors import (
    ConnectFailed,
    Denied,
    MirrorError,
    NotFound,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from mirror.oci.auth import IDENTITY_TOKEN, Login
from mirror.oci.reference import Reference
from mirror.stores.engine import Layer, _auth_config, read, refusal

TARGET = Reference.parse("eu.gcr.io/acme/app:1.0")
DIGEST = f"sha256:{'0' * 64}"
ENDED = {"progressDetail": {}, "aux": {"Tag": "1.0", "Digest": DIGEST, "Size": 524}}


def test_a_push_ends_with_the_digest_that_the_registry_took() -> None:
    lines: list[dict[str, Any]] = [
        {"status": "The push refers to repository [eu.gcr.io/acme/app]"},
        {"status": "Preparing", "progressDetail": {}, "id": "c69ac7dd715c"},
        {"status": "Pushing", "progressDetail": {"current": 512, "total": 1536}, "id": "c69ac7dd715c"},
        {"status": "1.0: digest: whatever size: 524"},
        ENDED,
    ]
    seen: list[Layer] = []
    assert read(lines, TARGET, seen.append) == DIGEST
    assert seen == [Layer("c69ac7dd715c", 512, 1536)]


def test_an_error_inside_a_200_is_an_error() -> None:
    lines = [{"status": "Preparing", "id": "c6"}, {"errorDetail": {}, "error": "denied: no"}, ENDED]
    with pytest.raises(Denied, match=r"push eu\.gcr\.io/acme/app:1\.0: denied: no"):
        read(lines, TARGET, lambda _: None)


def test_a_push_that_ends_without_a_digest_is_none() -> None:
    with pytest.raises(Unsupported, match="without naming a digest"):
        read([{"status": "Pushed", "id": "c6"}], TARGET, lambda _: None)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ('Get "https://eu.gcr.io/v2/": dial tcp 10.0.0.1:443: connect: connection refused', ConnectFailed),
        ("dial tcp: lookup eu.gcr.io: no such host", ConnectFailed),
        ("net/http: TLS handshake timeout", TimedOut),
        ("context deadline exceeded", TimedOut),
        ("toomanyrequests: Quota exceeded", RateLimited),
        ("denied: gcr.io repo does not exist. Creating on push requires", NotFound),
        ('name unknown: Repository "gcr.io" not found', NotFound),
        ("failed to authorize: unexpected status from GET request: 403 Forbidden", Denied),
        ('denied: Permission "artifactregistry.repositories.uploadArtifacts" denied', Denied),
        ("unauthorized: authentication failed", Unauthorized),
        ("no basic auth credentials", Unauthorized),
        ("received unexpected HTTP status: 503 Service Unavailable", Unavailable),
        ("something nobody has seen before", Unavailable),
    ],
)
def test_the_words_of_the_engine_tell_what_it_is(said: str, kind: type[MirrorError]) -> None:
    error = refusal(said, TARGET)
    assert type(error) is kind
    assert said in str(error)


def test_what_may_pass_is_told_from_what_may_not() -> None:
    passing = {
        kind.__name__ for kind in (ConnectFailed, TimedOut, RateLimited, Unavailable) if kind.temporary
    }
    final = {kind.__name__ for kind in (Denied, NotFound, Unauthorized) if not kind.temporary}
    assert (len(passing), len(final)) == (4, 3)


def test_no_login_is_no_login_and_not_the_cached_one() -> None:
    """With None, docker-py would take what `docker login` has left on this machine."""
    assert _auth_config(None) == {}
    assert _auth_config(Login("ann", "secret")) == {"username": "ann", "password": "secret"}
    assert _auth_config(Login(IDENTITY_TOKEN, "secret")) == {"identitytoken": "secret"}
