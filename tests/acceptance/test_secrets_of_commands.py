"""No command prints a secret, not even with --debug, when registries fail in every way at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mirror.demo import faults, images
from mirror.demo.google import GoogleRegistry
from mirror.demo.messages import Effect
from tests.servers.command import Ran, gcr_mirror
from tests.servers.embedded import PASSWORD, Embedded
from tests.servers.secrets import Secrets, echo

# By repository, so that one command meets them all: the side, the request, and what comes of it.
TROUBLES: dict[str, tuple[str, str, str, Effect]] = {
    "acme/list": ("source", "GET", "/gitlab/v1/.*{path}/", echo(400, "UNKNOWN")),
    "acme/manifest": ("source", "GET", "{path}/manifests/", echo(403)),
    "acme/blob": ("source", "GET", "{path}/blobs/", echo(401, "UNAUTHORIZED")),
    "acme/moved": (
        "source",
        "GET",
        "{path}/blobs/",
        faults.redirect("http://[bucket?Signature=none-of-ours"),
    ),
    "acme/upload": ("target", "POST", "{path}/blobs/uploads/", echo(400)),
    "acme/written": ("target", "PUT", "{path}/manifests/", echo(403, "DENIED")),
    "acme/wrong": ("source", "GET", "{path}/manifests/", faults.wrong_bytes()),
    "acme/good": ("source", "GET", "nothing", echo(400)),
}


def filled(both: Embedded) -> None:
    for path, (side, method, pattern, effect) in TROUBLES.items():
        both.at_source(images.image(path), "1.0", path=path)
        getattr(both, side).faults.add(effect, method, pattern.replace("{path}", path), times=None)


def test_no_command_prints_a_secret(both: Embedded, tmp_path: Path) -> None:
    secrets = Secrets(both)
    filled(both)
    config = both.written(tmp_path, *TROUBLES)
    logins = {
        "GCR_MIRROR_SOURCE_USERNAME": "mirror",
        "GCR_MIRROR_SOURCE_PASSWORD": PASSWORD,
        "GCR_MIRROR_TARGET_USERNAME": "_json_key",
        "GCR_MIRROR_TARGET_PASSWORD": both.env["GCR_KEY"],
    }
    assert isinstance(both.target, GoogleRegistry)
    at_source, at_target = f"{both.source.host}/acme/blob:1.0", f"{both.target.host}/{both.target.project}/x"

    def run(*words: str) -> Ran:
        return gcr_mirror("--debug", *words, env={**both.env, **logins}, home=tmp_path)

    commands: dict[str, Callable[[], Ran]] = {
        "sync": lambda: run("sync", "-c", str(config)),
        "sync --json": lambda: run("sync", "-c", str(config), "--json"),
        "copy": lambda: run("copy", at_source, at_target),
        "list": lambda: run("list", "-c", str(config)),
        "check": lambda: run("check", "-c", str(config)),
    }
    with ThreadPoolExecutor(2) as pool:
        ran = dict(zip(commands, pool.map(lambda command: command(), commands.values()), strict=True))
    assert all(one.code == 1 for name, one in ran.items() if name != "check")
    failed = json.loads(ran["sync --json"].out)["mirrors"][0]["errors"]
    assert len(failed) == len(TROUBLES) - 1, "every trouble was met"
    for name, one in ran.items():
        assert secrets.in_text(one.out + one.err) == [], name
        assert "Signature=" not in one.out + one.err, name


def test_a_login_that_is_refused_is_told_without_it(both: Embedded, tmp_path: Path) -> None:
    secrets = Secrets(both)
    both.at_source(images.image("one"), "1.0")
    config = both.written(tmp_path)
    both.source.faults.add(echo(401, "UNAUTHORIZED"), "GET", "/jwt/auth", times=None)
    ran = gcr_mirror("--debug", "sync", "-c", config, env=both.env, home=tmp_path)
    assert ran.code == 3
    assert "refused" in ran.err
    assert secrets.in_text(ran.out + ran.err) == []


def test_a_key_that_cannot_be_read_is_told_without_it(both: Embedded, tmp_path: Path) -> None:
    secrets = Secrets(both)
    both.at_source(images.image("one"), "1.0")
    both.env["GCR_KEY"] = both.env["GCR_KEY"].replace('"type"', '"typ')
    ran = gcr_mirror("--debug", "sync", "-c", both.written(tmp_path), env=both.env, home=tmp_path)
    assert ran.code == 2
    assert "not JSON" in ran.err
    assert secrets.in_text(ran.out + ran.err) == []
