"""Second: two passes of the daemon over a configuration; prints what the second took.

`python -m bench.second config.yaml` prints JSON: wall and CPU seconds of the second pass. It is the daemon of
`gcr-mirror run` with its state, without threads and without the web server: a pass begins when it is told to.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from mirror.bootstrap.station import Station, open_ledger
from mirror.config import load
from mirror.events import Event, Failed
from mirror.service import footprint
from mirror.transport.clock import Clock


class Hurried(Clock):
    """A clock that can be put forward, to when the next pass is due."""

    ahead = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return super().monotonic() + self.ahead


def main() -> None:
    """Make both passes with the same connections and memory."""
    footprint.share_heaps()
    config = load(Path(sys.argv[1]), os.environ)
    failures: list[Failed] = []

    def listen(event: Event) -> None:
        if isinstance(event, Failed):
            failures.append(event)

    clock = Hurried()
    daemon = Station(config, open_ledger(config, print), os.environ, listen=listen, clock=clock).daemon
    for _ in range(2):
        began, used = time.monotonic(), time.process_time()
        daemon.turn()
        found = {"wall": time.monotonic() - began, "cpu": time.process_time() - used}
        clock.ahead += max(loop.delay for loop in daemon.loops.values())
    passes = [record.result for name in daemon.loops for record in daemon.ledger.passes(name, 2)]
    if failures or passes != ["ok"] * 2 * len(daemon.loops):
        raise SystemExit(f"{len(failures)} failed, first {failures[:1]}; passes: {passes}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
