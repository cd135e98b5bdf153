"""Federation: doubles of Google's token service, of its IAM credentials API, and of GitHub's identity provider.

Written after Google's and GitHub's documents, and checked against no real one.
https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
"""

from __future__ import annotations

import json
from typing import Any

from mirror.demo.google import GoogleRegistry
from mirror.demo.messages import Request, Response, json_answer
from mirror.demo.server import Server

POOL = "projects/123456/locations/global/workloadIdentityPools/ci/providers/gitlab"
ACCOUNT = "pusher@acme-prod.iam.gserviceaccount.com"
ID_TOKEN = "eyJ-an-identity-token-made-up-for-the-tests"  # its like is signed by GitLab or GitHub
FEDERATED = "ya29.federated-made-up-for-the-tests"
IMPERSONATED = "ya29.impersonated-made-up-for-the-tests"
REQUEST_TOKEN = "a-request-token-of-the-runner"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Federation(Server):
    """Exchanges `ID_TOKEN` for access tokens that `google` takes; `impersonation` is whether that is allowed."""

    def __init__(self, google: GoogleRegistry) -> None:
        super().__init__()
        self.google = google
        self.impersonation = True
        self.asked: list[str] = []

    def answer(self, request: Request) -> Response:
        """The three endpoints."""
        self.asked.append(request.path)
        if request.path == "/v1/token":
            return self._exchange(_json(request))
        if request.path == f"/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken":
            return self._impersonate(request, _json(request))
        if request.path == "/id-token":
            return self._identity(request)
        return json_answer({"error": {"code": 404, "message": f"no {request.path}"}}, 404)

    def _exchange(self, wanted: dict[str, Any]) -> Response:
        urn = "urn:ietf:params:oauth"
        right = {
            "audience": f"//iam.googleapis.com/{POOL}",
            "grantType": f"{urn}:grant-type:token-exchange",
            "requestedTokenType": f"{urn}:token-type:access_token",
            "subjectTokenType": f"{urn}:token-type:jwt",
            "scope": SCOPE,
            "subjectToken": ID_TOKEN,
        }
        wrong = sorted(name for name, value in right.items() if wanted.get(name) != value)
        if wrong:
            description = f"Invalid value for {wrong}."
            return json_answer({"error": "invalid_grant", "error_description": description}, 400)
        return self._granted({"access_token": FEDERATED, "token_type": "Bearer", "expires_in": 3599})

    def _impersonate(self, request: Request, wanted: dict[str, Any]) -> Response:
        if request.headers.get("authorization") != f"Bearer {FEDERATED}":
            return json_answer({"error": {"code": 401, "message": "Request had invalid credentials."}}, 401)
        if not self.impersonation or wanted != {"scope": [SCOPE]}:
            message = (
                "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
            )
            return json_answer({"error": {"code": 403, "message": message}}, 403)
        return self._granted({"accessToken": IMPERSONATED, "expireTime": "2026-01-01T00:00:00Z"})

    def _identity(self, request: Request) -> Response:
        right = (f"Bearer {REQUEST_TOKEN}", (f"https://iam.googleapis.com/{POOL}",))
        if (request.headers.get("authorization"), request.query.get("audience")) != right:
            return json_answer({"message": "bad request token or audience"}, 400)
        return json_answer({"count": 1, "value": ID_TOKEN})

    def _granted(self, answer: dict[str, Any]) -> Response:
        self.google.access_tokens.add(answer.get("access_token") or answer["accessToken"])
        return json_answer(answer)


def _json(request: Request) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(request.body.all(64 * 1024) or b"{}")
    return read
