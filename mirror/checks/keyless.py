"""Keyless: where the program runs, and the login without a key that it could have there."""

from __future__ import annotations

import base64
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mirror.checks.federation import GITLAB_ISSUER

# What the firmware of Google's machines calls itself.
_PRODUCT = Path("/sys/class/dmi/id/product_name")
# The token of a workload on Kubernetes.
PROJECTED = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_GITHUB = "https://github.com"
_METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/email"


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the program runs. `projected` is the token of a workload on Kubernetes."""

    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    product: Path = _PRODUCT
    projected: Path = PROJECTED

    @property
    def googles(self) -> bool:
        """Whether this is a machine of Google's, which has a login of its own."""
        try:
            return self.product.read_text("utf-8").startswith("Google")
        except OSError:
            return False

    @property
    def workload(self) -> str:
        """NAMESPACE/NAME of the Kubernetes service account, "" where there is none."""
        if "KUBERNETES_SERVICE_HOST" not in self.env:
            return ""
        try:
            subject = subject_of(self.projected.read_text("utf-8"))
        except (OSError, ValueError):
            return ""
        return subject.removeprefix("system:serviceaccount:").replace(":", "/", 1)


def keyless(machine: Machine, setup: str, known: Mapping[str, str]) -> tuple[str, str] | None:
    """Why no key is needed here, and the command that does without; None where nothing else is known to do.

    `setup` is the command of the set-up, `known` what is known of the place in words of explanations.
    """
    env = machine.env
    if env.get("GITLAB_CI") and env.get("CI_PROJECT_NAMESPACE"):
        return "GitLab CI gives its jobs tokens that Google takes", _gitlab(env, setup)
    if env.get("GITHUB_ACTIONS") and env.get("GITHUB_REPOSITORY_OWNER"):
        return "GitHub gives its jobs tokens that Google takes", _github(env, setup)
    if machine.googles and machine.workload:
        account = f" --keyless gke --kubernetes-account {shlex.quote(machine.workload)} --apply"
        return "GKE gives its workloads tokens", f"{setup}{account}; it prints what to write down"
    return (
        ("this machine is Google's, and has a login of its own", _machine(known)) if machine.googles else None
    )


def _gitlab(env: Mapping[str, str], setup: str) -> str:
    issuer = env.get("CI_SERVER_URL", GITLAB_ISSUER)
    return _federated(
        f"{setup} --keyless gitlab --namespace {shlex.quote(env['CI_PROJECT_NAMESPACE'])}"
        + ("" if issuer == GITLAB_ISSUER else f" --issuer {shlex.quote(issuer)}")
    )


def _github(env: Mapping[str, str], setup: str) -> str:
    server = env.get("GITHUB_SERVER_URL", _GITHUB)
    command = _federated(
        f"{setup} --keyless github --namespace {shlex.quote(env['GITHUB_REPOSITORY_OWNER'])}"
        + ("" if server == _GITHUB else f" --issuer {shlex.quote(server)}/_services/token")
    )
    # GitHub sets it for jobs that may ask for a token.
    permitted = "ACTIONS_ID_TOKEN_REQUEST_URL" in env
    return command if permitted else f"{command}; the job also needs permissions: {{id-token: write}}"


def _federated(command: str) -> str:
    return f"{command} --login-file login.json --apply; it prints what to write down"


def _machine(known: Mapping[str, str]) -> str:
    adc = "write credentials: {adc: true}"
    if "REPOSITORY" not in known:
        return f"{adc}, and give the machine's service account the right to push"
    place = "{REPOSITORY} --location={LOCATION} --project={PROJECT}".format_map(known)
    return (
        f"gcloud artifacts repositories add-iam-policy-binding {place} --member=serviceAccount:$(curl -sH "
        f"Metadata-Flavor:Google {_METADATA}) --role=roles/artifactregistry.writer; then {adc}"
    )


def subject_of(token: str) -> str:
    """Whom an identity token is about. It was handed to us; Google is who verifies it."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return ""
    return str(claims.get("sub", "")) if isinstance(claims, dict) else ""
