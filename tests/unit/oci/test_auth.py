"""Challenges, logins and tokens."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Unsupported
from mirror.oci.auth import IDENTITY_TOKEN, Challenge, Login, Token, claims, lacks

PULL = "repository:acme/app:pull"


def minted(**said: Any) -> str:
    return jwt.encode(said, "k" * 32, algorithm="HS256")


def granting(*access: dict[str, Any]) -> str:
    return minted(access=list(access))


class TestLogins:
    def test_the_secret_is_in_no_repr(self) -> None:
        assert "hunter2" not in repr(Login("mirror", "hunter2"))
        assert "hunter2" not in repr(Token("hunter2", 1.0))

    @pytest.mark.parametrize("password", ["hunter2", "with:colon", "ümlaut", '{"type": "service_account"}\n'])
    def test_basic_is_both_in_base64(self, password: str) -> None:
        kind, _, value = Login("mirror", password).basic.partition(" ")
        assert (kind, base64.b64decode(value).decode()) == ("Basic", f"mirror:{password}")


class TestChallenges:
    @pytest.mark.parametrize(
        ("header", "scheme", "parameters"),
        [
            (
                'Bearer realm="https://gitlab.com/jwt/auth",service="container_registry"',
                "bearer",
                {"realm": "https://gitlab.com/jwt/auth", "service": "container_registry"},
            ),
            (
                'Bearer realm="https://h/t?x=1,2",service="s",scope="repository:a/b:pull,push"',
                "bearer",
                {"realm": "https://h/t?x=1,2", "service": "s", "scope": "repository:a/b:pull,push"},
            ),
            ("bearer realm=https://h/t", "bearer", {"realm": "https://h/t"}),
            ('BEARER Realm = "https://h/t"', "bearer", {"realm": "https://h/t"}),
            (r'Bearer realm="a \"quoted\" word"', "bearer", {"realm": 'a "quoted" word'}),
            ('Basic realm="Registry"', "basic", {"realm": "Registry"}),
            ("Basic", "basic", {}),
            ('Basic realm="x", Bearer realm="https://h/t"', "bearer", {"realm": "https://h/t"}),
            ('Bearer realm="https://h/t", Basic realm="x"', "bearer", {"realm": "https://h/t"}),
            (
                'Bearer realm="the Basic one",service="s"',
                "bearer",
                {"realm": "the Basic one", "service": "s"},
            ),
            ('Negotiate, Basic realm="x"', "basic", {"realm": "x"}),
            ('Digest realm="d", Basic realm="x"', "basic", {"realm": "x"}),
        ],
    )
    def test_a_header_is_read(self, header: str, scheme: str, parameters: dict[str, str]) -> None:
        read = Challenge.parse(header)
        assert read.scheme == scheme
        assert dict(read.parameters) == parameters

    @pytest.mark.parametrize("header", ["", "Negotiate", 'Digest realm="x"', "   ", "realm=x"])
    def test_another_kind_is_told(self, header: str) -> None:
        with pytest.raises(Unsupported, match="login of an unknown kind"):
            Challenge.parse(header)

    @given(st.text(max_size=120))
    def test_no_header_is_too_odd(self, header: str) -> None:
        with contextlib.suppress(Unsupported):
            assert Challenge.parse(header).scheme in ("bearer", "basic")

    @given(
        st.dictionaries(
            st.sampled_from(["realm", "service", "scope", "error"]),
            st.text(st.characters(codec="ascii", exclude_characters='"\\', categories=["L", "N", "P"])),
            min_size=1,
        )
    )
    def test_what_was_written_is_read(self, parameters: dict[str, str]) -> None:
        header = "Bearer " + ",".join(f'{key}="{value}"' for key, value in parameters.items())
        read = Challenge.parse(header).parameters
        assert {key: read.get(key, "") for key in parameters} == parameters


class TestTokenRequests:
    def test_each_scope_is_a_parameter_of_its_own(self) -> None:
        challenge = Challenge("bearer", {"realm": "https://h/t", "service": "s"})
        method, url, headers, body = challenge.token_request(None, (PULL, "repository:b:pull"))
        assert parse_qs(urlsplit(url).query) == {"service": ["s"], "scope": [PULL, "repository:b:pull"]}
        assert (method, headers, body) == ("GET", {}, None)

    def test_a_login_goes_as_basic(self) -> None:
        login = Login("u", "p")
        _, _, headers, _ = Challenge("bearer", {"realm": "https://h/t"}).token_request(login, (PULL,))
        assert headers == {"Authorization": login.basic}

    def test_a_realm_may_have_a_query(self) -> None:
        _, url, _, _ = Challenge("bearer", {"realm": "https://h/t?x=1"}).token_request(None, (PULL,))
        assert parse_qs(urlsplit(url).query)["x"] == ["1"]

    def test_an_identity_token_is_exchanged_by_post_and_not_in_the_url(self) -> None:
        login = Login(IDENTITY_TOKEN, "refresh-me")
        challenge = Challenge("bearer", {"realm": "https://h/t", "service": "s"})
        method, url, headers, body = challenge.token_request(login, (PULL,))
        assert (method, url) == ("POST", "https://h/t")
        assert parse_qs((body or b"").decode()) == {
            "service": ["s"],
            "grant_type": ["refresh_token"],
            "refresh_token": ["refresh-me"],
            "client_id": ["gitlab-gcr-mirror"],
            "scope": [PULL],
        }
        assert "Authorization" not in headers


class TestTokens:
    def token(self, **answer: Any) -> Token:
        return Token.from_answer(json.dumps(answer).encode(), 1000.0)

    @pytest.mark.parametrize(
        ("answer", "life"),
        [
            ({"token": "t", "expires_in": 300}, 300),
            ({"access_token": "t", "expires_in": 300}, 300),
            ({"token": "t"}, 60),
            ({"token": "t", "expires_in": 0}, 60),
            ({"token": "t", "expires_in": "soon"}, 60),
            ({"token": minted(iat=5000, exp=5900)}, 900),
            ({"token": minted(nbf=5000, exp=5900)}, 900),
            ({"token": minted(exp=time.time() + 900)}, 60),
            ({"token": minted(iat=5900, exp=5000)}, 60),
            ({"token": minted(iat=5000, exp=5900), "expires_in": 30}, 30),
        ],
    )
    def test_the_life_of_a_token_is_known_one_way_or_the_other(
        self, answer: dict[str, Any], life: float
    ) -> None:
        assert self.token(**answer).renew_at == pytest.approx(1000 + life - min(300, life / 5))

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"token": 5}', b'{"token": ""}', b"\xff"])
    def test_an_answer_without_a_token_is_told(self, body: bytes) -> None:
        with pytest.raises(Unsupported, match="without a token"):
            Token.from_answer(body, 0.0)

    @given(st.binary(max_size=80))
    def test_no_answer_is_too_odd(self, body: bytes) -> None:
        with contextlib.suppress(Unsupported):
            Token.from_answer(body, 0.0)

    @given(st.text(max_size=80) | st.from_regex(r"[\w-]{0,20}\.[\w-]{0,20}\.[\w-]{0,9}", fullmatch=True))
    def test_no_token_is_too_odd_to_look_into(self, token: str) -> None:
        assert isinstance(claims(token), dict)
        lacks(token, (PULL,))


FULL = {"type": "repository", "name": "acme/app", "actions": ["pull", "push"]}


class TestRights:
    def test_a_token_that_grants_what_was_asked_for_lacks_nothing(self) -> None:
        assert lacks(granting(FULL), (PULL, "repository:acme/app:pull,push")) is None

    @pytest.mark.parametrize(
        "scope", ["repository:acme/app:delete", "repository:acme/ap:pull", "registry:catalog:*"]
    )
    def test_what_lacks_is_named(self, scope: str) -> None:
        assert lacks(granting(FULL), (PULL, scope)) == scope

    def test_rights_of_two_entries_count_together(self) -> None:
        entries = [{**FULL, "actions": [action]} for action in ("pull", "push")]
        assert lacks(granting(*entries), ("repository:acme/app:pull,push",)) is None

    def test_a_name_may_have_a_colon(self) -> None:
        entry = {"type": "repository", "name": "host:5000/app", "actions": ["pull"]}
        assert lacks(granting(entry), ("repository:host:5000/app:pull",)) is None

    @pytest.mark.parametrize("token", ["opaque", minted(sub="x"), minted(access=None), minted(access="all")])
    def test_a_token_that_does_not_say_is_believed(self, token: str) -> None:
        assert lacks(token, (PULL,)) is None

    @pytest.mark.parametrize("entry", [None, "x", {}, {"actions": None}, {"actions": 5}, {"actions": [[1]]}])
    def test_an_entry_that_cannot_be_read_grants_nothing(self, entry: Any) -> None:
        assert lacks(granting(entry), (PULL,)) == PULL
