"""Images that stand in for public ones, made of this machine's own programs: there is no registry to pull from."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.servers.engine import Engine
from tests.servers.present import require

CLIENT = "docker:29-cli"
HELPER = "gitlab-ci-local-helper:1"


def docker_cli(engine: Engine, directory: Path) -> str:
    """As docker:cli: busybox, the Docker client, and neither bash nor curl nor jq."""
    client = Path(engine.env["PATH"].split(":")[0]) / "docker"
    return _imported(engine, directory / "docker-cli", CLIENT, {"usr/local/bin/docker": client})


def helper(engine: Engine, directory: Path) -> str:
    """What gitlab-ci-local copies files with: bash and rsync."""
    programs = {f"usr/bin/{name}": Path(require(name)) for name in ("bash", "rsync")}
    return _imported(engine, directory / "helper", HELPER, programs)


def _imported(engine: Engine, root: Path, name: str, programs: dict[str, Path]) -> str:
    busybox = Path(require("busybox"))
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for folder in ("bin", "etc", "root", "tmp", "usr/bin"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    shutil.copy(busybox, root / "bin/busybox")
    for applet in set(applets) - {"busybox"}:
        (root / "bin" / applet).symlink_to("busybox")
    for path, program in programs.items():
        _copy(root, path, program.resolve())
        for library in _libraries(program):
            _copy(root, str(library).lstrip("/"), library.resolve())
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
        argv: Sequence[str] = ("docker", "import", "-", name)
        subprocess.run(argv, stdin=tar.stdout, env=engine.env, check=True, capture_output=True)
    return name


def _libraries(program: Path) -> list[Path]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", listed)]


def _copy(root: Path, path: str, source: Path) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
