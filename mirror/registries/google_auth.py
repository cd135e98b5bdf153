"""Google's Application Default Credentials: access tokens for `oauth2accesstoken`, renewed ahead of their end."""

from __future__ import annotations

import threading
from typing import Any

from mirror.errors import ConfigError, ConnectFailed
from mirror.oci.auth import Login

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class ApplicationDefault:
    """Workload identity, `gcloud auth application-default login`, the metadata server: whatever is found first."""

    def __init__(self) -> None:
        """Nothing is looked up before it is needed."""
        self._lock = threading.Lock()
        self._credentials: Any = None

    def login(self) -> Login:
        """An access token that is good for some minutes at least. Raises ConfigError, ConnectFailed."""
        import google.auth  # noqa: PLC0415 - heavy, and only for those who use it
        import google.auth.exceptions as problems  # noqa: PLC0415
        from google.auth.transport.requests import Request  # noqa: PLC0415

        with self._lock:
            try:
                if self._credentials is None:
                    self._credentials, _ = google.auth.default(scopes=_SCOPES)
                # google-auth calls a token invalid some minutes before its end, so none is ever about to end.
                if not self._credentials.valid:
                    self._credentials.refresh(Request())
            except problems.DefaultCredentialsError as error:
                raise ConfigError(
                    "no Application Default Credentials: run `gcloud auth application-default login`, set "
                    "GOOGLE_APPLICATION_CREDENTIALS, or run where workload identity is set up"
                ) from error
            except problems.GoogleAuthError as error:
                raise ConnectFailed(f"Google gives no access token: {error}") from error
            return Login("oauth2accesstoken", str(self._credentials.token))
