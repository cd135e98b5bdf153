"""Buckets of Cloud Storage: whether one is there, what one may do with it, and one role granted on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mirror.checks.google_api import GoogleApi, no_answer, refusal
from mirror.checks.policy import VERSION
from mirror.errors import NotFound
from mirror.registries.google_auth import no_token

if TYPE_CHECKING:
    from google.cloud.storage import Bucket, Client

_TIMEOUT = 10.0


class Buckets:
    """Through Google's own client, with the login of `api`; the client is made at the first use."""

    def __init__(self, api: GoogleApi, project: str) -> None:
        """`project` is named in requests that belong to none."""
        self._api = api
        self._project = project

    def exists(self, name: str) -> bool:
        """Whether the bucket is there. Raises Denied when that may not be known."""
        with translated(name):
            return self._client().lookup_bucket(name, timeout=_TIMEOUT) is not None

    def allowed(self, name: str, permissions: list[str]) -> frozenset[str]:
        """Which of `permissions` the login has on the bucket. Raises NotFound."""
        with translated(name):
            return frozenset(self._bucket(name).test_iam_permissions(permissions, timeout=_TIMEOUT))

    def has_role(self, name: str, role: str, member: str) -> bool:
        """Whether `member` holds `role` on the bucket without a condition."""
        with translated(name):
            policy = self._bucket(name).get_iam_policy(requested_policy_version=VERSION, timeout=_TIMEOUT)
        return any(
            binding["role"] == role and member in binding["members"] and not binding.get("condition")
            for binding in policy.bindings
        )

    def grant(self, name: str, role: str, member: str) -> None:
        """Add one binding; the policy's etag makes Google refuse it when another writer was faster."""
        with translated(name):
            bucket = self._bucket(name)
            policy = bucket.get_iam_policy(requested_policy_version=VERSION, timeout=_TIMEOUT)
            policy.version = VERSION
            policy.bindings.append({"role": role, "members": {member}})
            bucket.set_iam_policy(policy, timeout=_TIMEOUT)

    def _bucket(self, name: str) -> Bucket:
        return self._client().bucket(name)

    def _client(self) -> Client:
        from google.cloud import storage  # noqa: PLC0415 - slow; most commands need no bucket

        options = {"api_endpoint": self._api.url("storage")}
        return storage.Client(
            project=self._project, credentials=self._api.credentials, client_options=options
        )


@contextmanager
def translated(name: str) -> Iterator[None]:
    """The errors of Google's client as ours."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError  # noqa: PLC0415 - slow, as below
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - slow, as below
    from requests.exceptions import RequestException  # noqa: PLC0415 - slow, as below

    request = f"gs://{name}"
    try:
        yield
    except GoogleAPICallError as error:
        raise _refused(error, request) from error
    except GoogleAuthError as error:
        raise no_token(error) from error
    except (RequestException, RetryError) as error:
        raise no_answer("storage", error) from error


def _refused(error: Any, request: str) -> Exception:
    status = int(error.code or 0)
    if status == 404:
        return NotFound(f"there is no bucket {request}", status=404, request=request)
    return refusal(status, {"error": {"message": error.message}}, request)
