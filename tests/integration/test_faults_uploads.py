"""A target that breaks while a blob is sent, refuses to mount, or says oddly where to send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mirror.demo import faults, images
from mirror.demo.distribution import OciRegistry
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.messages import Effect, Request, Response
from mirror.demo.rules import GOOGLE, Rules
from mirror.demo.server import Server
from mirror.oci.registry import Powers
from mirror.transport.retry import Policy
from tests.servers.embedded import PATH, Embedded

BLOB = images.layer("big", 1_000_000, "none")
OTHER = "acme/other"


@pytest.fixture
def filled(both: Embedded) -> Embedded:
    """One image with a big layer at the source."""
    both.at_source(images.image("one", [BLOB]), "1.0")
    return both


def reads(both: Embedded) -> list[str]:
    """The Range of each read of the big layer."""
    assert isinstance(both.source, GitLabRegistry)
    wanted = [seen for seen in both.source.objects.requests if BLOB.digest.hex in seen.path]
    return [seen.headers.get("range", "") for seen in wanted]


@pytest.mark.parametrize("after", [0, 1, 300_000, 900_000])
def test_an_upload_that_breaks_is_replayed_from_the_first_byte_into_a_new_session(
    filled: Embedded, after: int
) -> None:
    filled.target.faults.add(faults.reset_upload(after), "PUT", f"/uploads/.*{BLOB.digest}")
    report = filled.run()
    assert not report.failed, report.failed[0].message
    assert reads(filled) == ["", ""]
    assert filled.target.count("POST", "/uploads/") == 3, "config, layer, layer again"
    assert filled.broken() == []


def test_an_upload_that_always_breaks_is_given_up_and_not_tagged(filled: Embedded) -> None:
    filled.target.faults.add(faults.reset_upload(1000), "PUT", f"/uploads/.*{BLOB.digest}", times=None)
    report = filled.run()
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("1.0", "unreachable")]
    assert len(reads(filled)) == Policy().attempts
    assert filled.names() == {}


def test_a_refusal_in_the_middle_of_an_upload_is_heard(filled: Embedded) -> None:
    refused = faults.refuse(413, "SIZE_INVALID", "blob is too large for this project")
    filled.target.faults.add(refused, "PUT", f"/uploads/.*{BLOB.digest}")
    report = filled.run()
    assert [failure.tag for failure in report.failed] == ["1.0"]
    assert "too large for this project" in report.failed[0].message
    assert len(reads(filled)) == 1


def test_a_token_that_ends_before_an_upload_is_renewed(filled: Embedded) -> None:
    refused = faults.refuse(401, "UNAUTHORIZED", "token expired")
    filled.target.faults.add(refused, "PUT", f"/uploads/.*{BLOB.digest}")
    report = filled.run()
    assert not report.failed, report.failed[0].message
    assert filled.target.count("GET", "/v2/token") == 2


@pytest.mark.parametrize(("status", "reason"), [(401, "denied"), (404, "not_found")])
def test_an_upload_that_is_refused_twice_is_not_sent_a_third_time(
    filled: Embedded, status: int, reason: str
) -> None:
    refused = faults.refuse(status, "UNKNOWN", "no")
    filled.target.faults.add(refused, "PUT", f"/uploads/.*{BLOB.digest}", times=None)
    report = filled.run()
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("1.0", reason)]
    assert len(reads(filled)) == 2


def test_a_session_that_is_gone_is_opened_anew(filled: Embedded) -> None:
    gone = faults.refuse(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    filled.target.faults.add(gone, "PUT", f"/uploads/.*{BLOB.digest}")
    report = filled.run()
    assert not report.failed, report.failed[0].message


MOUNT = r"/uploads/\?mount=.*&from="
REFUSALS: dict[str, Effect] = {
    "400": faults.refuse(400, "UNSUPPORTED", "cross repository mount is not supported"),
    "401": faults.refuse(401, "UNAUTHORIZED", "authentication required"),
    "403": faults.refuse(403, "DENIED", "not this one"),
    "404": faults.refuse(404, "NAME_UNKNOWN", "unknown"),
    "405": faults.refuse(405, "UNSUPPORTED", "no"),
    "500": faults.unavailable(500),
    "503": faults.unavailable(503),
    "429": faults.too_many(),
    "reset": faults.reset(),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_mount_that_is_refused_is_followed_by_an_upload(both: Embedded, refusal: str) -> None:
    both.at_source(images.image("one", [BLOB]), "1.0")
    both.at_source(images.image("other", [BLOB]), "1", path=OTHER)
    fault = both.target.faults.add(REFUSALS[refusal], "POST", MOUNT, times=None)
    report = both.run(PATH, OTHER)
    assert both.target.faults.happened(fault) >= 1
    assert not report.failed, report.failed[0].message
    assert (both.broken(PATH), both.broken(OTHER)) == ([], [])
    assert report.blobs["mounted"] == 0


def test_a_mount_that_opens_a_session_instead_is_sent_into_that_session(
    embed: Callable[..., Embedded],
) -> None:
    both = embed(None, GoogleRegistry(rules=replace(GOOGLE, mounts=False)))
    both.at_source(images.image("one", [BLOB]), "1.0")
    both.at_source(images.image("other", [BLOB]), "1", path=OTHER)
    report = both.run(PATH, OTHER)
    assert not report.failed
    assert both.target.count("POST", "/uploads/") == both.target.count("PUT", "/uploads/") == 4
    assert both.target.storage.open_uploads == 0


@pytest.mark.parametrize("refusal", ["400", "401", "500"])
def test_a_registry_that_never_mounts_is_soon_not_asked_to(
    embed: Callable[..., Embedded], refusal: str
) -> None:
    both = embed(images=1, blobs=1)
    fault = both.target.faults.add(REFUSALS[refusal], "POST", MOUNT, times=None)
    for number in range(10):
        both.at_source(images.image(f"{number}"), f"{number}")
    assert not both.run().failed
    assert both.target.faults.happened(fault) <= 2 * Powers.MOST_REFUSED_MOUNTS


def test_too_many_requests_for_mounts_do_not_end_mounting(both: Embedded) -> None:
    both.at_source(images.image("one", [BLOB]), "1.0")
    both.run()
    both.target.faults.add(faults.too_many(), "POST", MOUNT, times=4)
    for number in range(8):
        both.at_source(images.image(f"other {number}", [BLOB]), "1", path=f"{OTHER}{number}")
    report = both.run(PATH, *(f"{OTHER}{number}" for number in range(8)))
    assert not report.failed
    assert report.blobs["mounted"] >= 4 - 1


class Basic(OciRegistry):
    """Asks for a user and a password with every request; refuses to mount with 401, as some do."""

    def refused(self, request: Request, wanted: object) -> Response | None:
        if "authorization" in request.headers and not request.first("from"):
            return None
        return Response(401, {"WWW-Authenticate": 'Basic realm="here"'})


def test_a_mount_refused_with_401_does_not_make_the_login_a_refused_one(
    embed: Callable[..., Embedded],
) -> None:
    both = embed(None, Basic(), login={"username": "mirror", "password_env": "GITLAB_TOKEN"})
    both.at_source(images.image("one", [BLOB]), "1.0")
    both.at_source(images.image("other", [BLOB]), "1", path=OTHER)
    report = both.run(PATH, OTHER)
    assert not report.failed, report.failed[0].message


ODD = [
    (GoogleRegistry, GOOGLE),
    (OciRegistry, Rules()),
]


@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
@pytest.mark.parametrize(("kind", "rules"), ODD, ids=["path", "query"])
def test_a_location_of_six_kilobytes_comes_back_to_the_letter(
    embed: Callable[..., Embedded], kind: type[OciRegistry], rules: Rules, absolute: bool
) -> None:
    both = embed(None, kind(rules=replace(rules, absolute=absolute, padding=6000)))
    both.at_source(images.image("one", [BLOB]), "1.0")
    report = both.run()
    assert not report.failed, report.failed[0].message
    assert both.broken() == []


class Elsewhere(Server):
    """Another host that takes the bytes."""

    def answer(self, request: Request) -> Response:
        while request.body.read():
            pass
        return Response(201)


def test_the_login_does_not_travel_to_another_host_that_takes_the_bytes(filled: Embedded) -> None:
    with Elsewhere() as elsewhere:
        moved = faults.headers(Location=f"{elsewhere.url}/uploads/1?state=x")
        filled.target.faults.add(moved, "POST", "/uploads/", times=None)
        report = filled.run()
        assert report.failed, "the registry has not got the blobs"
        assert elsewhere.count("PUT") >= 2
        assert all("authorization" not in seen.headers for seen in elsewhere.requests)
        assert all(seen.query["state"] == ("x",) for seen in elsewhere.requests)


@pytest.mark.parametrize(
    ("location", "reason", "said"),
    [
        ("http://169.254.169.254/upload", "forbidden_address", "link-local"),
        ("file:///tmp/upload", "forbidden_address", "not an http"),
        ("", "unsupported", "without saying where"),
    ],
)
def test_a_location_that_leads_nowhere_good_is_refused(
    filled: Embedded, location: str, reason: str, said: str
) -> None:
    filled.target.faults.add(faults.headers(Location=location), "POST", "/uploads/", times=None)
    report = filled.run()
    assert [failure.reason for failure in report.failed] == [reason]
    assert said in report.failed[0].message
