"""No password, key, token or signature is in any event, report, log or error, whatever registries do."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable

import pytest

from mirror.demo import faults, images
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.messages import Answer, Effect, Request, Response
from mirror.errors import MirrorError
from mirror.oci.descriptor import Descriptor
from tests.servers.embedded import PATH, Embedded
from tests.servers.secrets import Secrets, echo

BLOB = images.layer("one")


def signed_elsewhere(place: str) -> Effect:
    """A redirect with a good signature to a bad place."""

    def effect(_request: Request, answer: Answer) -> Response:
        query = answer().headers["Location"].partition("?")[2]
        return Response(307, {"Location": f"{place}?{query}"})

    return effect


SIGNED = {
    "refused": signed_elsewhere("http://127.0.0.1:1/bucket"),
    "unknown": signed_elsewhere("http://no.such.name.invalid/bucket"),
    "forbidden": signed_elsewhere("http://169.254.169.254/bucket"),
    "no-url": signed_elsewhere("http://[bucket"),
    "no-port": signed_elsewhere("http://127.0.0.1:x/bucket"),
    "spaces": signed_elsewhere("http://127.0.0.1:1/buck et\x01"),
}
TROUBLES: dict[str, tuple[str, str, str, Effect]] = {
    **{f"signed-{name}": ("source", "GET", "/blobs/", effect) for name, effect in SIGNED.items()},
    **{
        f"echo-{side}-{name}-{status}{code}": (side, method, path, echo(status, code))
        for side, name, method, path in [
            ("source", "token", "GET", "/jwt/auth"),
            ("source", "list", "GET", "/gitlab/v1/"),
            ("source", "manifest", "GET", "/manifests/"),
            ("source", "blob", "GET", "/blobs/"),
            ("target", "token", "GET", "/v2/token"),
            ("target", "list", "GET", "/tags/list"),
            ("target", "upload", "PUT", "/uploads/"),
            ("target", "manifest", "PUT", "/manifests/"),
        ]
        for status, code in [(400, "UNKNOWN"), (403, ""), (401, "UNAUTHORIZED")]
    },
    "token-as-text": ("target", "GET", "/v2/token", echo(200)),
    "list-as-text": ("source", "GET", "/gitlab/v1/", echo(200)),
    "wrong-bytes": ("source", "GET", "/manifests/", faults.wrong_bytes()),
}


@pytest.fixture
def secrets(both: Embedded) -> Secrets:
    return Secrets(both)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_event_report_or_log_of_a_pass_gives_a_secret_away(
    both: Embedded, secrets: Secrets, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    side, method, path, effect = TROUBLES[trouble]
    both.at_source(images.image("one", [BLOB]), "1.0")
    getattr(both, side).faults.add(effect, method, path, times=None)
    with caplog.at_level(logging.DEBUG):
        report = both.run()
    assert report.failed
    said = "\n".join([*map(repr, both.events), json.dumps(report.as_json()), repr(report), caplog.text])
    assert secrets.in_text(said) == []


@pytest.mark.parametrize("trouble", [name for name in TROUBLES if "source" in name or "signed" in name])
def test_no_error_gives_a_secret_away_with_all_that_caused_it(
    both: Embedded, secrets: Secrets, trouble: str
) -> None:
    _, method, path, effect = TROUBLES[trouble]
    image = both.at_source(images.image("one", [BLOB]), "1.0")
    both.source.faults.add(effect, method, path, times=None)
    source = both.site("acme/app").repository("source", PATH)
    blob = Descriptor.from_json(BLOB.descriptor)
    raised = []
    for action in (source.tags, lambda: source.manifest(image.digest), lambda: source.open(blob).__enter__()):
        try:
            action()
        except MirrorError as error:
            raised.append(error)
    assert raised
    for error in raised:
        said = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        assert secrets.in_text(said) == []


def test_a_pass_that_goes_well_logs_no_secret_either(
    both: Embedded, secrets: Secrets, caplog: pytest.LogCaptureFixture
) -> None:
    both.at_source(images.image("one", [BLOB]), "1.0", path="acme/group/app")
    with caplog.at_level(logging.DEBUG):
        assert not both.run("acme/group/**").failed
    assert isinstance(both.source, GitLabRegistry)
    assert len(secrets.all()) > 5, "there was something to give away"
    assert secrets.in_text(caplog.text) == []


@pytest.mark.parametrize("make", [lambda secrets: secrets.all(), lambda _: ["x" * 40]])
def test_the_search_finds_what_it_looks_for(
    both: Embedded, secrets: Secrets, make: Callable[[Secrets], list[str]]
) -> None:
    both.at_source(images.image("one", [BLOB]), "1.0")
    both.run()
    for secret in make(secrets):
        assert bool(secrets.in_text(f"said: {secret[:30]}")) == (secret in secrets.all())
