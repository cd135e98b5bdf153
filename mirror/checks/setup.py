"""Setup: the wish of a user as a list of steps, and the steps done one after another, only what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from mirror.checks.federation import CreatePool, CreateProvider, Federation, WriteLogin
from mirror.checks.grants import Grant, GrantOnBucket
from mirror.checks.keys import CreateKey
from mirror.checks.resource import project, repository, service_account
from mirror.checks.roles import EXCESSIVE, READER, REPO_ADMIN, WRITER
from mirror.checks.steps import Cloud, CreateAccount, CreateRepository, EnableApi, Step, email
from mirror.errors import ConfigError, MirrorError, RegistryError, Unavailable
from mirror.registries.artifact_registry import Home
from mirror.transport.retry import Retry

_ACCOUNT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
# What a shell takes as one word: these stand in commands to be pasted. Whether they exist is Google's to say.
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]*[a-z0-9]")
_REPOSITORY = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_KUBERNETES = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_IMPERSONATE = "roles/iam.workloadIdentityUser"
# What Google says while something that was just made or changed is not known everywhere yet.
_SETTLING = frozenset({"SERVICE_DISABLED", "ABORTED"})

Outcome = Literal["there", "done", "failed"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be so.

    `keyless` is a federation, or `namespace/name` of a Kubernetes service account. `prune` is the right to delete in
    the repository. `login_file` is where a federation's login goes, `token_file` where that finds the job's token.
    """

    home: Home
    account: str = "gcr-mirror"
    keyless: Federation | str | None = None
    reader: bool = False
    reader_key_file: Path | None = None
    prune: bool = False
    key_file: Path | None = None
    login_file: Path | None = None
    token_file: str = "google-token"
    legacy_bucket: bool = False
    revoke_excess: bool = False

    @property
    def email(self) -> str:
        """The mirror's service account."""
        return email(self.account, self.home.project)

    @property
    def member(self) -> str:
        """The mirror's service account as IAM writes it."""
        return f"serviceAccount:{self.email}"


def plan(wish: Wish) -> list[Step]:
    """The steps of a wish, in order; asks nobody. ConfigError when the wish contradicts itself."""
    _check(wish)
    home = wish.home
    return [
        *(EnableApi(home.project, service) for service in _services(wish)),
        CreateRepository(home),
        CreateAccount(home.project, wish.account, "Mirrors images from GitLab"),
        Grant(repository(home), home.project, WRITER, wish.member),
        *([Grant(repository(home), home.project, REPO_ADMIN, wish.member)] if wish.prune else []),
        *_reader(wish),
        *_keyless(wish),
        *_bucket(wish),
        *_login(wish),
        *_revocations(wish),
    ]


def apply(steps: Iterable[Step], cloud: Cloud, retry: Retry, tell: Callable[[Step, Outcome], None]) -> None:
    """Do what is missing, step by step, and look again after each. Raises MirrorError at the first that fails."""
    for step in steps:
        try:
            outcome = _made(step, cloud, retry)
        except MirrorError:
            tell(step, "failed")
            raise
        tell(step, outcome)


def _made(step: Step, cloud: Cloud, retry: Retry) -> Outcome:
    if retry(_settled(step.done, cloud)):
        return "there"
    retry(_settled(step.do, cloud))
    retry(_settled(_seen(step), cloud))
    return "done"


def _settled(act: Callable[[Cloud], T], cloud: Cloud) -> Callable[[], T]:
    """`act`, with the errors marked temporary that go away by themselves after a change."""

    def acting() -> T:
        try:
            return act(cloud)
        except RegistryError as error:
            error.temporary = error.temporary or _passes(error)
            raise

    return acting


def _passes(error: RegistryError) -> bool:
    """Whether the refusal goes away by itself: another writer was faster, or a change is not known everywhere.

    A policy that names a service account made seconds ago is refused until the account is known there.
    """
    unknown_account = error.status == 400 and "does not exist" in error.detail
    return unknown_account or error.status == 412 or bool(_SETTLING & set(error.codes))


