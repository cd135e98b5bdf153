"""Tools: this program and its peers, each as the command line that does a work."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.embedded import PREFIX
from bench.places import Listing, Place

Command = Callable[[Place], list[str]]


@dataclass(frozen=True)
class Tool:
    """One competitor: what it is called in the table, its program, and its command for a place."""

    name: str
    program: str
    command: Command
    ours: bool = False
    env: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})

    @property
    def there(self) -> bool:
        """Whether it can be run on this machine."""
        return shutil.which(self.program) is not None


def ours(name: str = "gcr-mirror") -> Tool:
    """This program with its default limits."""
    return Tool(name, sys.executable, _sync, ours=True, env=_home)


def second_pass() -> Tool:
    """The second pass of one process, as the daemon makes it; the first is not measured."""
    return Tool("gcr-mirror, second pass", sys.executable, _second_pass, ours=True, env=_home)


def skopeo(parallel: int) -> Tool:
    """Debian's skopeo: one `sync` for each repository, so many at a time."""
    return Tool(f"skopeo, {_times(parallel)}", "skopeo", lambda place: _skopeo(place, parallel))


def crane(repositories: int, jobs: int) -> Tool:
    """The program crane of go-containerregistry: one `copy --all-tags` for each repository."""
    return Tool(
        f"crane, {repositories} x {jobs}",
        "crane",
        lambda place: _crane(place, repositories, jobs),
        env=lambda place: {"SSL_CERT_FILE": str(place.ca)} if place.ca else {},
    )


def regsync(parallel: int) -> Tool:
    """The program regsync of regclient, one configuration for all repositories."""
    return Tool(f"regsync, {parallel} parallel", "regsync", lambda place: _regsync(place, parallel))


def _home(place: Place) -> Mapping[str, str]:
    return {"HOME": str(place.folder), "DOCKER_CONFIG": str(place.folder)}


def command_line(*words: str) -> list[str]:
    """`gcr-mirror` of this checkout."""
    return [sys.executable, "-m", "mirror", *words]


def _sync(place: Place) -> list[str]:
    return command_line("sync", "-c", str(configuration(place)), "--json")


def _second_pass(place: Place) -> list[str]:
    return [sys.executable, "-m", "bench.second", str(configuration(place))]


def configuration(place: Place) -> Path:
    """Our configuration for a place."""
    mirror = {
        "name": "bench",
        "source": "from",
        "target": "to",
        "repositories": list(place.images),
        **({"prefix": PREFIX} if isinstance(place, Listing) else {}),
    }
    path = place.folder / "config.yaml"
    path.write_text(json.dumps({"registries": place.configuration(), "mirrors": [mirror]}))  # JSON is YAML
    return path


def _skopeo(place: Place, parallel: int) -> list[str]:
    if place.ca:
        access = f"--src-cert-dir={place.ca.parent} --dest-cert-dir={place.ca.parent}"
    else:
        access = "--src-tls-verify=false --dest-tls-verify=false"
    if place.logins:
        access += f" --authfile={place.logins}"
    sync = f"skopeo --insecure-policy sync --all --preserve-digests {access} --src docker --dest docker"
    one = f'{sync} {place.source}/"$1" {_below(place)}/"$(dirname "$1")"'
    return _each(place, parallel, one)


def _crane(place: Place, repositories: int, jobs: int) -> list[str]:
    insecure = "" if place.ca else "--insecure "
    one = f'crane copy {insecure}--all-tags --jobs {jobs} {place.source}/"$1" {_below(place)}/"$1"'
    return _each(place, repositories, one)


def _each(place: Place, parallel: int, command: str) -> list[str]:
    """`command` for every repository, so many at a time; `$1` is the repository."""
    words = f"printf '%s\\n' {' '.join(place.images)} | xargs -P {parallel} -n 1 sh -c '{command}' sh"
    return ["sh", "-c", words]


def _regsync(place: Place, parallel: int) -> list[str]:
    tls = "enabled" if place.ca else "disabled"
    registries = (place.source, place.target)
    creds = [{"registry": host, "tls": tls, "reqConcurrent": parallel} for host in registries]
    sync = [
        {"source": f"{place.source}/{path}", "target": f"{_below(place)}/{path}", "type": "repository"}
        for path in place.images
    ]
    path = place.folder / "regsync.yaml"
    defaults = {"parallel": parallel}
    path.write_text(json.dumps({"version": 1, "creds": creds, "defaults": defaults, "sync": sync}))
    return ["regsync", "once", "--config", str(path)]


def _below(place: Place) -> str:
    return f"{place.target}/{place.prefix}" if place.prefix else place.target


def _times(parallel: int) -> str:
    return "one after another" if parallel == 1 else f"{parallel} at once"
