"""GitLab's REST API, as far as it tells which repositories there are; imported late, since python-gitlab is heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import gitlab
import requests

from mirror.errors import (
    ConnectFailed,
    Denied,
    MirrorError,
    RateLimited,
    RegistryError,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from mirror.events import Observe, Requested
from mirror.oci.listing import MOST_PAGES, understood
from mirror.oci.registry import Registry
from mirror.transport import redact
from mirror.transport.retry import seconds_asked


@dataclass(frozen=True, slots=True)
class Rest:
    """One GitLab. `token` is asked each time, since it may be rotated; `registry` lends its retries and its name."""

    api_url: str
    token: Callable[[], str | None]
    registry: Registry
    observe: Observe
    ca_file: str | None = None

    def repositories(self, kind: str, place: str) -> list[str] | None:
        """Paths of all below a group or project (`kind` is `groups` or `projects`); None when there is none."""
        return self.registry.retry(lambda: self._listed(kind, place))

    def _listed(self, kind: str, place: str) -> list[str] | None:
        url = f"/{kind}/{quote(place, safe='')}/registry/repositories"
        with _Session(self.registry.host, self.observe) as session:
            try:
                return self._paths(session, url)
            except gitlab.GitlabParsingError as error:
                raise Unsupported(f"{self.api_url} answered a list that is not JSON") from error
            except gitlab.GitlabError as error:
                if error.response_code == 404:
                    return None
                raise self._refusal(place, error, session.retry_after) from error
            except requests.Timeout as error:
                raise TimedOut(f"{self.api_url} did not answer in time") from error
            except OSError as error:
                raise ConnectFailed(f"{self.api_url}: {redact.detail(str(error))}") from error

    def _paths(self, session: requests.Session, url: str) -> list[str]:
        # Retrying is ours. A next page on another host (a misconfigured external_url) is asked of this one.
        api = gitlab.Gitlab(
            self.api_url,
            private_token=self.token(),
            ssl_verify=self.ca_file or True,
            timeout=30,
            keep_base_url=True,
            session=session,
        )
        listed = api.http_list(url, iterator=True, per_page=100, obey_rate_limit=False)
        with understood(self.registry):
            return [str(item["path"]) for item in listed]

    def _refusal(self, place: str, error: gitlab.GitlabError, retry_after: float | None) -> MirrorError:
        status = error.response_code or 0
        said = redact.detail(str(error.error_message))
        text = f"{self.api_url} does not list the repositories of {place}: {status} {said}"
        if status == 401:
            return Unauthorized(f"{text}; the token is wrong, expired, or a deploy token", status=status)
        if status == 403:
            hint = "listing needs the scope read_api, which deploy tokens never have"
            return Denied(f"{text}; {hint}", status=status)
        if status != 429 and status < 500:
            return RegistryError(text, status=status)
        later = (RateLimited if status == 429 else Unavailable)(text, status=status)
        later.retry_after = retry_after
        return later


class _Session(requests.Session):
    """Tells of each request, ends lists that have no end, and takes the token to no other host."""

    def __init__(self, host: str, observe: Observe) -> None:
        super().__init__()
        self.retry_after: float | None = None
        self._host = host
        self._observe = observe
        self._seen: set[str] = set()
        self.hooks["response"] = [self._answered]

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Requests drops the Authorization header when a redirect leaves the host, and knows no other."""
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call] # the stubs left it out
        origin, target = urlsplit(response.request.url or ""), urlsplit(str(prepared_request.url))
        if (origin.netloc, origin.scheme) != (target.netloc, target.scheme):
            prepared_request.headers.pop("PRIVATE-TOKEN", None)

    def _answered(self, answer: requests.Response, **_: Any) -> None:
        """Discovery is asked of GitLab, not of its registry, but it counts as a request all the same."""
        method = answer.request.method or "GET"
        self._observe(Requested(self._host, method, answer.status_code, answer.elapsed.total_seconds()))
        self.retry_after = seconds_asked(answer.headers.get("Retry-After"))
        if answer.url in self._seen or len(self._seen) >= MOST_PAGES:
            raise Unsupported(f"{self._host} lists its repositories without end: {redact.url(answer.url)}")
        self._seen.add(answer.url)
