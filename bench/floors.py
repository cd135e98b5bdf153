"""Floors: what the machine does without any tool; nobody can be faster."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

from bench.places import Real
from bench.shapes import Images, big
from bench.stopwatch import measure

_HASHED = 512 * 1024 * 1024


def sha256() -> float:
    """MiB a second that one core hashes."""
    data = bytes(1024 * 1024)
    hasher = hashlib.sha256()
    began = time.process_time()
    for _ in range(_HASHED // len(data)):
        hasher.update(data)
    return _HASHED / (1024 * 1024) / (time.process_time() - began)


def curl(folder: Path, runs: int = 5) -> float | None:
    """Seconds in which `curl` alone takes *big* from one registry and brings it to another, streaming, 4 at once.

    None where there is no curl. The median of `runs`.
    """
    if shutil.which("curl") is None:
        return None
    images = big()
    with Real(folder, images) as place:
        walls = []
        for _ in range(runs):
            place.renew()
            walls.append(measure(["sh", "-c", _script(place, images)], place.folder).wall)
    return sorted(walls)[len(walls) // 2]


def _script(place: Real, images: Images) -> str:
    """One download piped into one upload for each layer."""
    lines = []
    for path, tags in images.items():
        for image in tags.values():
            for blob in image.blobs:
                source = f"http://{place.source}/v2/{path}/blobs/{blob.digest}"
                lines.append(
                    f"{source} http://{place.target}/v2/{path}/blobs/uploads/ {blob.digest} {blob.size}"
                )
    one = (
        'session=$(curl -fsS -X POST -D - -o /dev/null "$2" | tr -d "\\r" | sed -n "s/^Location: //p"); '
        'curl -fsS "$1" | curl -fsS -T - -X PUT -H "Content-Length: $4" -H "Transfer-Encoding:" '
        '-H "Content-Type: application/octet-stream" "$session&digest=$3"'
    )
    listed = "\n".join(lines)
    return f"set -e; xargs -P 4 -n 4 sh -c '{one}' sh <<'END'\n{listed}\nEND\n"
