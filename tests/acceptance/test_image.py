"""The Dockerfile, built and run for real, on a base image that is made here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import python_image
from tests.servers.command import configuration, plain
from tests.servers.engine import Engine
from tests.servers.registry import Registries, Registry
from tests.servers.seed import Seed
from tests.servers.skopeo import Image, judge

ROOT = Path(__file__).parents[2]
LARGEST = 200_000_000  # bytes on disk, beside the base


class Docker:
    """The Engine's command line, with the image built."""

    def __init__(self, engine: Engine) -> None:
        # BuildKit copies files half as often as the builder that it replaced.
        self.env = {**os.environ, **engine.env, "DOCKER_BUILDKIT": "1"}
        self.registry = Registry(engine.directory / "registry")
        self.tag = f"{self.registry.host}/python:3"
        self.bases = {"PYTHON": self.pushed(engine, self.tag, shell=True)}
        self.bases["RUNTIME"] = self.pushed(engine, f"{self.registry.host}/runtime:3", shell=False)
        self.build("gcr-mirror:1")

    def pushed(self, engine: Engine, name: str, *, shell: bool) -> str:
        """A base in a registry, which is where an image gets the digest that one can name it by."""
        python_image.load(engine, name, shell=shell)
        assert self("push", name).returncode == 0
        (pinned,) = self.image(name)["RepoDigests"]
        return str(pinned)

    def build(self, name: str, *words: str) -> None:
        arguments = self.bases | {
            "SOURCE_DATE_EPOCH": "1700000000",
            "REVISION": "abc123",
            "VERSION": "1.2.3",
        }
        options = [word for one in arguments.items() for word in ("--build-arg", "=".join(one))]
        built = self("build", "--network=host", "-t", name, *options, *words, str(ROOT))
        assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *words], env=self.env, capture_output=True, text=True, timeout=280, check=False
        )

    def image(self, name: str = "gcr-mirror:1") -> dict[str, Any]:
        (found,) = json.loads(self("image", "inspect", name).stdout)
        return dict(found)


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    engine = Engine()
    made = Docker(engine)
    yield made
    made.registry.stop()
    engine.stop()


def test_a_container_without_root_shell_and_writable_files_mirrors_for_real(
    tmp_path: Path, docker: Docker, registries: Registries
) -> None:
    source, target = registries(), registries()
    Seed(source.url, "acme/api").platforms("1")
    config = configuration(tmp_path, plain(source.host), plain(target.host), prefix="gitlab")
    tmp_path.chmod(0o755)
    config.chmod(0o644)
    hardened = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=host")
    mounted = ("-v", f"{config}:/etc/gcr-mirror/config.yaml:ro")
    ran = docker("run", "--rm", *hardened, *mounted, "gcr-mirror:1", "sync", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout)["mirrors"][0]["copied"] == 1
    assert judge(
        Image(f"{source.host}/acme/api:1"), Image(f"{target.host}/gitlab/acme/api:1"), tmp_path / "judged"
    )


def test_a_base_that_is_not_pinned_is_refused_with_what_to_do(docker: Docker) -> None:
    network = ("build", "--network=host")
    none = docker(*network, str(ROOT))
    assert none.returncode != 0
    assert "missing: --build-arg PYTHON=docker.io/library/python@sha256:" in none.stderr
    pinned = ("--build-arg", f"PYTHON={docker.bases['PYTHON']}")
    for moving in (
        ("--build-arg", f"PYTHON={docker.tag}"),
        (*pinned, "--build-arg", f"RUNTIME={docker.tag}"),
    ):
        tag = docker(*network, *moving, str(ROOT))
        assert tag.returncode != 0
        assert f"{docker.tag} can be another image tomorrow: name it by its digest" in tag.stderr


def test_it_runs_as_a_number_that_is_not_root_and_without_a_shell(docker: Docker) -> None:
    config = docker.image()["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["python3", "-P", "-m", "mirror"]
    assert (
        docker("run", "--rm", "--network=none", "--entrypoint", "/bin/sh", "gcr-mirror:1").returncode == 127
    )
    who = docker(
        "run",
        "--rm",
        "--network=none",
        "--entrypoint",
        "python3",
        "gcr-mirror:1",
        "-c",
        "import os; print(os.getuid())",
    )
    assert who.stdout == "65532\n"


def test_its_health_is_what_the_daemon_says(tmp_path: Path, docker: Docker) -> None:
    # Without a network: registries that cannot be reached are no reason to be restarted.
    config = configuration(tmp_path, plain("127.0.0.1:1"), plain("127.0.0.1:2"), repositories=["acme/api"])
    config.write_text(
        json.dumps(json.loads(config.read_text()) | {"state": {"url": "sqlite:////state/s.db"}})
    )
    tmp_path.chmod(0o755)
    config.chmod(0o644)
    words = (
        "--read-only",
        "--tmpfs=/state:uid=65532",
        "--network=none",
        "-v",
        f"{config}:/etc/gcr-mirror/config.yaml:ro",
    )
    started = docker("run", "-d", *words, "gcr-mirror:1")
    assert started.returncode == 0, started.stderr
    container = started.stdout.strip()
    check = docker.image()["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    assert any(docker("exec", container, *check[1:]).returncode == 0 for _ in range(60)), docker(
        "logs", container
    )
    assert docker("stop", "--time", "20", container).returncode == 0
    (ended,) = json.loads(docker("container", "inspect", container).stdout)
    assert ended["State"]["ExitCode"] == 0, docker("logs", container).stderr[-2000:]
    alone = docker("run", "--rm", "--network=none", "--entrypoint", check[1], "gcr-mirror:1", *check[2:])
    assert (alone.returncode, "refused" in alone.stderr) == (1, True)


def test_it_says_what_it_is(docker: Docker) -> None:
    labels = docker.image()["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == "abc123"
    assert labels["org.opencontainers.image.version"] == "1.2.3"
    assert labels["org.opencontainers.image.licenses"] == "MIT"


def test_it_is_small_and_holds_nothing_but_the_program(docker: Docker) -> None:
    size = docker.image()["Size"] - docker.image(docker.bases["RUNTIME"])["Size"]
    assert size < LARGEST
    listed = docker(
        *("run", "--rm", "--network=none", "--entrypoint", "python3", "gcr-mirror:1", "-c"),
        "import os; print(sorted(os.listdir('/app')), os.path.exists('/app/lib/tests'))",
    )
    assert listed.stdout == "['LICENSE', 'lib'] False\n"


@pytest.mark.slow
def test_two_builds_have_the_same_layers(docker: Docker) -> None:
    docker.build("gcr-mirror:2", "--no-cache")
    assert docker.image()["RootFS"]["Layers"] == docker.image("gcr-mirror:2")["RootFS"]["Layers"]
