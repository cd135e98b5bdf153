"""Google: the repository exists, a push would be allowed, nothing more than that is; quota, and an old bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from mirror.checks.buckets import Buckets
from mirror.checks.check import Check, Finding, Probe
from mirror.checks.credentials import TOKEN
from mirror.checks.docker_login import logged_in
from mirror.checks.google_api import GoogleApi
from mirror.checks.grants import binding
from mirror.checks.identity import known
from mirror.checks.place import Place
from mirror.checks.policy import roles_of
from mirror.checks.quota import Pace, quota
from mirror.checks.resource import Resource, project, repository
from mirror.checks.roles import EXCESSIVE, REPO_ADMIN, REVEALING, WRITER, revealed
from mirror.checks.steps import email
from mirror.errors import Denied, MirrorError, NotFound
from mirror.registries.artifact_registry import Home

_ARTIFACTS = "artifactregistry.repositories."
_BUCKET_RIGHTS = ["storage.buckets.get", "storage.objects.create", "storage.objects.list"]
# What a registry may say to an upload that is given up; all of them leave nothing behind.
_ABANDONED = (200, 202, 204, 400, 404, 405)


@dataclass(frozen=True, slots=True)
class Target:
    """A Google registry and what the mirrors want of it.

    `paths` are the repositories that would be pushed to. `home` is None where the host is not Google's own
    (a test's, or a proxy's); then only what the registry itself tells is looked at. `pace` is how fast requests may
    come.
    """

    place: Place
    paths: tuple[str, ...]
    home: Home | None = None
    api: Callable[[], GoogleApi] | None = None
    prune: bool = False
    pace: Pace = field(default_factory=Pace)


def google(target: Target) -> list[Check]:
    """Everything that is Google's, and needs the login to be one."""
    if target.home is None or target.api is None:
        return pushes(target)
    place, home, api = target.place, target.home, target.api
    return [
        *pushes(target),
        place.check("repository", lambda: rights(target, home, api()), TOKEN),
        place.check("more rights than needed", lambda: excess(target, home, api()), TOKEN),
        place.check("old bucket", lambda: old_bucket(place, home, api()), TOKEN),
        replace(place.check("quota", lambda: quota(place, home, api(), target.pace), TOKEN), vital=False),
    ]


def pushes(target: Target) -> list[Check]:
    """Whether uploads are granted; for targets that are not Google's too."""
    place = target.place
    return [
        place.check(f"push {path}", partial(push, place, path), logged_in(place)) for path in target.paths
    ]


def push(place: Place, path: str) -> Iterator[Finding]:
    """The repository is there and an upload would be taken: one is opened, and given up."""
    probe = place.probe(f"push {path}", f"open an upload in {place.host}/{path} and give it up")
    scopes = (f"repository:{path}:pull,push",)
    missing = _missing(place, path)
    if missing:
        # An upload could create the repository, if the login may; a check leaves nothing behind.
        yield probe.refused(missing)
        return
    try:
        answer = place.registry.request(
            "POST", f"/v2/{path}/blobs/uploads/", scopes, body=b"", accept=(202,), tries=False
        )
    except MirrorError as error:
        member = place.member()
        yield replace(probe, known={**probe.known, **({"MEMBER": member} if member else {})}).refused(error)
        return
    yield _given_up(place, probe, answer.headers.get("Location", ""), scopes)


def rights(target: Target, home: Home, api: GoogleApi) -> Iterator[Finding]:
    """What Google's IAM says about the repository behind the host."""
    probe = target.place.probe("repository", f"ask about {home.resource}")
    try:
        allowed = repository(home).allowed(
            api, [_ARTIFACTS + verb for verb in ("uploadArtifacts", "deleteArtifacts")]
        )
        found = api.call("GET", "artifactregistry", f"v1/{home.resource}")
    except NotFound as error:
        yield _absent(home, api, probe, error)
        return
    except Denied as error:
        yield probe.refused(error)
        return
    if found.get("format") not in (None, "DOCKER"):
        yield probe.failed(
            f"it holds {found['format']}, not images",
            f"gcloud artifacts repositories list --location={home.location} --project={home.project} "
            "--filter=format=DOCKER # name one of these in the configuration",
        )
        return
    if _ARTIFACTS + "uploadArtifacts" not in allowed:
        yield probe.failed("it exists; pushing is not allowed", _binding(target, home, "add", WRITER))
        return
    yield probe.ok("it exists; pushing is allowed")
    if found.get("dockerConfig", {}).get("immutableTags"):
        yield probe.warning(
            "its tags are immutable: a tag that moves at the source cannot be overwritten",
            f"gcloud artifacts repositories update {home.repository} --no-immutable-tags --location={home.location} "
            f"--project={home.project} # or write on_moved_tag: keep",
        )
    may_delete = _ARTIFACTS + "deleteArtifacts" in allowed
    if may_delete and not target.prune:
        yield probe.warning(
            "deleting is allowed, and no mirror prunes", _binding(target, home, "remove", REPO_ADMIN)
        )
    if target.prune and not may_delete:
        yield probe.failed(
            "deleting is not allowed, and a mirror prunes", _binding(target, home, "add", REPO_ADMIN)
        )


