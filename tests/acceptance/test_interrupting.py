"""Ctrl-C: the program ends at once, says so, and leaves nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mirror.demo import faults, images
from mirror.demo.gitlab import GitLabRegistry
from tests.servers.embedded import PATH, Embedded

WITHIN = 20.0  # seconds: less than any time-out of a connection


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


@pytest.fixture
def terminal() -> Iterator[None]:
    """Programs start as from a terminal: what a shell runs in the background inherits that it ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("where", ["blob", "list"])
def test_ctrl_c_ends_a_pass_though_a_registry_hangs(
    embed: Callable[..., Embedded], tmp_path: Path, where: str
) -> None:
    both = embed()
    both.at_source(images.image("one"), "1.0")
    source = both.source
    assert isinstance(source, GitLabRegistry)
    place = source.objects if where == "blob" else source
    hanging = faults.hang(place.stopping)
    fault = place.faults.add(hanging, "GET", "/data" if where == "blob" else "/tags/list", times=None)
    config = both.written(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "mirror", "sync", "-c", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **both.env},
    ) as ran:
        try:
            eventually(lambda: place.faults.happened(fault) > 0)
            ran.send_signal(signal.SIGINT)
            _, said = ran.communicate(timeout=WITHIN)
        finally:
            ran.kill()
    assert ran.returncode == 130
    assert said.strip().splitlines()[-1] == "gcr-mirror: stopped"
    assert "Traceback" not in said
    assert both.names(PATH) == {}
