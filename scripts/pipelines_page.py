"""Print docs/reference/pipelines.md: every input of the CI templates, from the templates themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

TEMPLATES = Path(__file__).parents[1] / "ci-templates"
OPENING = """\
<!-- Made by scripts/pipelines_page.py from ci-templates; a test compares. -->

# Inputs of the pipeline templates

How to use them: [GitLab CI](../how-to/gitlab-ci.md), [GitHub Actions](../how-to/github-actions.md).
"""
TITLES = {
    "gitlab/dual-push.yml": "GitLab: build once, push to both",
    "gitlab/mirror-now.yml": "GitLab: copy now",
    "github/action.yml": "GitHub: the action",
}
CLOSING = """\
The reusable workflow `.github/workflows/dual-push.yml` has the inputs of the action, `gitlab_password` and `gcp_key`
as secrets, and `runner`, the label of the runners that may take the job.

## Variables that any of them takes

| variable | value |
| --- | --- |
| `DUAL_PUSH_INPUT_RETRY_DELAY` | seconds before the second attempt (2); each wait is twice the one before |
| `DUAL_PUSH_INPUT_ENGINE_WAIT` | seconds to wait for a Docker Engine that starts (30) |
| `DUAL_PUSH_INPUT_STS_URL`, `DUAL_PUSH_INPUT_IAM_URL` | private endpoints in place of Google's, for `auth: wif` |
| `DOCKER_AUTH_CONFIG` | logins for base images, as GitLab's runner takes them |
"""


def page() -> Iterator[str]:
    """The lines of the page."""
    yield OPENING
    for name, title in TITLES.items():
        yield f"## {title}\n\n`ci-templates/{name}`\n\n| input | default | what it is |\n| --- | --- | --- |"
        yield from (_row(input_name, spec or {}) for input_name, spec in _inputs(TEMPLATES / name).items())
        yield ""
    yield CLOSING.rstrip()


def _inputs(path: Path) -> Mapping[str, Any]:
    header = next(iter(YAML(typ="safe", pure=True).load_all(path.read_text())))
    inputs: Mapping[str, Any] = header.get("spec", header)["inputs"]
    return inputs


def _row(name: str, spec: Mapping[str, Any]) -> str:
    return f"| `{name}` | {_default(spec)} | {_described(spec)} |"


def _default(spec: Mapping[str, Any]) -> str:
    default = spec.get("default")
    if "default" not in spec:
        return "required"
    if isinstance(default, list):
        return "see the file" if default and isinstance(default[0], dict) else f"`{default}`"
    return f"`{default}`" if default not in ("", None) else ""


def _described(spec: Mapping[str, Any]) -> str:
    text = str(spec.get("description", "")).strip().rstrip(".")
    options = ", ".join(f"`{option}`" for option in spec.get("options", ()))
    return "; ".join(filter(None, (text.replace("|", "\\|"), options)))


if __name__ == "__main__":
    sys.stdout.write("\n".join(page()) + "\n")