def excess(target: Target, home: Home, api: GoogleApi) -> Iterator[Finding]:
    """Rights on the whole project: named by role where the policy may be read, else by what they allow."""
    probe = target.place.probe("more rights than needed", f"what the login may do in all of {home.project}")
    try:
        found = {role: EXCESSIVE[role] for role in _wide_roles(target, home, api)}
    except Denied:
        # The Resource Manager's API is off in many projects, and the mirror has no other use for it.
        yield probe.ok("Google does not tell this login")
        return
    if not found:
        yield probe.ok("nothing")
    for role, why in found.items():
        yield probe.warning(
            f"{role}: {why}",
            _revocation(target, home, role),
            "roles/artifactregistry.writer on the one repository is enough",
        )


def _revocation(target: Target, home: Home, role: str) -> str:
    """The set-up takes wide roles from service accounts, and grants the narrow one first; gcloud takes any."""
    name = target.place.member().removeprefix("serviceAccount:").partition("@")[0]
    if target.place.member() != f"serviceAccount:{email(name, home.project)}":
        return _bound(target, project(home.project), "remove", role, home)
    place = "" if home.gcr else f" --repository {home.repository}"
    return (
        f"gcr-mirror setup google --project {home.project} --host {home.host}{place} --service-account {name}"
        " --revoke-excess --apply"
    )


def old_bucket(place: Place, home: Home, api: GoogleApi) -> Iterator[Finding]:
    """The bucket in which Container Registry kept images, which people still grant rights on in vain."""
    bucket = home.legacy_bucket
    if bucket is None:
        return
    probe = place.probe("old bucket", f"look for gs://{bucket}")
    buckets = Buckets(api, home.project)
    try:
        if not buckets.exists(bucket):
            yield probe.ok("there is none")
            return
        allowed = buckets.allowed(bucket, _BUCKET_RIGHTS)
    except Denied:
        yield probe.ok("the login may not see it, and need not")
        return
    granted = ", ".join(sorted(allowed)) or "nothing"
    yield probe.warning(
        f"it is still there; the login may: {granted}",
        f"when no old image is needed any more: gcloud storage rm --recursive gs://{bucket}",
        f"it holds what was pushed before Artifact Registry took over {home.host}, and costs money; rights on it "
        "authorise no push any more",
    )


def _wide_roles(target: Target, home: Home, api: GoogleApi) -> list[str]:
    whole = project(home.project)
    if known(target.place.member()):
        with suppress(Denied):
            held = roles_of(whole.policy(api), target.place.member())
            return [role for role in EXCESSIVE if role in held]
    return revealed(whole.allowed(api, list(REVEALING)))


def _missing(place: Place, path: str) -> NotFound | None:
    """The registry's word that there is no repository behind the host; other refusals show with the upload."""
    try:
        place.registry.request("GET", f"/v2/{path}/tags/list?n=1", (f"repository:{path}:pull",))
    except NotFound as error:
        return error if 'repository "' in error.detail.lower() else None
    except MirrorError:
        return None
    return None


def _given_up(place: Place, probe: Probe, location: str, scopes: tuple[str, ...]) -> Finding:
    try:
        place.registry.request("DELETE", location, scopes, accept=_ABANDONED, tries=False)
    except MirrorError:
        return probe.ok("granted; the upload was opened and left to expire, without a byte")
    return probe.ok("granted; the upload was opened and given up")


def _absent(home: Home, api: GoogleApi, probe: Probe, error: NotFound) -> Finding:
    create = (
        f"gcloud artifacts repositories create {home.repository} --repository-format=docker "
        f"--location={home.location} --project={home.project}"
    )
    if home.gcr and _may_create(home, api):
        return probe.warning(
            "it does not exist yet; the first push will create it",
            create,
            "that needs a role on the whole project, which the mirror can do without once the repository is there",
        )
    return probe.failed("it does not exist", create, str(error))


def _may_create(home: Home, api: GoogleApi) -> bool:
    right = _ARTIFACTS + "createOnPush"
    try:
        return right in project(home.project).allowed(api, [right])
    except Denied:
        return False


def _binding(target: Target, home: Home, verb: str, role: str) -> str:
    return _bound(target, repository(home), verb, role, home)


def _bound(target: Target, on: Resource, verb: str, role: str, home: Home) -> str:
    member = target.place.member()
    command = binding(on, verb, role, member or f"serviceAccount:{email('NAME', home.project)}", home.project)
    return command if member else f"{command} # this login does not tell its account: write it for NAME"
