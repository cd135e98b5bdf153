"""Authority: gets and keeps what proves to one registry who we are."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

from mirror.errors import Denied, RegistryError, Unauthorized
from mirror.oci.auth import Challenge, Credential, Login, Token, lacks
from mirror.oci.codes import error_for
from mirror.transport.addresses import check_redirect
from mirror.transport.answer import Answer
from mirror.transport.client import Client
from mirror.transport.clock import Clock

Scopes = tuple[str, ...]


class Authority:
    """The Authorization header for a set of scopes; tokens are shared, and asked for once at a time.

    A login that is refused is remembered, and nothing more is asked of the registry until the credential gives
    another one (a rotated secret), or `forget`: GitLab bans an address after a number of failed logins. While it
    is not known whether a login is good, it is tried by one thread at a time, so that a wrong one is tried once.
    """

    def __init__(self, base: str, credential: Credential, client: Client, clock: Clock) -> None:
        """`base` is the registry's URL."""
        self._base = base
        self._credential = credential
        self._client = client
        self._clock = clock
        self._lock = threading.RLock()
        self._challenge: Challenge | None = None
        self._tokens: dict[Scopes, Token] = {}
        self._asking: dict[Scopes, threading.Lock] = {}
        self._refusal: Unauthorized | None = None
        self._refused_login: str | None = None
        self._in_doubt = True
        self._doubt = threading.Lock()

    def header(self, scopes: Scopes) -> str | None:
        """The header's value, None where the registry asks for none. Raises Unauthorized, Denied."""
        self._still_refused()
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            return _basic(self._login())
        return f"Bearer {self._token(challenge, scopes).value}"

    @property
    def basic(self) -> str | None:
        """The header's value where the registry takes the login itself with every request; else None."""
        return self.header(()) if self._challenge and self._challenge.scheme == "basic" else None

    def learn(self, answer: Answer) -> None:
        """Take in the answer to `GET /v2/`: no login needed, or the challenge."""
        if answer.status != 401:
            return
        challenge = Challenge.parse(answer.headers.get("WWW-Authenticate", ""))
        if challenge.scheme == "bearer":
            check_redirect(challenge.parameters.get("realm", ""), self._base)
        self._challenge = challenge

    def reject(self, scopes: Scopes, header: str | None, answer: Answer) -> bool:
        """The registry refused `header` with `answer`. True when another try makes sense.

        It does with a new token, and where the registry greets everybody and asks for a login only now.
        """
        with self._lock:
            if self._challenge is None:
                self.learn(answer)
                return True
            token = self._tokens.get(scopes)
            if token and header == f"Bearer {token.value}":
                del self._tokens[scopes]
                self._in_doubt = True
            return self._challenge.scheme == "bearer"

    def refuse(self, error: Unauthorized, basic: str | None) -> Unauthorized:
        """Remember that a login is refused; `basic` is its header, None for anonymous access."""
        self._refused_login = basic
        self._refusal = error
        return error

    @property
    def refusal(self) -> Unauthorized | None:
        """Why the credential is refused, None while it is not known to be."""
        return self._refusal

    def forget(self) -> None:
        """Begin anew: the credential has changed."""
        with self._lock:
            self._refusal = None
            self._tokens.clear()

    def _token(self, challenge: Challenge, scopes: Scopes) -> Token:
        token = self._fresh(scopes)
        if token:
            return token
        with self._lock:
            asking = self._asking.setdefault(scopes, threading.Lock())
        with asking:
            token = self._fresh(scopes)
            if token is None:
                token = self._ask(challenge, scopes)
                self._tokens[scopes] = token
        return token

    def _fresh(self, scopes: Scopes) -> Token | None:
        token = self._tokens.get(scopes)
        return token if token and token.renew_at > self._clock.monotonic() else None

    def _ask(self, challenge: Challenge, scopes: Scopes) -> Token:
        with self._doubt:
            if self._in_doubt:
                return self._ask_now(challenge, scopes)
        return self._ask_now(challenge, scopes)

    def _ask_now(self, challenge: Challenge, scopes: Scopes) -> Token:
        self._still_refused()
        login = self._login()
        now = self._clock.monotonic()
        try:
            answer = self._client.exchange(*challenge.token_request(login, scopes))
        finally:
            # Where nobody answers, the others need not wait for each other's time-outs.
            self._in_doubt = False
        if answer.status != 200:
            raise self._refused(answer, login, scopes)
        token = Token.from_answer(answer.body, now)
        missing = lacks(token.value, scopes)
        if missing:
            raise Denied(
                f"the token service grants less than {missing}: this login lacks that right, or there is no such "
                "repository",
                status=answer.status,
            )
        return token

    def _refused(self, answer: Answer, login: Login | None, scopes: Scopes) -> RegistryError:
        error = error_for("GET", answer, f"(asked for {' '.join(scopes)})")
        # 400 is said of a login that cannot be read, but also of a second scope (a mount's).
        if answer.status != 401 and (answer.status != 400 or len(scopes) > 1):
            return error
        self._in_doubt = True
        who = f"the login as {login.username}" if login else "anonymous access"
        place = urlsplit(answer.url).netloc
        return self.refuse(
            Unauthorized(
                f"{who} is refused by the token service of {place}: {error.detail or answer.status}",
                **error.parts,
            ),
            _basic(login),
        )

    def _still_refused(self) -> None:
        refusal = self._refusal
        if refusal is None:
            return
        if _basic(self._login()) == self._refused_login:
            raise refusal
        self._refusal = None

    def _login(self) -> Login | None:
        return self._credential.login()


def _basic(login: Login | None) -> str | None:
    return login.basic if login else None
