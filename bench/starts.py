"""Starts: what it takes to begin: the help, and a copy of one tiny image."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from bench.places import Real
from bench.shapes import many
from bench.stopwatch import Measured, measure
from bench.tools import Tool, command_line
from bench.works import Result

HELP, TINY, TINY_CRANE = "gcr-mirror --help", "gcr-mirror copy, a tiny image", "crane copy, the same"


def starts(folder: Path, runs: int) -> list[Result]:
    """Each command so many times, taking turns; every copy under a tag of its own."""
    numbers = count()
    with Real(folder, many(1, 1, smallest=500, largest=1000)) as place:
        place.renew()
        source = f"{place.source}/bench/many-01:v1"

        def target() -> str:
            return f"{place.target}/bench/copy:t{next(numbers)}"

        def skopeo() -> list[str]:
            access = ["--src-tls-verify=false", "--dest-tls-verify=false"]
            return [
                "skopeo",
                "--insecure-policy",
                "copy",
                *access,
                f"docker://{source}",
                f"docker://{target()}",
            ]

        tools = [
            Tool(HELP, sys.executable, lambda _: command_line("--help"), ours=True),
            Tool(
                TINY,
                sys.executable,
                lambda _: command_line("copy", source, target()),
                ours=True,
            ),
            Tool("skopeo copy, the same", "skopeo", lambda _: skopeo()),
            Tool(TINY_CRANE, "crane", lambda _: ["crane", "copy", "--insecure", source, target()]),
        ]
        env = {"HOME": str(place.folder), "DOCKER_CONFIG": str(place.folder)}
        measured: dict[str, list[Measured]] = {tool.name: [] for tool in tools if tool.there}
        for _ in range(runs):
            for tool in tools:
                if tool.there:
                    measured[tool.name].append(measure(tool.command(place), place.folder, env=env))
    return [Result(tool, tuple(measured[tool.name]), {}, "") for tool in tools if tool.there]
