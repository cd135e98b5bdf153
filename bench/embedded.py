"""Embedded: both embedded registries in a process of their own, filled with the same images, with a delay.

`python -m bench.embedded REPOSITORIES TAGS --delay MILLISECONDS [--new]` prints one line of JSON that says where
they are, then answers each line of its input: `forget` empties the logs, `counts` prints requests by method.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter

from bench.shapes import Images, thousands
from mirror.demo.faults import call
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.images import image
from mirror.demo.server import Server

USER, PASSWORD, PREFIX = "mirror", "glpat-bench-only", "gitlab"


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(
        description="an embedded GitLab-like and an embedded Google-like registry"
    )
    parser.add_argument("repositories", type=int)
    parser.add_argument("tags", type=int)
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds before each answer")
    given = parser.parse_args()
    with GitLabRegistry(users={USER: PASSWORD}) as gitlab, GoogleRegistry() as google:
        _fill(gitlab, google, thousands(given.repositories, given.tags))
        for server in (gitlab, gitlab.objects, google):
            if given.delay:
                server.faults.add(call(lambda: time.sleep(given.delay / 1000)), times=None)
        sites = {"gitlab": gitlab.host, "google": google.host, "prefix": f"{google.prefix}/{PREFIX}"}
        _say(sites | {"key": google.key, "project": google.project})
        for line in sys.stdin:
            _obey(line.strip(), gitlab, google)


def _fill(gitlab: GitLabRegistry, google: GoogleRegistry, images: Images) -> None:
    for path, tags in images.items():
        source = gitlab.storage.repository(path)
        target = google.storage.repository(f"{google.prefix}/{PREFIX}/{path}")
        for tag, one in tags.items():
            one.store(source, tag)
            one.store(target, tag)


def _obey(order: str, gitlab: GitLabRegistry, google: GoogleRegistry) -> None:
    servers: dict[str, list[Server]] = {"source": [gitlab, gitlab.objects], "target": [google]}
    if order == "forget":
        for server in (gitlab, gitlab.objects, google):
            server.forget()
        _say({})
    elif order == "counts":
        _say(
            {
                side: Counter(seen.method for one in of for seen in one.requests)
                for side, of in servers.items()
            }
        )
    elif order.startswith("new "):
        image(order).store(gitlab.storage.repository("bench/many-01"), order.replace(" ", "-"))
        _say({})


def _say(found: object) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
