"""GitLab: the login, the right to pull, the cheap list, discovery, the token's end, and where blobs come from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from mirror.checks.check import Check, Finding
from mirror.checks.docker_login import logged_in
from mirror.checks.network import in_time
from mirror.checks.place import Place
from mirror.errors import Denied, MirrorError, NotFound, TransportError
from mirror.oci.repository import Repository
from mirror.registries.denials import fix_of
from mirror.transport.answer import Answer
from mirror.transport.client import Client

_SOON = timedelta(days=14)
LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Source:
    """A GitLab registry and what the mirrors want of it. `api` speaks to `api_url`, `token` is for its REST.

    `literals` are repositories named outright, `roots` the groups or projects below which globs are resolved.
    """

    place: Place
    repository: Callable[[str], Repository]
    api_url: str
    api: Client
    token: Callable[[], str | None]
    literals: tuple[str, ...]
    roots: tuple[str, ...]


def gitlab(source: Source) -> list[Check]:
    """Everything that is GitLab's."""
    place = source.place
    return [
        *pulls(place, source.literals),
        place.check("tag list", partial(tag_list, source), LOGIN),
        *(place.check(f"discover {root}", partial(discover, source, root), LOGIN) for root in source.roots),
        place.check("token", partial(token_end, source, datetime.now(UTC).date()), LOGIN),
        place.check("blobs", partial(blobs, source), LOGIN),
    ]


def pulls(place: Place, paths: Iterable[str]) -> list[Check]:
    """Whether the login is accepted and may pull; for sources that are not GitLab's too."""
    return [
        place.check(LOGIN, partial(log_in, place), logged_in(place)),
        *(place.check(f"pull {path}", partial(pull, place, path), LOGIN) for path in paths),
    ]


def log_in(place: Place) -> Iterator[Finding]:
    """The credential is accepted, whatever it may do."""
    probe = place.probe(LOGIN, "ask for a token without any rights")
    login = place.credential.login()
    if login is None:
        yield probe.warning(
            "no credentials: only public repositories can be read",
            new_token(place),
            "write credentials: {username: gcr-mirror, password_file: FILE} of the registry, with a token in FILE",
        )
        return
    try:
        place.registry.request("GET", "/v2/", ())
    except MirrorError as error:
        yield probe.refused(error)
        return
    yield probe.ok(f"accepted as {login.username}")


def pull(place: Place, path: str) -> Iterator[Finding]:
    """`pull` is granted; a token that grants less than was asked for is a refusal, whatever its status."""
    probe = place.probe(f"pull {path}", f"list one tag of {path}")
    try:
        place.registry.request("GET", f"/v2/{path}/tags/list?n=1", _pull(path))
    except NotFound:
        yield probe.warning(
            "may be read, but there is no image",
            f"docker push {place.host}/{path} # or correct the path in `repositories` of the configuration",
        )
    except MirrorError as error:
        yield probe.refused(error)
    else:
        yield probe.ok("granted")


def tag_list(source: Source) -> Iterator[Finding]:
    """Whether GitLab's own list is there, which tells digests along with tags."""
    probe = source.place.probe("tag list", "GET /gitlab/v1/")
    try:
        source.place.registry.request(
            "GET", "/gitlab/v1/", _pull(source.literals[0]) if source.literals else ()
        )
    except NotFound:
        yield probe.warning(
            "not there: every tag costs a request in every pass",
            "turn on the registry's metadata database: "
            "https://docs.gitlab.com/administration/packages/container_registry_metadata_database/",
            "GitLab lists digests along with tags only from its metadata database",
        )
    except MirrorError as error:
        yield probe.refused(error)
    else:
        yield probe.ok("there: 1,000 tags cost one request")


def discover(source: Source, root: str) -> Iterator[Finding]:
    """The REST API shows the repositories below a group or project to this kind of token."""
    probe = source.place.probe(
        f"discover {root}", f"list one repository below {root} through {source.api_url}"
    )
    try:
        found = _first_below(source, root)
    except Denied as error:
        yield probe.refused(error, fix_of("gitlab-api-scope", probe.known))
    except NotFound:
        name = quote(root.rpartition("/")[2])
        yield probe.failed(
            "neither a group nor a project that this token sees",
            f'curl --header "PRIVATE-TOKEN: $GITLAB_TOKEN" "{source.api_url}/api/v4/groups?search={name}" '
            f"# lists those that it sees; correct {root} in `repositories` of the configuration",
        )
    except MirrorError as error:
        yield probe.refused(error, f"curl -v {source.api_url}/api/v4/version")
    else:
        yield (
            probe.ok("allowed")
            if found
            else probe.warning(
                "allowed, but there is no image",
                f"docker push {source.place.host}/{root} # or a path below it",
            )
        )


