"""Google's REST APIs: one call through google-auth's session, its errors in our tree, its operations awaited."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mirror.errors import (
    ConfigError,
    ConnectFailed,
    Denied,
    MirrorError,
    NotFound,
    RateLimited,
    RegistryError,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from mirror.registries.google_auth import application_default, no_token, unanswered
from mirror.transport import redact
from mirror.transport.clock import Clock

# Instead of https://SERVICE.googleapis.com: one base for all services, each under /SERVICE.googleapis.com.
# For tests, and for a proxy inside a perimeter. A token goes there, so it must be https or loopback.
ENDPOINT_VARIABLE = "GCR_MIRROR_GOOGLE_ENDPOINT"
_TIMEOUT = (5.0, 30.0)
_POLLS = 120

Json = dict[str, Any]


class GoogleApi:
    """Calls to Google on behalf of one credential. `session` is google-auth's AuthorizedSession."""

    def __init__(self, session: Any, *, clock: Clock | None = None, endpoint: str | None = None) -> None:
        """`endpoint` replaces https://SERVICE.googleapis.com (see ENDPOINT_VARIABLE)."""
        self._session = session
        self._clock = clock or Clock()
        self._endpoint = endpoint

    @classmethod
    def default(cls, project: str, *, clock: Clock | None = None) -> GoogleApi:
        """With Application Default Credentials: gcloud's login, a service account's, or the machine's own.

        `project` is what a person's requests are counted for. Raises ConfigError when there are none.
        """
        return cls.of(counted_for(project, application_default()), clock=clock)

    @classmethod
    def of(cls, credentials: Any, *, clock: Clock | None = None) -> GoogleApi:
        """With google-auth's `credentials`."""
        from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415 - slow, as above

        session: Any = AuthorizedSession(credentials)  # type: ignore[no-untyped-call] # google-auth is half typed
        return cls(session, clock=clock, endpoint=endpoint_override())

    @property
    def credentials(self) -> Any:
        """google-auth's credentials, for Google's own client libraries."""
        return self._session.credentials

    def url(self, service: str, path: str = "") -> str:
        """The address of `path` (with its version) at `service`, e.g. `iam` and `v1/projects/p`."""
        host = f"{service}.googleapis.com"
        base = f"{self._endpoint.rstrip('/')}/{host}" if self._endpoint else f"https://{host}"
        return f"{base}/{path}" if path else base

    def call(
        self,
        method: str,
        service: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
    ) -> Json:
        """One call. Raises Unauthorized, Denied, NotFound and the other RegistryErrors, ConnectFailed, TimedOut."""
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - slow, as above
        from requests.exceptions import RequestException  # noqa: PLC0415 - slow, as above

        url = self.url(service, path)
        try:
            answer = self._session.request(method, url, params=query, json=body, timeout=_TIMEOUT)
            read = answer.json() if answer.content else {}
        except GoogleAuthError as error:
            raise no_token(error) from error
        except RequestException as error:
            raise no_answer(service, error) from error
        if answer.status_code >= 300:
            raise refusal(answer.status_code, read, f"{method} {redact.url(url)}")
        return read if isinstance(read, dict) else {}

    def finish(self, service: str, version: str, operation: Json) -> Json:
        """Wait until a long-running operation is done; its response. Raises what the operation failed with."""
        for _ in range(_POLLS):
            if operation.get("done") or "name" not in operation:
                break
            self._clock.wait(1.0)
            operation = self.call("GET", service, f"{version}/{operation['name']}")
        else:
            raise TimedOut(f"{service} has not finished after {_POLLS} s; run the command again later")
        if "error" in operation:
            raise refusal(400, operation, f"operation {operation.get('name', '')}")
        response = operation.get("response")
        return response if isinstance(response, dict) else {}

    def project_number(self, project: str) -> str:
        """The number of a project, which federated identities are named with."""
        name: str = self.call("GET", "cloudresourcemanager", f"v3/projects/{project}").get("name", "")
        return name.removeprefix("projects/")


def counted_for(project: str, credentials: Any) -> Any:
    """The same credentials; those of a person with a quota project, without which most APIs refuse them."""
    from google.oauth2.credentials import Credentials  # noqa: PLC0415 - slow, as above

    person = isinstance(credentials, Credentials) and not credentials.quota_project_id
    return credentials.with_quota_project(project) if person else credentials


def endpoint_override() -> str | None:
    """The base that replaces Google's, from the environment; ConfigError when a token must not go there."""
    value = os.environ.get(ENDPOINT_VARIABLE)
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname or "")):
        return value
    raise ConfigError(f"{ENDPOINT_VARIABLE} must be an https URL, or http on loopback")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refusal(status: int, body: Any, request: str) -> RegistryError:
    """The error that Google's answer stands for, after https://cloud.google.com/apis/design/errors ."""
    error = body.get("error") if isinstance(body, dict) else None
    fields: Json = error if isinstance(error, dict) else {"message": str(error or "")}
    said = redact.detail(str(fields.get("message", "")))
    reasons = [entry.get("reason") for entry in fields.get("details") or [] if isinstance(entry, dict)]
    codes = tuple(str(code) for code in (fields.get("status"), *reasons) if code)
    return _kind(status)(
        f"Google refuses {request}: {status} {said}".rstrip(),
        status=status,
        codes=codes,
        detail=said,
        request=request,
    )


def _kind(status: int) -> type[RegistryError]:
    if status >= 500:
        return Unavailable
    by_status: dict[int, type[RegistryError]] = {
        401: Unauthorized,
        403: Denied,
        404: NotFound,
        429: RateLimited,
    }
    return by_status.get(status, RegistryError)


def no_answer(service: str, error: Exception) -> MirrorError:
    """No answer from a service."""
    who = f"{service}.googleapis.com"
    return unanswered(who, error) or ConnectFailed(f"{who} does not answer: {redact.detail(str(error))}")
