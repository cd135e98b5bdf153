"""What `check` finds between here and a registry."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mirror.checks.check import run
from mirror.checks.network import answers, network, proxy, skew
from mirror.demo.faults import answer_with, headers
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.messages import Response
from tests.servers.certificates import Authority
from tests.servers.places import place, worst


@pytest.fixture
def registry() -> Iterator[GitLabRegistry]:
    with GitLabRegistry() as registry:
        yield registry


@pytest.fixture
def closed() -> Iterator[str]:
    """A port at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def date_off_by(**time: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(**time), usegmt=True)


def test_a_registry_that_answers_passes(registry: GitLabRegistry) -> None:
    found = list(answers(place(registry.host)))
    assert [one.level for one in found] == ["ok"] * len(found)
    assert [one.tried.split()[0] for one in found] == ["look", "GET"]


def test_one_that_does_not_fails_with_a_command_to_try(closed: str) -> None:
    finding = worst(answers(place(closed)))
    assert (finding.level, finding.fix) == (
        "failed",
        f"see whether anything answers there: curl -v http://{closed}/v2/",
    )


def test_a_name_that_does_not_resolve_fails() -> None:
    finding = worst(answers(place("registry.invalid")))
    assert (finding.level, "getent hosts registry.invalid" in finding.fix) == ("failed", True)


def test_something_else_than_a_registry_fails(registry: GitLabRegistry) -> None:
    registry.faults.add(answer_with(Response(404)), path="^/v2/$", times=None)
    assert worst(answers(place(registry.host))).level == "failed"


@pytest.mark.parametrize(
    ("off", "level"), [({"seconds": 0}, "ok"), ({"seconds": 90}, "warning"), ({"hours": -2}, "failed")]
)
def test_the_clock_is_compared_with_the_registrys(
    registry: GitLabRegistry, off: dict[str, float], level: str
) -> None:
    registry.faults.add(headers(Date=date_off_by(**off)), path="^/v2/$", times=1)
    finding = worst(answers(place(registry.host)))
    assert finding.level == level
    if level != "ok":
        assert finding.fix == "timedatectl set-ntp true"
        assert worst(answers(place(registry.host))).level == "ok", "once both clocks agree"


def test_a_date_that_is_none_says_nothing() -> None:
    assert skew("yesterday", datetime.now(UTC)) is None
    assert skew(None, datetime.now(UTC)) is None


def test_a_private_authority_fails_until_it_is_named(authority: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = authority.server("127.0.0.1")
    context.load_cert_chain(server.certificate, server.key)
    with GitLabRegistry(tls=context) as registry:
        finding = worst(answers(place(registry.host, insecure=False)))
        assert (finding.level, "ca_file" in finding.fix) == ("failed", True)
        named = place(registry.host, insecure=False, ca_file=str(authority.file))
        assert worst(answers(named)).level == "ok"


def test_plain_http_on_the_port_of_tls_is_told(registry: GitLabRegistry) -> None:
    finding = worst(answers(place(registry.host, insecure=False)))
    assert (finding.level, "insecure: true" in finding.fix) == ("failed", True)
    assert worst(answers(place(registry.host, insecure=True))).level == "ok"


def test_a_token_service_on_another_host_must_be_reachable_too(registry: GitLabRegistry, closed: str) -> None:
    challenge = f'Bearer realm="http://{closed}/jwt/auth",service="container_registry"'
    registry.faults.add(headers(WWW_Authenticate=challenge), path="^/v2/$", times=1)
    finding = worst(answers(place(registry.host)))
    assert (finding.level, finding.tried) == ("failed", f"GET http://{closed}/jwt/auth")


def test_a_token_service_that_is_down_fails(registry: GitLabRegistry) -> None:
    with GitLabRegistry() as other:
        challenge = f'Bearer realm="{other.realm}",service="container_registry"'
        registry.faults.add(headers(WWW_Authenticate=challenge), path="^/v2/$", times=2)
        other.faults.add(answer_with(Response(502)), times=1)
        assert worst(answers(place(registry.host))).level == "failed"
        assert worst(answers(place(registry.host))).level == "ok"


class TestProxy:
    """The proxy of the environment."""

    def test_none_passes(self, registry: GitLabRegistry) -> None:
        assert worst(proxy(place(registry.host))).said == "none"

    def test_one_that_takes_connections_passes(
        self, registry: GitLabRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", registry.url)
        finding = worst(proxy(place("registry.invalid")))
        assert (finding.level, finding.said) == ("ok", registry.host)

    def test_a_password_in_the_environment_is_a_warning_and_not_repeated(
        self, registry: GitLabRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", registry.url.replace("://", "://ann:hush@"))
        finding = worst(proxy(place("registry.invalid")))
        assert finding.level == "warning"
        assert "hush" not in str(finding)

    def test_one_that_is_not_there_fails_until_the_fix(
        self, closed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", f"http://{closed}")
        finding = worst(proxy(place("registry.invalid")))
        assert (finding.level, finding.fix) == ("failed", "export no_proxy=registry.invalid")
        monkeypatch.setenv("no_proxy", "registry.invalid")
        assert worst(proxy(place("registry.invalid"))).level == "ok"


def test_a_host_that_swallows_everything_is_told_in_time() -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        host = f"127.0.0.1:{hole.getsockname()[1]}"
        found = run(network(place(host)), deadline=1.5)
    assert [one.said for one in found if one.level == "failed"] == ["no answer in time"]