def token_end(source: Source, today: date) -> Iterator[Finding]:
    """When the access token ends, where GitLab tells: it does so for access tokens, not for deploy tokens."""
    probe = source.place.probe("token", f"ask {source.api_url} when the token ends")
    try:
        answer = _asked_end(source.api, source.api_url, source.token())
    except TransportError as error:
        yield probe.warning(
            str(error),
            f"curl -v {source.api_url}/api/v4/version",
            "the mirror works without the REST API, as long as no glob is used",
        )
        return
    if answer.status != 200:
        yield probe.ok("not told for this kind of token; a deploy token ends at the date that it was given")
        return
    ends = _end(answer)
    fix = new_token(source.place)
    if ends is None:
        yield probe.ok("never")
    elif ends <= today:
        yield probe.failed(f"it ended on {ends}", fix)
    elif ends - today <= _SOON:
        yield probe.warning(f"it ends on {ends}, in {(ends - today).days} days", fix)
    else:
        yield probe.ok(f"on {ends}")


def token_ends(api: Client, api_url: str, token: str | None) -> float | None:
    """The time (epoch) at which an access token ends; None for never, and where GitLab does not tell."""
    ends = _end(_asked_end(api, api_url, token))
    return datetime.combine(ends, time(), UTC).timestamp() if ends else None


def blobs(source: Source) -> Iterator[Finding]:
    """The host that blobs come from is reachable; GitLab redirects to object storage or a CDN."""
    probe = source.place.probe("blobs", "read the first bytes of one image's configuration")
    path = next(iter(source.literals), None) or _any_below(source)
    if path is None:
        return
    tag = _one_tag(source.place, path)
    if tag is None:
        return
    repository = source.repository(path)
    manifest = repository.manifest(tag)
    if manifest.manifests:
        manifest = repository.manifest(manifest.manifests[0].digest)
    blob = next(iter(manifest.blobs), None)
    if blob is None:
        return
    began = source.place.timer()
    try:
        with source.place.registry.stream(
            f"/v2/{path}/blobs/{blob.digest}", _pull(path), headers={}, accept=(200, 206)
        ) as stream:
            stream.readinto(memoryview(bytearray(1)))
            parts = urlsplit(stream.url)
    except MirrorError as error:
        url = re.search(r"https?://[\w.:\[\]-]+", str(error))
        yield probe.refused(
            error,
            f"curl -v {url[0] if url else source.place.base}/ # allow this host in the firewall",
            "GitLab redirects to object storage or a CDN, which is another host",
        )
        return
    took = source.place.timer() - began
    yield in_time(probe, f"they come from {parts.netloc}", took, f"{parts.scheme}://{parts.netloc}/")


def new_token(place: Place) -> str:
    """The command that makes a token with the rights that the mirrors need, and keeps it where it is looked for."""
    return fix_of("gitlab-wrong-password", place.probe(LOGIN, "").known)


def _pull(path: str) -> tuple[str, ...]:
    return (f"repository:{path}:pull",)


def _one_tag(place: Place, path: str) -> str | None:
    try:
        answer = place.registry.request("GET", f"/v2/{path}/tags/list?n=1", _pull(path))
    except NotFound:
        return None
    return next(iter(json.loads(answer.body).get("tags") or ()), None)


def _any_below(source: Source) -> str | None:
    for root in source.roots:
        try:
            found = _first_below(source, root)
        except MirrorError:
            continue
        if found:
            return found
    return None


def _first_below(source: Source, root: str) -> str | None:
    """The path of one repository below a group, or of a project; None when it has none. Raises NotFound."""
    place = root
    while place:
        for kind in ("groups", "projects"):
            answer = _api(source, f"{kind}/{quote(place, safe='')}/registry/repositories?per_page=1")
            if answer.status == 200:
                listed = json.loads(answer.body)
                return str(listed[0]["path"]) if listed else None
            if answer.status != 404:
                raise _refusal(answer)
        place = place.rpartition("/")[0]
    raise NotFound(f"{root} is not there", status=404)


def _asked_end(api: Client, api_url: str, token: str | None) -> Answer:
    return _rest(api, api_url, token, "personal_access_tokens/self")


def _end(answer: Answer) -> date | None:
    try:
        ends = json.loads(answer.body).get("expires_at") if answer.status == 200 else None
        return date.fromisoformat(ends) if ends else None
    except (ValueError, AttributeError, TypeError):
        return None


def _api(source: Source, path: str) -> Answer:
    return _rest(source.api, source.api_url, source.token(), path)


def _rest(api: Client, api_url: str, token: str | None, path: str) -> Answer:
    headers = {"PRIVATE-TOKEN": token} if token else {}
    return api.exchange("GET", f"{api_url}/api/v4/{path}", headers)


def _refusal(answer: Answer) -> Denied:
    try:
        read: Any = json.loads(answer.body)
        said = str(read.get("message") or read.get("error_description") or read.get("error"))
    except (ValueError, AttributeError):
        said = ""
    path = urlsplit(answer.url).path
    return Denied(f"{answer.status} from {path}: {said}", status=answer.status, detail=said)
