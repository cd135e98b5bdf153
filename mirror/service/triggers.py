"""Triggers: what a webhook says has changed. Pure; a trigger only ever hastens what is configured anyway.

Sources: the notifications of a CNCF distribution registry, which a self-managed GitLab registry sends
(https://distribution.github.io/distribution/about/notifications/), GitLab's webhooks
(https://docs.gitlab.com/user/project/integrations/webhook_events/), and a pipeline job's own word.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mirror.errors import MirrorError

# Blob pushes raise events too; only manifests bring a tag.
_MANIFESTS = ("manifest", "image.index")
_MAX_TRIGGERS = 1000


class NotAHook(MirrorError):
    """The body is not what this address takes; the message says what it takes."""

    reason = "hook"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something changed in a repository of the source, or, with `below`, in one of those below this path."""

    repository: str
    tag: str | None = None
    below: bool = False

    def concerns(self, repository: str) -> bool:
        """Whether a repository may have changed."""
        return repository == self.repository or (self.below and repository.startswith(f"{self.repository}/"))


def from_registry(body: object) -> list[Trigger]:
    """The triggers of a notification envelope, without repetitions."""
    events = body.get("events") if isinstance(body, Mapping) else None
    if not isinstance(events, list):
        raise NotAHook('this takes the notifications of a container registry: {"events": [...]}')
    found = dict.fromkeys(trigger for event in events for trigger in _notified(event))
    return list(found)[:_MAX_TRIGGERS]


def from_gitlab(body: object) -> list[Trigger]:
    """The triggers of a GitLab webhook: a pipeline that succeeded, a tag that was pushed; else none."""
    if not isinstance(body, Mapping) or not isinstance(body.get("object_kind"), str):
        raise NotAHook("this takes GitLab's webhooks: pipeline events and tag push events")
    path = _text(body.get("project"), "path_with_namespace")
    if path is None or not _says_that_images_came(body):
        return []
    return [Trigger(path.lower(), below=True)]


def from_ci(body: object) -> list[Trigger]:
    """The trigger of a pipeline job; the repository may begin with its host, as $CI_REGISTRY_IMAGE does."""
    repository, tag = _text(body, "repository"), _text(body, "tag")
    if repository is None:
        raise NotAHook('this takes {"repository": "group/project/image", "tag": "1.0"}')
    head, _, rest = repository.partition("/")
    if rest and ("." in head or ":" in head or head == "localhost"):
        repository = rest
    return [Trigger(repository.strip("/").lower(), tag)]


def is_authentic(secret: str, header: str | None, authorization: str | None) -> bool:
    """Whether X-Gitlab-Token or a bearer token is the secret; compared in constant time."""
    scheme, _, bearer = (authorization or "").partition(" ")
    given = header or (bearer.strip() if scheme.lower() == "bearer" else "")
    return bool(secret) and hmac.compare_digest(given.encode(), secret.encode())


def _notified(event: object) -> Iterator[Trigger]:
    target = event.get("target") if isinstance(event, Mapping) else None
    repository, tag = _text(target, "repository"), _text(target, "tag")
    kind = _text(target, "mediaType") or "manifest"
    if repository is not None and tag is not None and any(word in kind for word in _MANIFESTS):
        yield Trigger(repository, tag)


def _says_that_images_came(body: Mapping[str, Any]) -> bool:
    if body["object_kind"] == "pipeline":
        return _text(body.get("object_attributes"), "status") == "success"
    return bool(body["object_kind"] == "tag_push")


def _text(value: object, key: str) -> str | None:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) and found else None