def _seen(step: Step) -> Callable[[Cloud], None]:
    def look(cloud: Cloud) -> None:
        if not step.done(cloud):
            raise Unavailable(f"Google does not show yet that {step.title}")

    return look


def _check(wish: Wish) -> None:
    _check_home(wish.home)
    longest = 30 - len("-reader") if wish.reader else 30
    if not _ACCOUNT.fullmatch(wish.account) or len(wish.account) > longest:
        raise ConfigError(
            f"{wish.account!r} is no name for a service account; use 6 to {longest} of a-z, 0-9 and -, "
            "beginning with a letter"
        )
    if isinstance(wish.keyless, str) and not _KUBERNETES.fullmatch(wish.keyless):
        raise ConfigError(
            "the Kubernetes service account is written NAMESPACE/NAME, such as mirror/gcr-mirror"
        )
    if wish.keyless and wish.key_file:
        raise ConfigError("--keyless needs no key: leave --key-file out")
    if wish.reader_key_file and (not wish.reader or wish.reader_key_file == wish.key_file):
        raise ConfigError("--reader-key-file needs --reader, and a file of its own")
    if wish.login_file and not isinstance(wish.keyless, Federation):
        raise ConfigError("--login-file belongs to --keyless gitlab or github")
    if wish.legacy_bucket and wish.home.legacy_bucket is None:
        raise ConfigError(f"{wish.home.host} never kept images in a bucket: leave --legacy-bucket out")


def _check_home(home: Home) -> None:
    if not _PROJECT.fullmatch(home.project):
        raise ConfigError(
            f"{home.project!r} is no project id, such as arctic-goal-676703 (neither its name nor its number)"
        )
    if not home.gcr and not _REPOSITORY.fullmatch(home.repository):
        raise ConfigError(f"{home.repository!r} is no repository: a-z, 0-9 and -, beginning with a letter")


def _services(wish: Wish) -> list[str]:
    services = ["artifactregistry", "iam"]
    if isinstance(wish.keyless, Federation):
        services += ["cloudresourcemanager", "iamcredentials", "sts"]
    elif wish.revoke_excess:
        services += ["cloudresourcemanager"]
    return services + (["containerregistry"] if wish.legacy_bucket else [])


def _reader(wish: Wish) -> list[Step]:
    if not wish.reader:
        return []
    home, name = wish.home, f"{wish.account}-reader"
    address = email(name, home.project)
    file = wish.reader_key_file
    return [
        CreateAccount(home.project, name, "Pulls mirrored images"),
        Grant(repository(home), home.project, READER, f"serviceAccount:{address}"),
        *([CreateKey(home.project, address, file)] if file else []),
    ]


def _keyless(wish: Wish) -> list[Step]:
    if wish.keyless is None:
        return []
    owner = wish.home.project
    account = service_account(wish.email, owner)
    if isinstance(wish.keyless, str):
        member = f"serviceAccount:{owner}.svc.id.goog[{wish.keyless}]"
        return [Grant(account, owner, _IMPERSONATE, member)]
    return [
        CreatePool(wish.keyless),
        CreateProvider(wish.keyless),
        Grant(account, owner, _IMPERSONATE, wish.keyless.member),
    ]


def _login(wish: Wish) -> list[Step]:
    if wish.key_file:
        return [CreateKey(wish.home.project, wish.email, wish.key_file)]
    if wish.login_file and isinstance(wish.keyless, Federation):
        return [WriteLogin(wish.keyless, wish.email, wish.login_file, wish.token_file)]
    return []


def _bucket(wish: Wish) -> list[Step]:
    bucket = wish.home.legacy_bucket if wish.legacy_bucket else None
    return [GrantOnBucket(bucket, "roles/storage.legacyBucketWriter", wish.member)] if bucket else []


def _revocations(wish: Wish) -> list[Step]:
    if not wish.revoke_excess:
        return []
    owner = wish.home.project
    return [Grant(project(owner), owner, role, wish.member, held=False) for role in EXCESSIVE]
