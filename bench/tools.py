"""Tools: this program and its peers, each as the command line that does a work."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
    tells_itself: bool = False
    runs: int = 1000

    @property
    def there(self) -> bool:
        """Whether it can be run on this machine."""
        return shutil.which(self.program) is not None


def ours(name: str = "gcr-mirror") -> Tool:
    """This program with its default limits."""
    return Tool(name, sys.executable, _sync, ours=True, env=_home)


def second_pass() -> Tool:
    """The second pass of one process, as the daemon makes it; the first is not measured."""
    return Tool(
        "gcr-mirror, second pass", sys.executable, _second_pass, ours=True, env=_home, tells_itself=True
    )


def skopeo(parallel: int) -> Tool:
    """Debian's skopeo: one `sync` for each repository, so many at a time."""
    return Tool(f"skopeo, {_times(parallel)}", "skopeo", lambda place: _skopeo(place, parallel))


def skopeo_copy(parallel: int) -> Tool:
    """Debian's skopeo: one `copy` for each tag of a single repository, so many at a time."""
    return Tool(f"skopeo copy, {_times(parallel)}", "skopeo", lambda place: _skopeo_copy(place, parallel))


def rarely(tool: Tool) -> Tool:
    """The same, run once: where one run takes minutes."""
    return replace(tool, runs=1)


class NewTags(Listing):
    """The embedded registries, with one more tag at the source before each command."""

    _made = 0

    def renew(self) -> None:
        """One more tag; empty logs."""
        self._made += 1
        self.new_tag(str(self._made))
        super().renew()


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
    sync = (
        f"skopeo --insecure-policy sync --all --preserve-digests {_access(place)} --src docker --dest docker"
    )
    return _each(
        list(place.images), parallel, f'{sync} {place.source}/"$1" {_below(place)}/"$(dirname "$1")"'
    )


def _skopeo_copy(place: Place, parallel: int) -> list[str]:
    copy = f"skopeo --insecure-policy copy --all --preserve-digests {_access(place)}"
    references = [f"{path}:{tag}" for path, tags in place.images.items() for tag in tags]
    return _each(references, parallel, f'{copy} docker://{place.source}/"$1" docker://{_below(place)}/"$1"')


def _access(place: Place) -> str:
    if place.ca:
        access = f"--src-cert-dir={place.ca.parent} --dest-cert-dir={place.ca.parent}"
    else:
        access = "--src-tls-verify=false --dest-tls-verify=false"
    return f"{access} --authfile={place.logins}" if place.logins else access


def _crane(place: Place, repositories: int, jobs: int) -> list[str]:
    insecure = "" if place.ca else "--insecure "
    one = f'crane copy {insecure}--all-tags --jobs {jobs} {place.source}/"$1" {_below(place)}/"$1"'
    return _each(list(place.images), repositories, one)


def _each(names: list[str], parallel: int, command: str) -> list[str]:
    """`command` for every name, so many at a time; `$1` is the name."""
    return ["sh", "-c", f"printf '%s\\n' {' '.join(names)} | xargs -P {parallel} -n 1 sh -c '{command}' sh"]


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
