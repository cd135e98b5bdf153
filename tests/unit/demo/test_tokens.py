"""Tokens grant what was asked, to those who may, for as long as they say."""

from __future__ import annotations

from dataclasses import replace

import jwt
import pytest

from mirror.demo.access import Access, Account
from mirror.demo.tokens import TokenService, certificate_pem, private_key_pem

PULL = Access.to("acme/api", "pull")


def test_a_token_grants_what_it_was_minted_with() -> None:
    service = TokenService("issuer", "registry")
    granted = service.verify(service.mint("me", [PULL, Access.to("b", "pull", "push")]))
    assert granted == [PULL, Access.to("b", "pull", "push")]


def test_a_token_ends_with_its_lifetime() -> None:
    service = TokenService("issuer", "registry", 5, now=lambda: 1000.9)
    token = service.mint("me", [PULL])
    assert replace(service, now=lambda: 1004.9).verify(token) == [PULL]
    assert replace(service, now=lambda: 1005).verify(token) is None


def test_a_lifetime_may_be_less_than_a_second() -> None:
    service = TokenService("issuer", "registry", 0.25, now=lambda: 1000.5)
    token = service.mint("me", [PULL])
    assert replace(service, now=lambda: 1000.7).verify(token) == [PULL]
    assert replace(service, now=lambda: 1000.8).verify(token) is None


def test_times_are_whole_numbers_as_real_registries_read_no_others() -> None:
    service = TokenService("issuer", "registry", 5, now=lambda: 1000.9)
    claims = jwt.decode(service.mint("me"), options={"verify_signature": False})
    assert (claims["iat"], claims["nbf"], claims["exp"]) == (1000, 995, 1005)
    assert {type(claims[name]) for name in ("iat", "nbf", "exp")} == {int}


def test_a_backdated_token_keeps_its_lifetime() -> None:
    service = TokenService("issuer", "registry", 5, backdate=60, now=lambda: 1000.0)
    claims = jwt.decode(service.mint("me"), options={"verify_signature": False})
    assert (claims["exp"], claims["exp"] - claims["iat"]) == (945, 5)


@pytest.mark.parametrize(
    "other", [TokenService("someone", "registry"), TokenService("issuer", "another registry")]
)
def test_a_token_of_someone_else_is_refused(other: TokenService) -> None:
    service = TokenService("issuer", "registry")
    assert service.verify(service.mint("me")) == []
    assert service.verify(other.mint("me")) is None
    assert service.verify("no token") is None


def test_the_key_and_certificate_are_pem() -> None:
    assert certificate_pem().startswith(b"-----BEGIN CERTIFICATE-----")
    assert private_key_pem().startswith("-----BEGIN PRIVATE KEY-----")


def test_a_scope_is_read_and_written() -> None:
    assert Access.parse("repository:acme/api:push,pull") == Access.to("acme/api", "pull", "push")
    assert str(Access.to("acme/api", "pull", "push")) == "repository:acme/api:pull,push"
    assert Access.parse("registry:catalog:*") == Access("catalog", frozenset("*"), "registry")
    assert Access.parse("repository:host:5000/api:pull") == Access.to("host:5000/api", "pull")
    assert Access.parse("repository") is None


@pytest.mark.parametrize(
    ("granted", "enough"),
    [
        (Access.to("acme/api", "pull", "push"), True),
        (Access.to("acme/api", "*"), True),
        (Access.to("acme/api", "push"), False),
        (Access.to("acme/web", "pull"), False),
        (Access("acme/api", frozenset({"pull"}), "registry"), False),
    ],
)
def test_access_covers_no_more_than_it_says(granted: Access, enough: bool) -> None:
    assert granted.covers(PULL) is enough


def test_an_account_is_limited_to_its_globs() -> None:
    account = Account("secret", pull=("acme/*",), push=("acme/shop/*",))
    everything = ("pull", "push", "delete")
    assert account.allows(Access.to("acme/api", *everything)).actions == {"pull"}
    assert account.allows(Access.to("acme/shop/api", *everything)).actions == set(everything)
    assert account.allows(Access.to("other/api", *everything)).actions == set()
