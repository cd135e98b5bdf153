"""When credentials end is asked beside the work, now and then, and again when they have changed."""

from __future__ import annotations

from mirror.errors import ConnectFailed, Unauthorized
from mirror.service.expiry import Expiries
from mirror.service.job import Side


class There:
    """A registry."""

    host = "registry.gitlab.com"
    refusal: Unauthorized | None = None

    def forget_refusal(self) -> None:
        """Nothing was refused."""

    def ping(self, *, tries: bool) -> None:
        """It is there."""


class Vendor:
    """Tells when the credential ends."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self.answers = list(answers)
        self.now = 0.0
        self.expiries = Expiries(lambda: self.now)
        self.side = Side("gitlab", There(), ends=self.ends)

    def ends(self) -> float | None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def look(self, hours: float = 0.0) -> float | None:
        self.now += hours * 3600
        self.expiries.look([self.side])
        if self.expiries._thread:
            self.expiries._thread.join(10)
        return self.expiries.of(There.host)


def test_it_is_asked_at_once_and_not_again_for_hours() -> None:
    vendor = Vendor(100.0, 200.0)
    assert vendor.expiries.of(There.host) is None
    assert vendor.look() == 100.0
    assert vendor.look(5.9) == 100.0
    assert vendor.look(0.2) == 200.0
    assert vendor.answers == []


def test_a_credential_that_changed_is_asked_about_at_once() -> None:
    vendor = Vendor(100.0, None)
    vendor.look()
    vendor.expiries.forget(There.host)
    assert vendor.look() is None


def test_a_vendor_that_does_not_answer_leaves_what_was_known() -> None:
    vendor = Vendor(100.0, ConnectFailed("down"))
    vendor.look()
    assert vendor.look(7) == 100.0
    assert vendor.answers == []
