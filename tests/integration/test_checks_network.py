"""What `check` finds between here and a registry."""

from __future__ import annotations

import ipaddress
import itertools
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mirror.checks.check import Finding, run
from mirror.checks.network import answers, dns, network, proxy, reachable, skew
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


def slow() -> Callable[[], float]:
    """A timer by which everything takes three seconds."""
    return itertools.count(0.0, 3.0).__next__


@contextmanager
def swallowing(address: str, port: int) -> Iterator[None]:
    """An address that answers no packet that opens a connection: its queue is full."""
    with ExitStack() as stack:
        hole = stack.enter_context(socket.socket(socket.AF_INET6))
        hole.bind((address, port))
        hole.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket(socket.AF_INET6))
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


def pasted(command: str) -> str:
    """What a command prints that a fix tells to run."""
    return subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout


@pytest.mark.finds("answers", "ok")
def test_a_registry_that_answers_passes(registry: GitLabRegistry) -> None:
    found = list(answers(place(registry.host)))
    assert [one.level for one in found] == ["ok"] * len(found)
    assert [one.check for one in found] == ["there: answers"]


@pytest.mark.finds("answers", "failed")
def test_one_that_does_not_fails_with_a_command_to_try(closed: str) -> None:
    finding = worst(answers(place(closed)))
    assert (finding.level, finding.fix) == (
        "failed",
        f"curl -v http://{closed}/v2/ # does anything answer?",
    )


