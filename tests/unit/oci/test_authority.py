"""Who we are to one registry: tokens shared and renewed, a refused login remembered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from mirror.errors import ConnectFailed, Denied, ForbiddenAddress, MirrorError, Unauthorized, Unavailable
from mirror.oci.auth import Login
from mirror.oci.authority import Authority
from mirror.transport.answer import Answer
from tests.servers.waiting import Instant

BASE = "https://127.0.0.1"
BEARER = f'Bearer realm="{BASE}/token",service="s"'
PULL, PUSH = ("repository:a:pull",), ("repository:a:pull,push",)


def answer(status: int, body: object = b"", **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, raw, f"{BASE}/token"
    )


class TokenService:
    """Stands in for the client; `says` makes the answer to the n-th request."""

    def __init__(self, says: Callable[[int], Answer] | None = None) -> None:
        self.asked: list[str] = []
        self._says = says or (lambda count: answer(200, {"token": f"t{count}", "expires_in": 100}))
        self._lock = threading.Lock()

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, most: int = 0
    ) -> Answer:
        with self._lock:
            self.asked.append(headers.get("Authorization", "anonymous"))
            count = len(self.asked)
        return self._says(count)


class Rotating:
    """A credential whose secret can be replaced."""

    def __init__(self, secret: str | None = "one") -> None:
        self.secret = secret

    def login(self) -> Login | None:
        return Login("mirror", self.secret) if self.secret else None


def authority(
    service: TokenService, credential: Rotating | None = None, header: str = BEARER
) -> tuple[Authority, Instant]:
    clock = Instant()
    made = Authority(BASE, credential or Rotating(), service, clock)  # type: ignore[arg-type] # stands in
    made.learn(answer(401, WWW_Authenticate=header))
    return made, clock


def test_a_registry_that_greets_everybody_is_sent_nothing() -> None:
    made = Authority(BASE, Rotating(), TokenService(), Instant())  # type: ignore[arg-type] # stands in
    made.learn(answer(200))
    assert made.header(PULL) is None


def test_a_token_is_asked_for_once_and_shared() -> None:
    service = TokenService()
    made, _ = authority(service)
    assert [made.header(PULL) for _ in range(3)] == ["Bearer t1"] * 3
    assert made.header(PUSH) == "Bearer t2"
    assert len(service.asked) == 2


def test_a_token_is_renewed_ahead_of_its_end() -> None:
    made, clock = authority(TokenService())
    made.header(PULL)
    clock.wait(79)
    assert made.header(PULL) == "Bearer t1"
    clock.wait(2)
    assert made.header(PULL) == "Bearer t2"


def test_many_threads_ask_once_for_the_same() -> None:
    service = TokenService()
    made, _ = authority(service)
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: made.header(PULL), range(64))) == {"Bearer t1"}
    assert len(service.asked) == 1


def test_a_token_that_was_refused_is_replaced_but_only_it() -> None:
    made, _ = authority(TokenService())
    old = made.header(PULL)
    assert made.reject(PULL, old, answer(401))
    assert made.header(PULL) == "Bearer t2"
    assert made.reject(PULL, old, answer(401)), "somebody else has renewed it meanwhile: worth another try"
    assert made.header(PULL) == "Bearer t2"


@pytest.mark.parametrize("threads", [1, 16])
def test_a_refused_login_is_tried_once(threads: int) -> None:
    service = TokenService(lambda _: answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "no"}]}))
    made, _ = authority(service)

    def ask(number: int) -> str:
        with pytest.raises(Unauthorized, match="the login as mirror is refused"):
            made.header((f"repository:{number}:pull",))
        return "refused"

    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(ask, range(32))) == ["refused"] * 32
    assert len(service.asked) == 1
    assert made.refusal


def test_a_new_secret_is_tried_though_the_old_one_was_refused() -> None:
    good = Login("mirror", "two").basic
    service = TokenService()
    service._says = lambda _: answer(200, {"token": "t"}) if service.asked[-1] == good else answer(401)
    credential = Rotating()
    made, _ = authority(service, credential)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            made.header(PULL)
    credential.secret = "two"
    assert made.header(PULL) == "Bearer t"
    assert len(service.asked) == 2


def test_a_login_is_tried_anew_after_it_was_forgotten_to_be_refused() -> None:
    service = TokenService(lambda count: answer(401) if count == 1 else answer(200, {"token": "t"}))
    made, _ = authority(service)
    with pytest.raises(Unauthorized):
        made.header(PULL)
    made.forget()
    assert made.header(PULL) == "Bearer t"


@pytest.mark.parametrize(("status", "error"), [(403, Denied), (503, Unavailable), (500, Unavailable)])
def test_another_refusal_is_no_refused_login(status: int, error: type[MirrorError]) -> None:
    service = TokenService(lambda count: answer(status) if count == 1 else answer(200, {"token": "t"}))
    made, _ = authority(service)
    with pytest.raises(error):
        made.header(PULL)
    assert made.refusal is None
    assert made.header(PULL) == "Bearer t"


def test_a_key_that_cannot_be_read_is_a_refused_login_but_a_second_scope_is_not() -> None:
    made, _ = authority(TokenService(lambda _: answer(400)))
    with pytest.raises(MirrorError) as raised:
        made.header((*PULL, "repository:b:pull"))
    assert not isinstance(raised.value, Unauthorized)
    with pytest.raises(Unauthorized):
        made.header(PULL)


def test_where_nobody_answers_the_others_do_not_wait_in_a_row() -> None:
    """The first tries alone; when it found out that nobody answers, the rest may find out side by side."""
    together = threading.Barrier(3, timeout=5)

    def says(count: int) -> Answer:
        if count > 1:
            together.wait()
        raise ConnectFailed("nobody there")

    made, _ = authority(TokenService(says))

    def ask(number: int) -> None:
        with pytest.raises(ConnectFailed):
            made.header((f"repository:{number}:pull",))

    ask(0)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(ask, range(1, 4)))


def test_a_login_in_doubt_is_tried_by_one_at_a_time() -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def says(count: int) -> Answer:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy) if count == 1 else most
        threading.Event().wait(0.05 if count == 1 else 0)
        with lock:
            most = max(most, busy) if count == 1 else most
            busy -= 1
        return answer(200, {"token": "t"})

    made, _ = authority(TokenService(says))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: made.header((f"repository:{number}:pull",)), range(8)))
    assert most == 1


def test_a_login_that_is_good_is_used_side_by_side() -> None:
    together = threading.Barrier(3, timeout=5)

    def says(count: int) -> Answer:
        if count == 1:
            threading.Event().wait(0.1)  # the others are waiting by now
        else:
            together.wait()
        return answer(200, {"token": "t"})

    made, _ = authority(TokenService(says))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: made.header((f"repository:{number}:pull",)), range(4)))


def test_basic_goes_with_every_request_and_is_read_anew() -> None:
    credential = Rotating()
    made, _ = authority(TokenService(), credential, 'Basic realm="x"')
    assert made.header(PULL) == made.basic == Login("mirror", "one").basic
    credential.secret = "two"
    assert made.header(PULL) == Login("mirror", "two").basic
    assert not made.reject(PULL, made.header(PULL), answer(401)), "the same again would be refused again"


def test_a_challenge_may_come_late() -> None:
    made = Authority(BASE, Rotating(), TokenService(), Instant())  # type: ignore[arg-type] # stands in
    made.learn(answer(200))
    assert made.reject(PULL, None, answer(401, WWW_Authenticate=BEARER))
    assert made.header(PULL) == "Bearer t1"


@pytest.mark.parametrize("realm", ["https://169.254.169.254/t", "http://127.0.0.1/t", "file:///t", ""])
def test_nobody_is_told_the_login_where_no_token_service_is(realm: str) -> None:
    service = TokenService()
    made = Authority(BASE, Rotating(), service, Instant())  # type: ignore[arg-type] # stands in
    with pytest.raises(ForbiddenAddress):
        made.learn(answer(401, WWW_Authenticate=f'Bearer realm="{realm}"'))
    assert not service.asked


def test_anonymous_access_that_is_refused_says_so() -> None:
    made, _ = authority(TokenService(lambda _: answer(401)), Rotating(None))
    with pytest.raises(Unauthorized, match="anonymous access is refused"):
        made.header(PULL)
