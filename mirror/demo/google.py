"""GoogleRegistry: Artifact Registry behind a gcr.io host (or pkg.dev), with its token endpoint.

One denied scope fails the whole token request; an upload takes one body; its Location is long and lies
outside /v2/; `tags/list` tells the whole state of a repository; there is no `_catalog`.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt

from mirror.demo.access import Access, basic, bearer, challenge, scopes
from mirror.demo.distribution import OciRegistry, Route
from mirror.demo.messages import Request, Response, json_answer, refusal
from mirror.demo.rules import GOOGLE, Rules
from mirror.demo.storage import Clock
from mirror.demo.tokens import TokenService, private_key_pem, signing_key

_PERMISSION = {"pull": "downloadArtifacts", "push": "uploadArtifacts", "delete": "deleteArtifacts"}


def service_account_key(
    project: str,
    token_uri: str = "https://oauth2.googleapis.com/token",  # noqa: S107 - an address
) -> dict[str, Any]:
    """A JSON key of the form that Google gives out; google-auth can use it with a `token_uri` on loopback."""
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": secrets.token_hex(20),
        "private_key": private_key_pem(),
        "client_email": f"mirror@{project}.iam.gserviceaccount.com",
        "client_id": "1" * 21,
        "token_uri": token_uri,
    }


class GoogleRegistry(OciRegistry):
    """Paths begin with the project; `example.com:project` is written `example.com/project` there.

    `repository` is the Artifact Registry repository behind the host. With `exists=False` it has yet to be
    made: by the first push when `create_on_push`, otherwise that push is denied. `actions` is what the key
    may do. `key` is the JSON key that may log in; without one it is made, and `google.key` is it.
    """

    def __init__(  # noqa: PLR0913 - switches, each by its name
        self,
        directory: Path | None = None,
        *,
        project: str = "arctic-goal-676703",
        key: Mapping[str, Any] | None = None,
        location: str = "us",
        repository: str = "gcr.io",
        exists: bool = True,
        create_on_push: bool = False,
        actions: Iterable[str] = ("pull", "push", "delete"),
        token_lifetime: float = 3600.0,
        rules: Rules = GOOGLE,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(directory, rules=rules, tls=tls, clock=clock)
        self.project = project
        self.prefix = project.replace(":", "/")
        self.location = location
        self.repository = repository
        self.exists = exists
        self.create_on_push = create_on_push
        self.actions = frozenset(actions)
        self.access_tokens: set[str] = set()
        self.tokens = TokenService("google", "gcr.io", token_lifetime)
        self._key = dict(key) if key is not None else None

    @property
    def key(self) -> dict[str, Any]:
        """The JSON key of the service account that may log in."""
        if self._key is None:
            self._key = service_account_key(self.project, f"{self.url}/oauth2/token")
        return self._key

    def answer(self, request: Request) -> Response:
        """Google's token endpoints, then the routes of the specification."""
        if request.path == "/v2/token":
            # containerd tries POST first, and takes this for an answer.
            return self._token(request) if request.method == "GET" else Response(404)
        if request.path == "/oauth2/token" and request.method == "POST":
            return self._access_token(request)
        return super().answer(request)

    def refused(self, request: Request, wanted: Iterable[Access]) -> Response | None:
        """401 with a challenge; a token of another repository is not enough."""
        wanted = list(wanted)
        login = basic(request)
        if login and login[0] in ("_token", "oauth2accesstoken") and login[1] in self.access_tokens:
            granted: list[Access] | None = [one.only(self.actions) for one in wanted]
        else:
            granted = self.tokens.verify(bearer(request) or "")
        if granted is None or not all(any(g.covers(w) for g in granted) for w in wanted):
            answer = refusal(
                401, "UNAUTHORIZED", "You don't have the needed permissions to perform this operation."
            )
            return answer.having(WWW_Authenticate=challenge(f"{self.url}/v2/token", "gcr.io", wanted))
        return None

    def wanted(self, route: Route, request: Request) -> list[Access]:
        """Deleting goes with the right to push, as far as tokens are concerned; IAM decides later."""
        return [
            Access.to(one.name, "pull", "push") if "delete" in one.actions else one
            for one in super().wanted(route, request)
        ]

    def permitted(self, route: Route, request: Request) -> Response | None:
        """What the token allows and IAM does not; and a repository behind the host that is yet to be made."""
        if route.name == self.prefix and request.method not in ("GET", "HEAD"):
            form = "docker push HOST-NAME/PROJECT-ID/REPOSITORY/IMAGE"
            return refusal(400, "NAME_INVALID", f"Missing image name. Pushes should be of the form {form}")
        if not self.exists and request.method not in ("POST", "PUT"):
            return refusal(404, "NAME_UNKNOWN", f'Repository "{self.repository}" not found')
        # Without create_on_push there would be no token to push with.
        self.exists = True
        if request.method == "DELETE" and "delete" not in self.actions:
            return self._denied(Access.to(route.name, "delete"))
        return None

    def _token(self, request: Request) -> Response:
        """`/v2/token`: all that is asked for, or 403."""
        login = basic(request)
        wanted = scopes(request)
        if login is None:
            return self._denied(wanted[0] if wanted else None, "Unauthenticated request. ")
        refused = self._login_refused(*login)
        if refused:
            return refused
        for access in wanted:
            denied = self._scope_denied(access)
            if denied:
                return denied
        token = self.tokens.mint(login[0], wanted)
        return json_answer({"token": token, "expires_in": int(self.tokens.lifetime)})

    def _login_refused(self, user: str, password: str) -> Response | None:
        if user in ("oauth2accesstoken", "_token"):
            return None if password in self.access_tokens else _unauthenticated()
        if user not in ("_json_key", "_json_key_base64"):
            return _unauthenticated()
        try:
            text = base64.b64decode(password, validate=True) if user.endswith("64") else password
            key = json.loads(text)
        except ValueError:
            return refusal(401, "UNKNOWN", "Unable to parse json key.")
        return None if key == self.key else _unauthenticated()

    def _scope_denied(self, access: Access) -> Response | None:
        inside = access.kind == "repository" and f"{access.name}/".startswith(f"{self.prefix}/")
        if not inside or not access.actions <= self.actions:
            return self._denied(access)
        if not self.exists and not self.create_on_push and "push" in access.actions:
            message = (
                "gcr.io repo does not exist. Creating on push requires the "
                "artifactregistry.repositories.createOnPush permission"
            )
            return refusal(403, "DENIED", message)
        return None

    def _denied(self, access: Access | None, why: str = "") -> Response:
        actions = access.actions - self.actions or access.actions if access else {"pull"}
        permission = f"artifactregistry.repositories.{_PERMISSION.get(max(actions), 'downloadArtifacts')}"
        resource = f"projects/{self.project}/locations/{self.location}/repositories/{self.repository}"
        text = f'"{permission}" {"on" if why else "denied on"} resource "{resource}" (or it may not exist)'
        prefix = f"{why}Unauthenticated requests do not have permission " if why else "Permission "
        return refusal(403, "DENIED", prefix + text)

    def _access_token(self, request: Request) -> Response:
        """The token endpoint of OAuth 2, where google-auth trades a signed assertion for an access token."""
        form = parse_qs((request.body.all(64 * 1024) or b"").decode())
        try:
            claims = jwt.decode(
                form["assertion"][0], signing_key().public_key(), ["RS256"], options={"verify_aud": False}
            )
        except (KeyError, jwt.InvalidTokenError):
            return json_answer({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
        if claims.get("iss") != self.key["client_email"]:
            return json_answer({"error": "invalid_grant", "error_description": "account not found"}, 400)
        token = f"ya29.{secrets.token_urlsafe(40)}"
        self.access_tokens.add(token)
        return json_answer({"access_token": token, "token_type": "Bearer", "expires_in": 3599})


def _unauthenticated() -> Response:
    return refusal(401, "UNAUTHORIZED", "authentication failed")
