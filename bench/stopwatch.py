"""Stopwatch: one command, its wall time, its CPU seconds and its peak memory.

The command is started by a small process of its own (`_LAUNCHER`): the kernel counts the memory of whoever forks
into the peak of the child, and this program holds whole images.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Wall starts when the process is made and ends when it is gone; children that it waited for are counted.
_LAUNCHER = """
import json, os, sys, time
began = time.monotonic()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
found = [time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status)]
with open(sys.argv[1], "w") as file:
    json.dump(found, file)
"""


class CommandFailed(Exception):
    """The command did not succeed; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall and CPU (user and system) in seconds, memory of the largest process in KiB."""

    wall: float
    cpu: float
    memory: int


def cpu(pid: int) -> float:
    """User and system seconds that a running process has used so far (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    command: Sequence[str], folder: Path, *, env: Mapping[str, str] | None = None, seconds: float = 900
) -> Measured:
    """Run `command`; raises CommandFailed. Its output goes to files in `folder`."""
    result, out, err = folder / "measured", folder / "out", folder / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(result), *command],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, **(env or {})},
            check=True,
            timeout=seconds,
        )
    wall, cpu, memory, code = json.loads(result.read_text())
    if code:
        said = err.read_text(errors="replace")[-1500:]
        raise CommandFailed(f"{' '.join(command)} ended with {code}:\n{said}")
    return Measured(wall, cpu, memory)
