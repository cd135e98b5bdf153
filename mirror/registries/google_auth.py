"""Google's access tokens: from whatever login google-auth finds, renewed ahead of their end in the background."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from mirror.errors import ConfigError, ConnectFailed, MirrorError, Unauthorized
from mirror.oci.auth import Login
from mirror.transport import redact
from mirror.transport.failures import translate

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
# Google's access tokens live an hour. An upload may begin at any moment and must not outlive its login: within the last
# quarter of an hour a new token is fetched beside the work, within the last minutes nothing begins without one.
_AHEAD = timedelta(minutes=15)
_LAST = timedelta(minutes=5)
_PAUSE = timedelta(minutes=1)
_TIMEOUT = 30.0  # seconds; google-auth's own is two minutes
# https://google.aip.dev/auth/4117
_IMPERSONATED = re.compile(r"/serviceAccounts/([^/:]+@[^/:]+):generateAccessToken$")

Load = Callable[[], Any]
Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and the time at which it ends (aware)."""

    value: str = field(repr=False)
    ends: datetime


class AccessTokens:
    """Logins as `oauth2accesstoken`. `load` makes google-auth's credentials; it is called for each renewal.

    So a key file, an `external_account` file or a login of gcloud that was replaced meanwhile is picked up.
    """

    def __init__(self, load: Load, now: Now = lambda: datetime.now(UTC)) -> None:
        """Nothing is looked up before it is needed."""
        self._load = load
        self._now = now
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._tried: datetime | None = None
        self._renewal: threading.Thread | None = None

    def login(self) -> Login:
        """A token that is good for some minutes at least. Raises ConfigError, Unauthorized, ConnectFailed."""
        token = self._token
        left = token.ends - self._now() if token else timedelta()
        if token is None or left <= _LAST:
            token = self._renewed(token)
        elif left <= _AHEAD:
            self._renew_beside()
        return Login("oauth2accesstoken", token.value)

    @property
    def ends(self) -> datetime | None:
        """When the token of now ends; None before the first."""
        return self._token.ends if self._token else None

    def _renewed(self, old: AccessToken | None) -> AccessToken:
        """Fetch a token, once for all who wait for one."""
        with self._lock:
            if self._token is None or self._token is old:
                self._token = fetched(self._load, self._now)
            return self._token

    def _renew_beside(self) -> None:
        now = self._now()
        with self._lock:
            running = self._renewal is not None and self._renewal.is_alive()
            if running or (self._tried is not None and now - self._tried < _PAUSE):
                return
            self._tried = now
            self._renewal = threading.Thread(target=self._try_to_renew, name="google-token", daemon=True)
            self._renewal.start()

    def _try_to_renew(self) -> None:
        try:
            self._renewed(self._token)
        except MirrorError:
            # The token of now is still good; whoever finds it at its end will raise what is wrong.
            return


class ApplicationDefault(AccessTokens):
    """Application Default Credentials: an `external_account`, a key, gcloud's login, or the metadata server."""

    def __init__(self) -> None:
        """Whatever google-auth finds first."""
        super().__init__(application_default)


def application_default() -> Any:
    """google-auth's credentials of this machine. Raises ConfigError."""
    import google.auth  # noqa: PLC0415 - heavy, and only for those who use it
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415 - the same

    try:
        return _federated() or google.auth.default(scopes=SCOPES)[0]
    except DefaultCredentialsError as error:
        raise ConfigError(
            "no Application Default Credentials: run `gcloud auth application-default login`, set "
            "GOOGLE_APPLICATION_CREDENTIALS, or run where workload identity is set up"
        ) from error


def default_account(env: Mapping[str, str]) -> str | None:
    """The service account of the Application Default Credentials, as far as a file names one; nobody is asked."""
    folder = env.get("CLOUDSDK_CONFIG") or Path(env.get("HOME", "/")) / ".config" / "gcloud"
    gcloud = Path(folder) / "application_default_credentials.json"
    try:
        read = json.loads(Path(env.get("GOOGLE_APPLICATION_CREDENTIALS") or gcloud).read_text("utf-8"))
        if read["type"] == "service_account":
            return str(read["client_email"])
        impersonated = _IMPERSONATED.search(read["service_account_impersonation_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return impersonated[1] if impersonated else None


def _federated() -> Any:
    """An `external_account` that reads a job's token; None for every other kind of login.

    `google.auth.default` would also ask the Resource Manager for the project, which nobody here needs to know.
    """
    from google.auth.identity_pool import Credentials  # noqa: PLC0415 - heavy, as above

    file = Path(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS") or os.devnull)
    try:
        read = json.loads(file.read_text("utf-8"))
        reads_a_token = read["type"] == "external_account" and bool(
            {"file", "url"} & set(read["credential_source"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    make: Any = Credentials  # google-auth is half typed
    return make.from_info(read, scopes=SCOPES) if reads_a_token else None


def fetched(load: Load, now: Now, timeout: float = _TIMEOUT) -> AccessToken:
    """A new token. Raises ConfigError, Unauthorized when Google refuses, TransportError when it does not answer."""
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - heavy, as above
    from google.auth.transport.requests import Request  # noqa: PLC0415 - heavy, as above

    try:
        credentials = load()
        credentials.refresh(partial(Request(), timeout=timeout))
    except GoogleAuthError as error:
        raise no_token(error) from error
    # google-auth's times are UTC without saying so; the metadata server may give a token without an end.
    ends = credentials.expiry.replace(tzinfo=UTC) if credentials.expiry else now() + _LAST + _PAUSE
    return AccessToken(str(credentials.token), ends)


def no_token(error: Exception) -> MirrorError:
    """What google-auth's failure to get a token means: no answer, or a refusal."""
    from google.auth.exceptions import TransportError  # noqa: PLC0415 - heavy, as above

    if silence := unanswered("Google's token service", error):
        return silence
    # The second part, where it is a text, is the token service's answer.
    said = redact.detail(" ".join(part for part in error.args[:2] if isinstance(part, str)) or str(error))
    if isinstance(error, TransportError):
        return ConnectFailed(f"Google's token service does not answer: {said}")
    return Unauthorized(f"Google gives no access token: {said}", status=401, detail=said)


def unanswered(who: str, error: BaseException) -> MirrorError | None:
    """Why `who` did not answer, in our words; None where that is not what went wrong.

    google-auth and requests each wrap what urllib3 raised, and print all of it.
    """
    from requests.exceptions import RequestException  # noqa: PLC0415 - heavy, as above
    from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError  # noqa: PLC0415 - heavy, as above

    found: Any = error
    url = ""
    while isinstance(found, BaseException) and not isinstance(found, HTTPError):
        if isinstance(found, RequestException) and found.request is not None:
            url = found.request.url or ""
        found = next(iter(found.args), None)
    if not isinstance(found, HTTPError):
        return None
    reason = found.reason or found if isinstance(found, MaxRetryError) else found
    why = translate(reason, url, connected=not isinstance(reason, NewConnectionError))
    return type(why)(f"{who} does not answer: {why}")
