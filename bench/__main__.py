"""`make bench`: run everything, and write `bench/README.md`."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import mirror
from bench import floors
from bench.goals import Floors
from bench.page import Setting, page
from bench.record import Record
from bench.starts import starts
from bench.works import WORKS, Work, do

_PAGE = Path(__file__).with_name("README.md")
_RECORD = Path(__file__).with_name("results.json")
_SHARED = Path("/dev/shm")
_ROOM = 12 * 1024**3
_VERSIONS = {
    "skopeo": ["skopeo", "--version"],
    "docker-registry": ["docker-registry", "--version"],
    "crane": ["crane", "version"],
    "regsync": ["regsync", "version"],
    "curl": ["curl", "--version"],
}


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(
        description="measure this program beside others, and write bench/README.md"
    )
    parser.add_argument("--runs", type=int, default=5, help="of each tool at each work")
    parser.add_argument("--work", action="append", help="only this one; the page then goes to stdout")
    parser.add_argument(
        "--anew", action="store_true", help="put those works into the page of the last whole run"
    )
    parser.add_argument("--again", action="store_true", help="write the page anew from the last whole run")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # who installs the program has it compiled
    if given.again:
        _write(Record.read(_RECORD))
        return
    if given.anew and not given.work:
        parser.error("--anew of which --work?")
    chosen = [work for work in WORKS if not given.work or work.name in given.work]
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_memory()) as name:
        record = _measure(Path(name), chosen, given.runs, keep=not given.work)
    if given.anew:
        record = Record.read(_RECORD).with_anew(record)
        record.write(_RECORD)
        _write(record)
    elif given.work:
        print(_text(record))


def _measure(folder: Path, chosen: list[Work], runs: int, *, keep: bool) -> Record:
    """Every work, one after the other; what has been measured is kept at once, should the rest not come to its end."""
    record = Record(_setting(runs), {}, Floors(None, floors.sha256()), starts(folder / "starts", runs))
    for number, work in enumerate(chosen):
        record.results[work.name] = do(work, folder / f"work-{number}", runs)
        if work.name == "big":
            record = replace(record, floors=replace(record.floors, curl=floors.curl(folder / "curl", runs)))
        if keep:
            record.write(_RECORD)
            _write(record)
    return record


def _write(record: Record) -> None:
    _PAGE.write_text(_text(record), encoding="utf-8")


def _text(record: Record) -> str:
    return page(record.setting, WORKS, record.results, record.floors, record.starts)


def _memory() -> Path | None:
    """A file system in memory with room for the works, where there is one: disks differ from one minute to the next."""
    return _SHARED if _SHARED.is_dir() and shutil.disk_usage(_SHARED).free > _ROOM else None


def _setting(runs: int) -> Setting:
    there = {name: _version(words) for name, words in _VERSIONS.items() if shutil.which(name)}
    return Setting(
        when=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        machine=f"{os.cpu_count()} cores of {_processor()}, Linux {platform.release()}, "
        f"Python {platform.python_version()}",
        load=" ".join(f"{one:.1f}" for one in os.getloadavg()),
        runs=runs,
        versions={"gcr-mirror": mirror.__version__, **there},
        absent=tuple(name for name in _VERSIONS if name not in there),
        files="in memory" if _memory() else "on disk",
    )


def _version(words: list[str]) -> str:
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\S*", said.stdout + said.stderr)
    return found[0] if found else "?"


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


if __name__ == "__main__":
    main()
