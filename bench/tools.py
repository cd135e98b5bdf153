"""Tools: this program and its peers, each as the command line that does a work."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.embedded import PREFIX
from bench.places import Listing, Place

Command = Callable[[Place], list[str]]
# Images, and layers, that this program copies at once by default.
AT_ONCE = 32


@dataclass(frozen=True)
class Tool:
    """One competitor: what it is called in the table, its program, and its command for a place.

    `at_once` is how many requests it may have under way at one registry, as far as its settings say.
    """

    name: str
    program: str
    command: Command
    ours: bool = False
    env: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})
    tells_itself: bool = False
    runs: int = 1000
    at_once: int = 1

    @property
    def there(self) -> bool:
        """Whether it can be run on this machine."""
        return shutil.which(self.program) is not None


def ours(name: str = "gcr-mirror") -> Tool:
    """This program with its default limits."""
    return Tool(name, sys.executable, _sync, ours=True, env=_home, at_once=AT_ONCE)


def second_pass() -> Tool:
    """The second pass of one process, as the daemon makes it; the first is not measured."""
    return Tool(
        "gcr-mirror, second pass", sys.executable, _second_pass, ours=True, env=_home, tells_itself=True
    )


def skopeo(parallel: int) -> Tool:
    """Debian's skopeo: one `sync` for each repository, so many at a time."""
    name = f"skopeo, {_times(parallel)}"
    return Tool(name, "skopeo", lambda place: _skopeo(place, parallel), at_once=parallel)


def skopeo_copy(parallel: int) -> Tool:
    """Debian's skopeo: one `copy` for each tag of a single repository, so many at a time."""
    name = f"skopeo copy, {_times(parallel)}"
    return Tool(name, "skopeo", lambda place: _skopeo_copy(place, parallel), at_once=parallel)


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


def crane(repositories: int = 1, jobs: int | None = None) -> Tool:
    """The program crane of go-containerregistry: one `copy --all-tags` for each repository."""
    return Tool(
        f"crane, {repositories} x {jobs}" if jobs else "crane, its defaults",
        "crane",
        lambda place: _crane(place, repositories, jobs),
        env=_crane_env,
        at_once=repositories * (jobs or os.cpu_count() or 1),
    )


def regsync(parallel: int | None = None) -> Tool:
    """The program regsync of regclient, one configuration for all repositories."""
    return Tool(
        f"regsync, {parallel} parallel" if parallel else "regsync, its defaults",
        "regsync",
        lambda place: _regsync(place, parallel),
        at_once=parallel or 1,
    )


def _crane_env(place: Place) -> Mapping[str, str]:
    return _home(place) | ({"SSL_CERT_FILE": str(place.ca)} if place.ca else {})


def _home(place: Place) -> dict[str, str]:
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


def _crane(place: Place, repositories: int, jobs: int | None) -> list[str]:
    options = ("" if place.ca else "--insecure ") + (f"--jobs {jobs} " if jobs else "")
    one = f'crane copy {options}--all-tags {place.source}/"$1" {_below(place)}/"$1"'
    return _each(list(place.images), repositories, one)


def _each(names: list[str], parallel: int, command: str) -> list[str]:
    """`command` for every name, so many at a time; `$1` is the name."""
    return ["sh", "-c", f"printf '%s\\n' {' '.join(names)} | xargs -P {parallel} -n 1 sh -c '{command}' sh"]


def _regsync(place: Place, parallel: int | None) -> list[str]:
    tls = {"tls": "enabled", "regcert": place.ca.read_text()} if place.ca else {"tls": "disabled"}
    at_once = {"reqConcurrent": parallel} if parallel else {}
    creds = [
        {"registry": host, **tls, **at_once, **_login(place, host)} for host in (place.source, place.target)
    ]
    sync = [
        {"source": f"{place.source}/{path}", "target": f"{_below(place)}/{path}", "type": "repository"}
        for path in place.images
    ]
    path = place.folder / "regsync.yaml"
    defaults = {"parallel": parallel} if parallel else {}
    path.write_text(json.dumps({"version": 1, "creds": creds, "defaults": defaults, "sync": sync}))
    return ["regsync", "once", "--config", str(path)]


def _login(place: Place, host: str) -> dict[str, str]:
    if not place.logins:
        return {}
    login = json.loads(place.logins.read_text())["auths"][host]["auth"]
    user, _, password = base64.b64decode(login).decode().partition(":")
    return {"user": user, "pass": password}


def _below(place: Place) -> str:
    return f"{place.target}/{place.prefix}" if place.prefix else place.target


def _times(parallel: int) -> str:
    return "one after another" if parallel == 1 else f"{parallel} at once"
