"""Everything goes wrong now and then, on both sides and on the host of the bytes: all arrives all the same."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from mirror.demo import faults, images
from mirror.demo.distribution import OciRegistry
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.messages import Answer, Effect, Request, Response
from mirror.demo.server import Server
from tests.servers.embedded import Embedded

PATHS = [f"acme/app{number}" for number in range(4)]


def now_and_then(seed: int, share: float, *effects: Effect) -> Effect:
    """One of the effects, for a share of the requests."""
    dice, lock = random.Random(seed), threading.Lock()

    def effect(request: Request, answer: Answer) -> Response:
        with lock:
            chosen = dice.choice(effects) if dice.random() < share else None
        return chosen(request, answer) if chosen else answer()

    return effect


def trouble(place: Server, seed: int) -> None:
    troubles = [
        faults.reset(),
        faults.unavailable(),
        faults.too_many(),
        faults.too_many("1"),
        faults.cut(50),
        faults.cut(50_000, reset=True),
    ]
    place.faults.add(now_and_then(seed, 0.15, *troubles), "GET|HEAD|POST|PUT", "", times=None)
    # An answer that is cut without a length stated is not known to be cut, except where the length is known.
    place.faults.add(now_and_then(seed, 0.1, faults.reset_upload(20_000)), "PUT", "/uploads/", times=None)


@pytest.mark.parametrize("target", [GoogleRegistry, OciRegistry])
@pytest.mark.parametrize("seed", [1, 2])
def test_everything_arrives_whole_and_the_next_pass_finds_nothing_to_do(
    embed: Callable[..., Embedded], target: type[OciRegistry], seed: int
) -> None:
    both = embed(None, target())
    shared = images.layer("shared", 150_000, "none")
    for path in PATHS:
        for tag in ("1", "2"):
            image = images.image(f"{path} {tag}", [shared, images.layer(f"{path} {tag}", 60_000, "none")])
            both.at_source(images.signed(image), tag, path=path)
        both.at_source(images.multi_platform(path), "many", path=path)
    source = both.source
    assert isinstance(source, GitLabRegistry)
    for place in (source, source.objects, both.target):
        trouble(place, seed)
    report = both.run(*PATHS)
    for path in PATHS:
        assert both.broken(path) == []
    assert [(failure.reference, failure.message) for failure in report.failed] == []
    assert len(report.copied) == 3 * len(PATHS)
    for place in (source, source.objects, both.target):
        place.faults.clear()
    again = both.run(*PATHS)
    assert (again.unchanged, len(again.copied), len(again.failed)) == (3 * len(PATHS), 0, 0)
