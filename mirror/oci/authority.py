"""Authority: gets and keeps what proves to one registry who we are."""

from __future__ import annotations

import threading

from mirror.errors import Denied, RegistryError, Unauthorized
from mirror.oci.auth import Challenge, Credential, Login, Token, lacks
from mirror.oci.codes import error_for
from mirror.transport.addresses import check_redirect
from mirror.transport.client import Answer, Client
from mirror.transport.clock import Clock

Scopes = tuple[str, ...]


class Authority:
    """The Authorization header for a set of scopes; tokens are shared, and asked for once at a time.

    A login that is refused is remembered, and nothing more is asked of the registry until the credential gives
    another one (a rotated secret), or `forget`: GitLab bans an address after a number of failed logins.
    """

    def __init__(self, base: str, credential: Credential, client: Client, clock: Clock) -> None:
        """`base` is the registry's URL."""
        self._base = base
        self._credential = credential
        self._client = client
        self._clock = clock
        self._lock = threading.RLock()
        self._challenge: Challenge | None = None
        self._open = False
        self._tokens: dict[Scopes, Token] = {}
        self._asking: dict[Scopes, threading.Lock] = {}
        self._refusal: Unauthorized | None = None
        self._refused_login: Login | None = None

    def header(self, scopes: Scopes) -> str | None:
        """The header's value, None where the registry asks for none. Raises Unauthorized, Denied."""
        self._still_refused()
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            login = self._login()
            return login.basic if login else None
        return f"Bearer {self._token(challenge, scopes).value}"

    @property
    def known(self) -> bool:
        """Whether the registry's way of asking for a login is known."""
        return self._open or self._challenge is not None

    def learn(self, answer: Answer) -> None:
        """Take in the answer to `GET /v2/`: no login needed, or the challenge."""
        if answer.status != 401:
            self._open = True
            return
        challenge = Challenge.parse(answer.headers.get("WWW-Authenticate", ""))
        if challenge.scheme == "bearer":
            check_redirect(challenge.parameters.get("realm", ""), self._base)
        self._challenge = challenge

    def reject(self, scopes: Scopes, header: str | None) -> bool:
        """The registry refused `header`. True when another try with a new token makes sense."""
        with self._lock:
            token = self._tokens.get(scopes)
            if token and header == f"Bearer {token.value}":
                del self._tokens[scopes]
            return self._challenge is not None and self._challenge.scheme == "bearer"

    def refuse(self, error: Unauthorized) -> Unauthorized:
        """Remember that the login of now is refused."""
        self._refused_login = self._login()
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
        self._still_refused()
        login = self._login()
        now = self._clock.monotonic()
        answer = self._client.exchange(*challenge.token_request(login, scopes))
        if answer.status != 200:
            raise self._refused(answer, login)
        token = Token.from_answer(answer.body, now)
        missing = lacks(token.value, scopes)
        if missing:
            raise Denied(f"the token service grants less than {missing}", status=answer.status)
        return token

    def _refused(self, answer: Answer, login: Login | None) -> RegistryError:
        error = error_for("GET", answer)
        if answer.status not in (400, 401):
            return error
        who = f"the login as {login.username}" if login else "anonymous access"
        return self.refuse(
            Unauthorized(
                f"{who} is refused by the token service: {error.detail or answer.status}",
                **error.parts,
            )
        )

    def _still_refused(self) -> None:
        refusal = self._refusal
        if refusal is None:
            return
        if self._login() == self._refused_login:
            raise refusal
        self._refusal = None

    def _login(self) -> Login | None:
        return self._credential.login()