class TestDns:
    """The name."""

    @pytest.mark.finds("dns", "ok")
    def test_one_that_resolves_passes(self) -> None:
        assert worst(dns(place("localhost"))).level == "ok"

    @pytest.mark.finds("dns", "failed")
    def test_one_that_does_not_fails(self) -> None:
        finding = worst(dns(place("registry.invalid")))
        assert (finding.level, "getent hosts registry.invalid" in finding.fix) == ("failed", True)

    @pytest.mark.finds("dns", "warning")
    def test_a_slow_name_server_is_a_warning(self) -> None:
        finding = worst(dns(replace(place("localhost"), timer=slow())))
        assert (finding.level, "time getent hosts localhost" in finding.fix) == ("warning", True)

    def test_a_name_server_that_never_answers_is_told_by_the_name_and_nothing_else_is(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        never = threading.Event()
        monkeypatch.setattr("mirror.checks.network.resolve", lambda _: never.wait(60))
        (finding,) = (one for one in run(network(place("registry.example")), 0.5) if one.level != "ok")
        never.set()
        assert (finding.check, finding.tried) == ("there: dns", "look up registry.example")
        assert finding.fix == "time getent hosts registry.example"

    def test_what_a_proxy_looks_up_is_not_looked_up_here(
        self, registry: GitLabRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", registry.url)
        assert worst(dns(place("registry.invalid"))).said == "left to the proxy"


class TestAddresses:
    """Addresses of both families take connections."""

    BOTH = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))

    @pytest.mark.finds("addresses", "ok")
    def test_they_do(self, registry: GitLabRegistry) -> None:
        assert worst(reachable(place(registry.host))).level == "ok"

    @pytest.mark.finds("addresses", "warning")
    def test_one_family_that_swallows_packets_is_a_warning_until_it_is_left_out(
        self, registry: GitLabRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with swallowing("::1", int(registry.host.rpartition(":")[2])):
            monkeypatch.setattr("mirror.checks.network.resolve", lambda _: list(self.BOTH))
            finding = worst(reachable(place(registry.host)))
            assert (finding.level, finding.said) == ("warning", "IPv6 swallows packets: ::1")
            assert finding.fix.endswith("| sudo tee -a /etc/gai.conf # IPv4 first")
            monkeypatch.setattr("mirror.checks.network.resolve", lambda _: list(self.BOTH[:1]))
            assert worst(reachable(place(registry.host))).level == "ok"

    def test_one_that_is_refused_at_once_costs_nothing(
        self, registry: GitLabRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mirror.checks.network.resolve", lambda _: list(self.BOTH))
        assert worst(reachable(place(registry.host))).level == "ok"


@pytest.mark.finds("answers", "warning")
def test_an_answer_that_takes_long_is_a_warning_with_a_command_that_shows_where(
    registry: GitLabRegistry,
) -> None:
    finding = worst(answers(replace(place(registry.host), timer=slow())))
    assert (finding.check, finding.level) == ("there: answers", "warning")
    shown = subprocess.run(["sh", "-c", finding.fix], check=True, capture_output=True, text=True)
    assert len(shown.stdout.split()) == 4


def test_something_else_than_a_registry_fails(registry: GitLabRegistry) -> None:
    registry.faults.add(answer_with(Response(404)), path="^/v2/$", times=None)
    assert worst(answers(place(registry.host))).level == "failed"


@pytest.mark.parametrize(
    ("off", "level"),
    [
        pytest.param({"seconds": 0}, "ok", marks=pytest.mark.finds("clock", "ok")),
        pytest.param({"seconds": 90}, "warning", marks=pytest.mark.finds("clock", "warning", "ok")),
        pytest.param({"hours": -2}, "failed", marks=pytest.mark.finds("clock", "failed", "ok")),
    ],
)
def test_the_clock_is_compared_with_the_registrys(
    registry: GitLabRegistry, off: dict[str, float], level: str
) -> None:
    registry.faults.add(headers(Date=date_off_by(**off)), path="^/v2/$", times=1)
    finding = worst(answers(place(registry.host)))
    assert finding.level == level
    if level != "ok":
        assert finding.fix == "timedatectl set-ntp true"
        registry.faults.add(headers(Date=date_off_by(seconds=0)), path="^/v2/$", times=1)
        assert worst(answers(place(registry.host))).level == "ok", "once both clocks agree"


def test_a_date_that_is_none_says_nothing() -> None:
    assert skew("yesterday", datetime.now(UTC)) is None
    assert skew(None, datetime.now(UTC)) is None


class TestTls:
    """The certificate."""

    @pytest.fixture
    def registry(self, authority: Authority, request: pytest.FixtureRequest) -> Iterator[GitLabRegistry]:
        name, days = request.param
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server = authority.server(name, lasts=timedelta(days=days))
        context.load_cert_chain(server.certificate, server.key)
        with GitLabRegistry(tls=context) as registry:
            yield registry

    def look(self, registry: GitLabRegistry, authority: Authority | None) -> Finding:
        file = str(authority.file) if authority else None
        found = answers(place(registry.host, insecure=False, ca_file=file))
        return worst(one for one in found if one.check == "there: tls")

    @pytest.mark.parametrize("registry", [("127.0.0.1", 15)], indirect=True)
    @pytest.mark.finds("tls", "ok", "failed")
    def test_a_private_authority_fails_until_it_is_named(
        self, registry: GitLabRegistry, authority: Authority
    ) -> None:
        finding = self.look(registry, None)
        assert (finding.level, "ca_file" in finding.fix) == ("failed", True)
        assert "Test authority" in pasted(finding.fix)
        assert self.look(registry, authority).level == "ok"

    @pytest.mark.parametrize("registry", [("127.0.0.1", 13)], indirect=True)
    @pytest.mark.finds("tls", "warning")
    def test_one_that_ends_within_two_weeks_is_a_warning(
        self, registry: GitLabRegistry, authority: Authority
    ) -> None:
        finding = self.look(registry, authority)
        assert (finding.level, finding.said.endswith(" in 12 days")) == ("warning", True)
        assert pasted(finding.fix).startswith("notAfter=")

    @pytest.mark.parametrize("registry", [("127.0.0.1", -1)], indirect=True)
    def test_one_that_has_ended_fails_and_is_not_taken_for_an_unknown_authority(
        self, registry: GitLabRegistry, authority: Authority
    ) -> None:
        finding = self.look(registry, authority)
        assert (finding.level, "has ended" in finding.cause) == ("failed", True)
        assert "notAfter=" in pasted(finding.fix)

    @pytest.mark.parametrize("registry", [("registry.example.com", 15)], indirect=True)
    def test_one_of_another_name_fails_and_the_command_shows_the_name(
        self, registry: GitLabRegistry, authority: Authority
    ) -> None:
        finding = self.look(registry, authority)
        assert (finding.level, "another name" in finding.cause) == ("failed", True)
        assert "DNS:registry.example.com" in pasted(finding.fix)


def test_plain_http_on_the_port_of_tls_is_told(registry: GitLabRegistry) -> None:
    finding = worst(answers(place(registry.host, insecure=False)))
    assert (finding.check, finding.level, "insecure: true" in finding.fix) == ("there: tls", "failed", True)
    assert worst(answers(place(registry.host, insecure=True))).level == "ok"


def test_a_token_service_on_another_host_must_be_reachable_too(registry: GitLabRegistry, closed: str) -> None:
    challenge = f'Bearer realm="http://{closed}/jwt/auth",service="container_registry"'
    registry.faults.add(headers(WWW_Authenticate=challenge), path="^/v2/$", times=1)
    finding = worst(answers(place(registry.host)))
    assert (finding.level, finding.tried) == ("failed", f"GET http://{closed}/jwt/auth")


@pytest.mark.finds("token service", "ok", "failed")
def test_a_token_service_that_is_down_fails(registry: GitLabRegistry) -> None:
    with GitLabRegistry() as other:
        challenge = f'Bearer realm="{other.realm}",service="container_registry"'
        registry.faults.add(headers(WWW_Authenticate=challenge), path="^/v2/$", times=2)
        other.faults.add(answer_with(Response(502)), times=1)
        assert worst(answers(place(registry.host))).level == "failed"
        assert worst(answers(place(registry.host))).level == "ok"


@pytest.mark.finds("token service", "warning")
def test_a_token_service_that_takes_long_is_a_warning(registry: GitLabRegistry) -> None:
    with GitLabRegistry() as other:
        challenge = f'Bearer realm="{other.realm}",service="container_registry"'
        registry.faults.add(headers(WWW_Authenticate=challenge), path="^/v2/$", times=1)
        timer = iter((0.0, 0.1, 1.0, 4.0)).__next__
        finding = worst(answers(replace(place(registry.host), timer=timer)))
    assert (finding.check, finding.level) == ("there: token service", "warning")


class TestProxy:
    """The proxy of the environment."""

    @pytest.mark.finds("proxy", "ok")
    def test_none_passes(self, registry: GitLabRegistry) -> None:
        assert worst(proxy(place(registry.host))).said == "none"

    def test_one_that_takes_connections_passes(
        self, registry: GitLabRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", registry.url)
        finding = worst(proxy(place("registry.invalid")))
        assert (finding.level, finding.said) == ("ok", registry.host)

    @pytest.mark.finds("proxy", "warning")
    def test_a_password_in_the_environment_is_a_warning_and_not_repeated(
        self, registry: GitLabRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", registry.url.replace("://", "://ann:hush@"))
        finding = worst(proxy(place("registry.invalid")))
        assert finding.level == "warning"
        assert "hush" not in str(finding)

    @pytest.mark.finds("proxy", "failed", "ok")
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
    (finding,) = (one for one in found if one.level == "failed")
    assert (finding.check, finding.said) == ("there: answers", "no answer in time")
    assert finding.fix == f"curl -v --max-time 10 http://{host}/v2/"
