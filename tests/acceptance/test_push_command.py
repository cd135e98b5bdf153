"""`gcr-mirror push`: a real Engine, two real registries, and one of them down."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.servers.command import Ran, gcr_mirror
from tests.servers.engine import Engine
from tests.servers.pair import JOB_TOKEN, Pair
from tests.servers.process import free_port


class Shop:
    """An image in an Engine, and a home whose Docker configuration has both logins."""

    def __init__(self, home: Path, pair: Pair, engine: Engine) -> None:
        self.home = home
        self.pair = pair
        self.engine = engine
        (home / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\nLABEL home=" + home.name + "\n")
        argv = ["docker", "build", "--quiet", "--tag", "acme:1.0", str(home)]
        subprocess.run(argv, env={**engine.env, "HOME": str(home)}, check=True, capture_output=True)
        self.log_in(
            {
                pair.gitlab.host: ("gitlab-ci-token", JOB_TOKEN),
                pair.google_image.split("/")[0]: ("_json_key", pair.key_text),
            }
        )

    def log_in(self, logins: Mapping[str, tuple[str, str]]) -> None:
        auths = {
            host: {"auth": b64encode(f"{user}:{password}".encode()).decode()}
            for host, (user, password) in logins.items()
        }
        folder = self.home / ".docker"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"auths": auths}))

    def push(self, *more: str) -> Ran:
        to = (f"--to={self.pair.gitlab_image}", f"--to={self.pair.google_image}")
        env = {"DOCKER_HOST": self.engine.env["DOCKER_HOST"]}
        return gcr_mirror("push", "acme:1.0", *to, *more, env=env, home=self.home)


@pytest.fixture
def shop(tmp_path: Path, pair: Pair, engine: Engine) -> Shop:
    home = tmp_path / "home"
    home.mkdir()
    return Shop(home, pair, engine)


def test_one_image_reaches_both_registries_under_one_digest(shop: Shop, pair: Pair) -> None:
    ran = shop.push("--json")
    assert ran.code == 0, ran.err
    digest = pair.digest_at_google("1.0")
    assert digest == pair.digest_at_gitlab("1.0") is not None
    said = json.loads(ran.out)
    assert said["status"] == "pushed"
    assert [target["image"] for target in said["targets"]] == [
        f"{pair.gitlab_image}@{digest}",
        f"{pair.google_image}@{digest}",
    ]
    assert "2 of 2 registries have the image, under one digest" in ran.err


@pytest.mark.parametrize(("policy", "code"), [("fail", 1), ("warn", 75)])
@pytest.mark.parametrize("down", ["gitlab", "google"])
def test_one_registry_that_is_down_keeps_nothing_from_the_other(
    shop: Shop, pair: Pair, down: str, policy: str, code: int
) -> None:
    {"gitlab": pair.gitlab, "google": pair.google}[down].stop()
    ran = shop.push("--attempts=2", f"--on-partial-failure={policy}", "--json")
    assert ran.code == code, ran.err
    said = json.loads(ran.out)
    assert said["status"] == "partial"
    reasons = [target["reason"] for target in said["targets"]]
    assert reasons == (["unreachable", None] if down == "gitlab" else [None, "unreachable"])
    there = pair.digest_at_google if down == "gitlab" else pair.digest_at_gitlab
    assert there("1.0") is not None
    assert ran.err.count("again   ") == 1
    assert f"gcr-mirror copy {pair.google_image if down == 'gitlab' else pair.gitlab_image}@" in ran.err


def test_a_login_that_is_refused_is_explained_and_not_repeated(shop: Shop, pair: Pair) -> None:
    wrong = json.dumps({**pair.key, "private_key_id": "0" * 40})
    shop.log_in(
        {
            pair.gitlab.host: ("gitlab-ci-token", JOB_TOKEN),
            pair.google_image.split("/")[0]: ("_json_key", wrong),
        }
    )
    ran = shop.push()
    assert ran.code == 1
    assert "again   " not in ran.err
    assert f"failed  {pair.google_image}:1.0" in ran.err
    assert pair.digest_at_gitlab("1.0") is not None
    assert pair.key["private_key"][40:80] not in ran.err


def test_a_terminal_shows_a_bar_for_each_layer(shop: Shop, pair: Pair) -> None:
    # A layer of some size, so that the Engine tells of its progress.
    (shop.home / "Dockerfile").write_text("FROM scratch\nCOPY noise /\n")
    (shop.home / "noise").write_bytes(os.urandom(8 << 20))
    env = {**shop.engine.env, "HOME": str(shop.home), "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run(["docker", "build", "-q", "-t", "acme:1.0", str(shop.home)], env=env, check=True)
    command = f"{sys.executable} -m mirror push acme:1.0 --to={pair.gitlab_image}"
    ran = subprocess.run(
        ["script", "--quiet", "--return", "--command", command, "/dev/null"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"[0-9a-f]{12} .*[\d.]+/8\.4 MB", ran.stdout), ran.stdout
    assert "1 of 1 registries have the image" in ran.stdout


def test_an_image_that_is_not_there_is_the_users_to_fix(shop: Shop) -> None:
    subprocess.run(["docker", "image", "rm", "--force", "acme:1.0"], env=shop.engine.env, check=True)
    ran = shop.push()
    assert ran.code == 2
    assert "the Docker Engine has no image acme:1.0: build it" in ran.err


def test_without_an_engine_it_says_how_to_name_one(tmp_path: Path) -> None:
    ran = gcr_mirror(
        "push",
        "acme:1.0",
        "--to=127.0.0.1:1/acme/app",
        env={"DOCKER_HOST": f"tcp://127.0.0.1:{free_port()}"},
        home=tmp_path,
    )
    assert ran.code == 3
    assert "no Docker Engine answers" in ran.err
    assert "DOCKER_HOST" in ran.err
