"""BucketStore: gcp-storage-emulator with the IAM rules of Cloud Storage put in front of it.

Of the emulators on PyPI, gcp-storage-emulator is the one that is kept up to date, is pure Python and answers the
three IAM calls at all. It stores policies without looking: it neither compares etags, nor minds a policy's version,
nor knows which permissions a role has. Those three rules stand here; the policies themselves live in the emulator.
"""

from __future__ import annotations

import base64
import json
import secrets
import urllib.error
import urllib.request
from functools import cached_property
from typing import Any

from gcp_storage_emulator.server import create_server

from mirror.demo.messages import Request, Response, json_answer
from tests.servers.discovery import Json, method

# What the roles of the tests allow. https://cloud.google.com/storage/docs/access-control/iam-roles
_PERMISSIONS = {
    "roles/storage.admin": {"storage.buckets.get", "storage.objects.create", "storage.objects.list"},
    "roles/storage.legacyBucketWriter": {
        "storage.buckets.get",
        "storage.objects.create",
        "storage.objects.list",
    },
    "roles/storage.objectViewer": {"storage.objects.list"},
}


class BucketStore:
    """Buckets with policies; the emulator starts with the first request."""

    def __init__(self) -> None:
        self.caller = ""  # the member that testPermissions looks at; "" may do everything
        self.races = 0

    @cached_property
    def _emulator(self) -> Any:
        emulator = create_server("127.0.0.1", 0, in_memory=True)
        emulator.start()
        return emulator

    def close(self) -> None:
        """Stop the emulator if it was started."""
        if "_emulator" in self.__dict__:
            self._emulator.stop()

    def create(self, name: str) -> None:
        """Make a bucket."""
        self._forward("POST", "storage/v1/b?project=p", json.dumps({"name": name}).encode())

    def delete(self, name: str) -> None:
        """Remove a bucket."""
        self._forward("DELETE", f"storage/v1/b/{name}")

    def give(self, name: str, role: str, *members: str, condition: Json | None = None) -> None:
        """Add a binding behind the program's back."""
        policy = self._policy(name)
        extra = {"condition": condition} if condition else {}
        policy["bindings"].append({"role": role, "members": list(members), **extra})
        self._store(name, policy)

    def holds(self, name: str, role: str) -> set[str]:
        """Who has a role on a bucket."""
        return {
            who for one in self._policy(name)["bindings"] if one["role"] == role for who in one["members"]
        }

    def answer(self, request: Request, path: str) -> Response:
        """One call of the JSON API, held to Google's discovery document."""
        query = {name: values[0] for name, values in request.query.items()}
        text = request.body.all(1 << 20)
        called = method("storage", request.method, path)
        called.check_request(query, json.loads(text) if text else None)
        bucket = path.split("/")[3]
        if called.id == "storage.buckets.getIamPolicy":
            return self._read(bucket, query)
        if called.id == "storage.buckets.setIamPolicy":
            return self._write(bucket, json.loads(text or b"{}"))
        if called.id == "storage.buckets.testIamPermissions":
            return self._test(bucket, request.query["permissions"])
        return self._forward(request.method, request.target.partition(".com/")[2], text)

    def _read(self, bucket: str, query: Json) -> Response:
        policy = self._policy(bucket)
        if int(query.get("optionsRequestedPolicyVersion", 1)) < 3 and _conditional(policy):
            return _error(400, "Requested policy version is too low for a conditional policy.")
        return json_answer(policy)

    def _write(self, bucket: str, wanted: Json) -> Response:
        policy = self._policy(bucket)
        if self.races:
            self.races -= 1
            self._store(bucket, policy)
            policy = self._policy(bucket)
        if wanted.get("etag") != policy["etag"]:
            return _error(412, "The etag in the policy does not match.")
        if _conditional(policy) and wanted.get("version") != 3:
            return _error(400, "Only a version 3 policy may replace one with conditions.")
        return self._store(bucket, wanted)

    def _test(self, bucket: str, permissions: tuple[str, ...]) -> Response:
        roles = [one["role"] for one in self._policy(bucket)["bindings"] if self.caller in one["members"]]
        has = set().union(*(_PERMISSIONS.get(role, set()) for role in roles))
        allowed = [one for one in permissions if not self.caller or one in has]
        return json_answer({"kind": "storage#testIamPermissionsResponse", "permissions": allowed})

    def _policy(self, bucket: str) -> Json:
        body = self._forward("GET", f"storage/v1/b/{bucket}/iam?optionsRequestedPolicyVersion=3").body
        read: Json = json.loads(body if isinstance(body, bytes) else b"{}")
        return read

    def _store(self, bucket: str, policy: Json) -> Response:
        etag = base64.b64encode(secrets.token_bytes(8)).decode()
        return self._forward(
            "PUT", f"storage/v1/b/{bucket}/iam", json.dumps({**policy, "etag": etag}).encode()
        )

    def _forward(self, verb: str, target: str, body: bytes | None = None) -> Response:
        port = self._emulator._api._httpd.server_port
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/{target}",
            data=body or None,
            method=verb,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return Response(answer.status, {"Content-Type": "application/json"}, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return _error(error.code, "The specified bucket does not exist.")


def _conditional(policy: Json) -> bool:
    return any("condition" in one for one in policy.get("bindings", []))


def _error(code: int, message: str) -> Response:
    return json_answer({"error": {"code": code, "message": message}}, code)
