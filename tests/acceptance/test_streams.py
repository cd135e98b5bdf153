"""Output that cannot be written, or that nobody reads: one line or none, and the documented exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

LONG, SHORT = ("config", "schema"), ("--version",)
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "config.schema.json"
FULL = "gcr-mirror: stdout, or a temporary file, cannot be written: No space left on device\n"


def run(
    words: tuple[str, ...], out: int | IO[str], err: int | IO[str], home: Path, **env: str
) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mirror", *words],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **env},
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr or ""


@pytest.mark.parametrize("words", [LONG, SHORT, ("--help",)], ids=["long", "short", "help"])
def test_a_place_that_is_full_is_said_in_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        assert run(words, full, subprocess.PIPE, tmp_path) == (1, FULL)
        assert run(words, full, full, tmp_path) == (1, "")
        assert run(words, full, subprocess.PIPE, tmp_path, PYTHONUNBUFFERED="1") == (1, FULL)


@pytest.mark.parametrize("words", [LONG, SHORT, ("--help",)], ids=["long", "short", "help"])
def test_a_reader_that_went_away_is_told_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    end, out = os.pipe()
    os.close(end)
    assert run(words, out, subprocess.PIPE, tmp_path) == (141, "")
    assert run(words, out, subprocess.PIPE, tmp_path, PYTHONUNBUFFERED="1") == (141, "")
    os.close(out)


def test_an_error_keeps_its_exit_code_when_it_cannot_be_said(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        words = ("kubernetes", "containerd", "-c", str(tmp_path / "none"))
        assert run(words, subprocess.DEVNULL, full, tmp_path) == (2, "")


@pytest.mark.parametrize("descriptor", [1, 2])
def test_a_stream_that_is_closed_is_no_error(tmp_path: Path, descriptor: int) -> None:
    command = f'exec "$0" -m mirror --version {descriptor}>&-'
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    ended = subprocess.run(["sh", "-c", command, sys.executable], env=env, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_what_a_terminal_cannot_show_is_escaped_and_a_file_for_programs_is_utf_8(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONIOENCODING": "ascii"}

    def said(*words: str) -> bytes:
        return subprocess.check_output([sys.executable, "-m", "mirror", *words], env=env)

    assert b"eu.gcr.io, \\u2026 or" in said("setup", "google", "--help")
    assert said("config", "schema") == SCHEMA.read_bytes()
