"""Identity: the principal that a login is at Google, as IAM writes it, so that a fix can name it."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

from mirror.checks.credentials import Key
from mirror.checks.keyless import PROJECTED, subject_of
from mirror.checks.place import TIMEOUTS
from mirror.errors import MirrorError
from mirror.oci.auth import Credential
from mirror.registries.google_auth import ApplicationDefault, application_default

# A person's login does not say whose it is; gcloud, which made it, knows.
_PERSON = "user:$(gcloud config get-value account)"
_POOL = ".svc.id.goog"
# What a shell leaves as it is: a subject may hold the name of a branch, which anybody may have chosen.
_WORD = re.compile(r"[\w.@:/-]+")


def member(credential: Credential, projected: Path = PROJECTED) -> str:
    """The principal, "" where nothing tells it. May ask the machine's metadata server.

    What is between `$(` and `)` is for the shell to fill in. `projected` is the token of a workload on Kubernetes.
    """
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - slow; not needed for help

    try:
        if isinstance(credential, ApplicationDefault):
            return _default(projected)
        key = Key.of(credential.login())
    except (MirrorError, GoogleAuthError, ValueError, KeyError):
        return ""  # the checks of the login say what is wrong with it
    return key.member if key and _WORD.fullmatch(key.email) else ""


def known(principal: str) -> bool:
    """Whether the principal is told outright, so that it can be looked for in a policy."""
    return bool(principal) and "$(" not in principal


def _default(projected: Path) -> str:
    from google.auth.transport.requests import Request  # noqa: PLC0415 - slow, as above
    from google.oauth2.credentials import Credentials as Person  # noqa: PLC0415 - slow, as above

    found = application_default()
    if isinstance(found, Person):
        return _PERSON
    request = partial(Request(), timeout=TIMEOUTS.read)
    email = getattr(found, "service_account_email", None)
    if email == "default":  # The machine's own: only its metadata server knows the name.
        found.refresh(request)
        email = found.service_account_email
    if not email:
        return _federated(found, request)
    if not _WORD.fullmatch(email):
        return ""
    return _workload(email, projected) if email.endswith(_POOL) else f"serviceAccount:{email}"


def _federated(found: Any, request: Any) -> str:
    """An outside identity that acts as itself: https://cloud.google.com/iam/docs/principal-identifiers ."""
    pool, _, provider = str(found.info["audience"]).partition("/providers/")
    subject = subject_of(found.retrieve_subject_token(request)) if provider else ""
    return f"principal:{pool}/subject/{subject}" if _WORD.fullmatch(f"{pool}{subject}") and subject else ""


def _workload(pool: str, projected: Path) -> str:
    """A Kubernetes service account that acts as itself, without one of Google's."""
    try:
        subject = subject_of(projected.read_text("utf-8"))
    except OSError:
        return ""
    _, _, place = subject.partition("system:serviceaccount:")
    namespace, _, name = place.partition(":")
    number = f"$(gcloud projects describe {pool.removesuffix(_POOL)} --format='value(projectNumber)')"
    where = f"principal://iam.googleapis.com/projects/{number}/locations/global/workloadIdentityPools/{pool}"
    told = bool(name) and _WORD.fullmatch(subject)
    return f"{where}/subject/ns/{namespace}/sa/{name}" if told else ""
