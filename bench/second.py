"""Second: two passes of one process over a configuration, as the daemon makes them; prints what the second took.

`python -m bench.second config.yaml` prints JSON: wall and CPU seconds of the second pass.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from mirror.bootstrap.site import Site
from mirror.config import load
from mirror.events import Event, Failed
from mirror.sync.reconcile import Pass


def main() -> None:
    """Make both passes with the same connections and workers."""
    config = load(Path(sys.argv[1]), os.environ)
    failures: list[Failed] = []

    def observe(event: Event) -> None:
        if isinstance(event, Failed):
            failures.append(event)

    site = Site(config, observe)
    with site.workers() as workers:
        for _ in range(2):
            began, used = time.monotonic(), time.process_time()
            for model in config.mirrors:
                Pass(site.mirror(model), workers, observe, datetime.now(UTC), time.monotonic).run()
            found = {"wall": time.monotonic() - began, "cpu": time.process_time() - used}
    if failures:
        raise SystemExit(f"{len(failures)} failed, first {failures[0]}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
