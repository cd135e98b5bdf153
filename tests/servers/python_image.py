"""Python image: a stand-in for the public one, made from this machine's own files; no registry is asked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pip

from tests.servers.engine import Engine
from tests.servers.present import require

_LEFT_OUT = {
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "__pycache__",
}
# The libraries that wheels may count on: https://peps.python.org/pep-0599/#the-manylinux2014-policy
_EXPECTED = (
    *("libgcc_s.so.1", "libstdc++.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"),
    *("libutil.so.1", "libresolv.so.2", "libnsl.so.1", "libnss_files.so.2", "libnss_dns.so.2"),
)
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def load(engine: Engine, name: str, *, shell: bool) -> None:
    """Give the Engine an image of this name: Python and certificates, with pip and a shell where they are wanted."""
    python = Path(sys.base_prefix) / "bin" / f"python{sysconfig.get_python_version()}"
    folder = engine.directory / f"base-{'with' if shell else 'without'}-shell"
    folder.mkdir()
    with tarfile.open(folder / "root.tar", "w") as tar:
        for path in sorted(set(_files(python))):
            # In the folder that it is really in: /lib64 is a link on some machines.
            tar.add(path, arcname=str(path.parent.resolve() / path.name), recursive=False)
        for top in ("bin", "lib", "lib64"):
            if Path("/", top).is_symlink():
                _link(tar, top, f"usr/{top}")
        _link(tar, "usr/bin/python3", str(python))
        tar.add(_CERTIFICATES, arcname=_CERTIFICATES)
        for directory in ("tmp", "build", "state"):
            tar.addfile(_directory(directory))
        if shell:
            _shell(tar)
    environment = "".join(f"ENV {key}={value}\n" for key, value in _environment().items())
    dockerfile = f"FROM scratch\nADD root.tar /\nENV PATH=/usr/bin\n{environment if shell else ''}"
    (folder / "Dockerfile").write_text(dockerfile)
    environ = {**os.environ, **engine.env}
    subprocess.run(
        ["docker", "build", "-q", "-t", name, folder], env=environ, check=True, capture_output=True
    )
    shutil.rmtree(folder)


def _files(python: Path) -> Iterator[Path]:
    library = Path(sysconfig.get_path("stdlib"))
    yield python
    yield python.resolve()
    loaded = [python]
    for folder, folders, files in os.walk(library):
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")]
        yield from (Path(folder) / name for name in files if not name.endswith((".pyc", ".a")))
        loaded += [Path(folder) / name for name in files if name.endswith(".so")]
    yield from _libraries(loaded)


def _libraries(programs: Iterable[Path]) -> Iterator[Path]:
    """What the programs are linked with, where they look for it, and what wheels expect of a base."""
    found = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    expected = (f"/lib/{os.uname().machine}-linux-gnu/{name}" for name in _EXPECTED)
    for name in {*re.findall(r"(/\S+) \(0x", found), *expected}:
        if Path(name).exists():
            yield Path(name)
            yield Path(name).resolve()


def _shell(tar: tarfile.TarFile) -> None:
    tar.add(os.path.realpath(require("busybox")), arcname="usr/bin/busybox")
    for applet in ("sh", "find", "touch", "rm"):
        _link(tar, f"usr/bin/{applet}", "busybox")
    # Beside the library itself, which every Python reads: Debian's knows no site-packages.
    place = Path(sysconfig.get_path("stdlib")) / "pip"
    tar.add(Path(pip.__file__).parent, arcname=str(place), filter=_without_caches)


def _without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, target
    tar.addfile(link)


def _directory(name: str) -> tarfile.TarInfo:
    directory = tarfile.TarInfo(name)
    directory.type, directory.mode = tarfile.DIRTYPE, 0o1777
    return directory


def _environment() -> dict[str, str]:
    """How this machine reaches the package index, as far as a base image could say it."""
    names = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "HTTPS_PROXY", "https_proxy")
    return {"PIP_CERT": _CERTIFICATES} | {name: os.environ[name] for name in names if name in os.environ}
