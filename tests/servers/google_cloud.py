"""GoogleCloud: a loopback stand-in for the REST APIs that the set-up calls, held to Google's discovery documents.

Every request and every answer is compared with what the document of its service says; a difference fails the
test. What the documents do not tell (what a refusal says, how long a change takes to be known) is a switch.
No program that can be installed speaks these APIs; buckets are left to an emulator (`tests.servers.buckets`).
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from google.auth.credentials import CredentialsWithRegionalAccessBoundary

from mirror.checks.google_api import ENDPOINT_VARIABLE
from mirror.demo.google import service_account_key
from mirror.demo.messages import Request, Response, json_answer
from mirror.demo.server import Server
from mirror.demo.tokens import certificate, certificate_pem, signing_key
from tests.servers.buckets import BucketStore
from tests.servers.discovery import Json, method

ADMIN = "roles/owner"
KEYS_FORBIDDEN = "Key creation is not allowed on this service account."


class Refused(Exception):
    """An answer of Google that is an error."""

    def __init__(self, code: int, status: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
        error = {"code": code, "message": message, "status": status, "details": details}
        self.answer = json_answer({"error": error}, code)


class GoogleCloud(Server):
    """One project of Google's. `denied` are permissions that the caller lacks."""

    def __init__(self, project: str = "arctic-goal-676703", *, denied: Iterable[str] = ()) -> None:
        super().__init__()
        self.project = project
        self.number = "123456789012"
        self.denied = set(denied)
        self.keys_forbidden = False
        self.polls = 1  # how often an operation is asked for before it is done
        self.settling = 0  # so many policies naming an account are refused as if it were not known yet
        self.races = 0  # so many writes of a policy find that somebody else was faster
        self.enabled = {"serviceusage", "cloudresourcemanager"}
        self.repositories: dict[str, Json] = {}
        self.accounts: dict[str, Json] = {}
        self.pools: dict[str, Json] = {}
        self.policies: dict[str, Json] = {}
        self.limits = {"requests": "60000", "write_requests": "18000"}  # per minute and region
        self.limits_here: dict[str, str] = {}  # the same, overridden in europe
        self.keys: list[str] = []
        self.certificates: dict[str, str] = {}  # of keys that were not made yesterday
        self.tokens: set[str] = set()
        self.assertions: list[str] = []  # who asked for a token: the account, or a job's token
        self.buckets = BucketStore()
        self._operations: dict[str, int] = {}

    def key(self) -> Json:
        """A key that logs in here, for google-auth."""
        return service_account_key(self.project, f"{self.url}/oauth2.googleapis.com/token")

    def close(self) -> None:
        """Stop the buckets too."""
        super().close()
        self.buckets.close()

    def holds(self, resource: str, role: str) -> set[str]:
        """Who has a role on a resource."""
        bindings = self.policies.get(resource, {}).get("bindings", [])
        return {member for one in bindings if one["role"] == role for member in one["members"]}

    def give(self, resource: str, role: str, member: str, condition: Json | None = None) -> None:
        """Add a binding behind the program's back."""
        policy = self._policy(resource)
        extra = {"condition": condition} if condition else {}
        policy["bindings"].append({"role": role, "members": [member], **extra})

    def take(self, resource: str, role: str, member: str) -> None:
        """Remove a member from all bindings of a role."""
        for binding in self._policy(resource)["bindings"]:
            if binding["role"] == role and member in binding["members"]:
                binding["members"].remove(member)

    def answer(self, request: Request) -> Response:
        """The token service, the buckets, or one of the APIs."""
        host, _, path = request.path.lstrip("/").partition("/")
        service = host.removesuffix(".googleapis.com")
        try:
            if service in ("oauth2", "sts"):
                return self._token(request) if service == "oauth2" else self._exchange(request)
            if service == "certificates":
                pem = certificate_pem().decode()
                return json_answer({one: self.certificates.get(one, pem) for one in self.keys})
            self._login(request)
            if service == "storage":
                return self.buckets.answer(request, path)
            return self._call(service, unquote(path), request)
        except Refused as refused:
            return refused.answer

    def _call(self, service: str, path: str, request: Request) -> Response:
        query = {name: values[0] for name, values in request.query.items()}
        body = json.loads(request.body.all(1 << 20) or b"null")
        called = method(service, request.method, path)
        called.check_request(query, body)
        answer = self._do(called.id, path.partition("/")[2], query, body or {})
        called.check_answer(answer)
        return json_answer(answer)

    def _do(self, called: str, name: str, query: dict[str, str], body: Json) -> Json:
        service, _, verb = called.partition(".")[0], "", called.rpartition(".")[2]
        if service not in self.enabled:
            text = (
                f"{service} API has not been used in project {self.number} before or it is disabled. Enable it by "
                f"visiting https://console.developers.google.com/apis/api/{service}.googleapis.com/overview?project=1"
            )
            raise Refused(403, "PERMISSION_DENIED", text, "SERVICE_DISABLED")
        if verb == "testIamPermissions":
            return {"permissions": [one for one in body["permissions"] if one not in self.denied]}
        if verb in ("getIamPolicy", "setIamPolicy"):
            self._allowed(f"{called.removesuffix('.' + verb).replace('projects.', '', 1)}.{verb}")
            return self._policy_call(verb, name.partition(":")[0], body, query)
        act = getattr(self, "_" + _short(called))
        answer: Json = act(name, query, body)
        return answer

    def _serviceusage_services_get(self, name: str, _query: Json, _body: Json) -> Json:
        service = name.rpartition("/")[2].removesuffix(".googleapis.com")
        return {"name": name, "state": "ENABLED" if service in self.enabled else "DISABLED"}

    def _serviceusage_services_enable(self, name: str, _query: Json, _body: Json) -> Json:
        self._allowed("serviceusage.services.enable")
        self.enabled.add(name.rpartition("/")[2].partition(".")[0])
        return self._operation("operations/acat.p2-1")

    def _serviceusage_services_consumerquotametrics_list(self, name: str, query: Json, _body: Json) -> Json:
        """One metric per page. The shapes are Google's; the names of the metrics are not documented."""
        self._allowed("serviceusage.quotas.get")
        page = int(query.get("pageToken", "0"))
        metrics = [_unlimited_metric(name), *(self._metric(name, one) for one in self.limits)]
        following = {"nextPageToken": str(page + 1)} if page + 1 < len(metrics) else {}
        return {"metrics": [metrics[page]], **following}

    def _metric(self, name: str, kind: str) -> Json:
        everywhere: Json = {"effectiveLimit": self.limits[kind], "defaultLimit": self.limits[kind]}
        buckets = [everywhere, {**everywhere, "effectiveLimit": "1", "dimensions": {"region": "us"}}]
        if kind in self.limits_here:
            here = {"effectiveLimit": self.limits_here[kind], "dimensions": {"region": "europe"}}
            buckets.append({**everywhere, **here})
        return _quota_metric(name, kind, {"1/min/{project}/{region}": buckets, "1/d/{project}": [everywhere]})

    def _serviceusage_operations_get(self, name: str, _query: Json, _body: Json) -> Json:
        return self._progress(name)

    def _artifactregistry_repositories_get(self, name: str, _query: Json, _body: Json) -> Json:
        self._allowed("artifactregistry.repositories.get")
        return _found(self.repositories, name)

    def _artifactregistry_repositories_create(self, name: str, query: Json, body: Json) -> Json:
        self._allowed("artifactregistry.repositories.create")
        full = f"{name}/{query['repositoryId']}"
        self.repositories[full] = {"name": full, **body}
        return self._operation(f"{name.removesuffix('/repositories')}/operations/1")

    def _artifactregistry_operations_get(self, name: str, _query: Json, _body: Json) -> Json:
        return self._progress(name)

    def _iam_serviceaccounts_get(self, name: str, _query: Json, _body: Json) -> Json:
        return _found(self.accounts, name)

    def _iam_serviceaccounts_create(self, name: str, _query: Json, body: Json) -> Json:
        self._allowed("iam.serviceAccounts.create")
        email = f"{body['accountId']}@{self.project}.iam.gserviceaccount.com"
        full = f"{name}/{email}"
        self.accounts[full] = {"name": full, "email": email, **body["serviceAccount"]}
        return self.accounts[full]

    def _iam_serviceaccounts_keys_create(self, name: str, _query: Json, _body: Json) -> Json:
        if self.keys_forbidden:
            raise Refused(400, "FAILED_PRECONDITION", KEYS_FORBIDDEN)
        email = name.split("/")[3]
        key = {**self.key(), "client_email": email}
        self.keys.append(key["private_key_id"])
        text = base64.b64encode(json.dumps(key).encode()).decode()
        return {"name": f"{name}/{key['private_key_id']}", "privateKeyData": text}

    def _iam_workloadidentitypools_get(self, name: str, _query: Json, _body: Json) -> Json:
        return _found(self.pools, name)

    def _iam_workloadidentitypools_create(self, name: str, query: Json, body: Json) -> Json:
        full = f"{name}/{query['workloadIdentityPoolId']}"
        if full in self.pools:
            raise Refused(409, "ALREADY_EXISTS", "Requested entity already exists")
        self.pools[full] = {"name": full, "state": "ACTIVE", **body}
        return self._operation(f"{full}/operations/1")

    def _iam_workloadidentitypools_undelete(self, name: str, _query: Json, _body: Json) -> Json:
        pool = name.removesuffix(":undelete")
        _found(self.pools, pool)["state"] = "ACTIVE"
        return self._operation(f"{pool}/operations/1")

    _iam_workloadidentitypools_providers_undelete = _iam_workloadidentitypools_undelete

    def _iam_workloadidentitypools_operations_get(self, name: str, _query: Json, _body: Json) -> Json:
        return self._progress(name)

    def _iam_workloadidentitypools_providers_get(self, name: str, _query: Json, _body: Json) -> Json:
        return _found(self.pools, name)

    def _iam_workloadidentitypools_providers_create(self, name: str, query: Json, body: Json) -> Json:
        full = f"{name}/{query['workloadIdentityPoolProviderId']}"
        if full in self.pools:
            raise Refused(409, "ALREADY_EXISTS", "Requested entity already exists")
        self.pools[full] = {"name": full, "state": "ACTIVE", **body}
        return self._operation(f"{full}/operations/1")

    def _iam_workloadidentitypools_providers_patch(self, name: str, query: Json, body: Json) -> Json:
        wanted = query["updateMask"].split(",")
        _found(self.pools, name).update({field: body[field] for field in wanted})
        return self._operation(f"{name}/operations/1")

    def _iam_workloadidentitypools_providers_operations_get(
        self, name: str, _query: Json, _body: Json
    ) -> Json:
        return self._progress(name)

    def _cloudresourcemanager_projects_get(self, name: str, _query: Json, _body: Json) -> Json:
        if name != f"projects/{self.project}":
            raise Refused(403, "PERMISSION_DENIED", "The caller does not have permission")
        return {"name": f"projects/{self.number}", "projectId": self.project, "state": "ACTIVE"}

    def _policy_call(self, verb: str, name: str, body: Json, query: dict[str, str]) -> Json:
        policy = self._policy(name)
        if verb == "getIamPolicy":
            asked = query.get("options.requestedPolicyVersion") or body.get("options", {}).get(
                "requestedPolicyVersion", 1
            )
            if int(asked) < 3 and any("condition" in one for one in policy["bindings"]):
                raise Refused(400, "INVALID_ARGUMENT", "Requested policy version is too low")
            return policy
        return self._write(name, policy, body["policy"])

    def _write(self, name: str, policy: Json, wanted: Json) -> Json:
        if self.races:
            self.races -= 1
            policy["etag"] = _etag()
        if wanted.get("etag") != policy["etag"]:
            raise Refused(409, "ABORTED", "There were concurrent policy changes. Please retry.")
        if self.settling:
            self.settling -= 1
            raise Refused(400, "INVALID_ARGUMENT", "Service account gcr-mirror@... does not exist.")
        self.policies[name] = {**wanted, "etag": _etag()}
        return self.policies[name]

    def _policy(self, name: str) -> Json:
        return self.policies.setdefault(name, {"version": 1, "etag": _etag(), "bindings": []})

    def _operation(self, name: str) -> Json:
        self._operations[name] = self.polls
        return self._progress(name)

    def _progress(self, name: str) -> Json:
        if self._operations[name] == 0:
            return {"name": name, "done": True, "response": {}}
        self._operations[name] -= 1
        return {"name": name, "done": False}

    def _allowed(self, permission: str) -> None:
        if permission in self.denied:
            text = f"Permission '{permission}' denied on resource (or it may not exist)."
            raise Refused(403, "PERMISSION_DENIED", text)

    def _login(self, request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            text = "Request had invalid authentication credentials."
            raise Refused(401, "UNAUTHENTICATED", text, "ACCESS_TOKEN_EXPIRED")

    def _token(self, request: Request) -> Response:
        """RFC 7523: a signed assertion is traded for an access token."""
        form = parse_qs((request.body.all(65536) or b"").decode())
        try:
            claims = jwt.decode(
                form["assertion"][0],
                signing_key().public_key(),
                ["RS256"],
                audience="https://oauth2.googleapis.com/token",
            )
        except (KeyError, jwt.InvalidTokenError):
            return json_answer({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
        self.assertions.append(claims["iss"])
        return json_answer({"access_token": self._minted(), "token_type": "Bearer", "expires_in": 3599})

    def _exchange(self, request: Request) -> Response:
        """RFC 8693: a job's token is traded for a federated one."""
        form = parse_qs((request.body.all(65536) or b"").decode())
        self.assertions.append(form["subject_token"][0])
        answer = {
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
        }
        return json_answer({**answer, "access_token": self._minted(), "expires_in": 3599})

    def _iamcredentials_serviceaccounts_generateaccesstoken(
        self, name: str, _query: Json, _body: Json
    ) -> Json:
        self._allowed("iam.serviceAccounts.getAccessToken")
        self.assertions.append(name.split("/")[3].partition(":")[0])
        ends = datetime.now(UTC) + timedelta(seconds=3599)
        return {"accessToken": self._minted(), "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def _minted(self) -> str:
        token = f"ya29.{secrets.token_urlsafe(40)}"
        self.tokens.add(token)
        return token


def certificate_made(when: datetime, lasts: timedelta = timedelta(days=3650)) -> str:
    """The certificate that Google publishes for a key that was made then."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate().subject)
        .issuer_name(certificate().subject)
        .public_key(signing_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(when)
        .not_valid_after(when + lasts)
    )
    return builder.sign(signing_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def keep_on_loopback(monkeypatch: pytest.MonkeyPatch, google: GoogleCloud) -> None:
    """Send the program's calls to `google`, and nothing of google-auth's anywhere else.

    Beside each call, google-auth asks iamcredentials.googleapis.com in the background in which regions a service
    account may be used; its address cannot be changed.
    """
    monkeypatch.setenv(ENDPOINT_VARIABLE, google.url)
    monkeypatch.setattr(
        CredentialsWithRegionalAccessBoundary,
        "_is_regional_access_boundary_lookup_required",
        lambda _credentials: False,
    )


def _short(called: str) -> str:
    name = called.lower().replace("projects.locations.", "").replace("iam.projects.", "iam.")
    return name.replace("iamcredentials.projects.", "iamcredentials.").replace(".", "_")


def _unlimited_metric(name: str) -> Json:
    unlimited = {"effectiveLimit": "-1", "defaultLimit": "-1"}
    capped = {"effectiveLimit": "5", "defaultLimit": "-1"}
    return _quota_metric(
        name,
        "requests",
        {"1/min/{project}": [unlimited], "1/min/{project}/{user}": [capped]},
    )


def _quota_metric(name: str, kind: str, buckets: dict[str, list[Json]]) -> Json:
    metric = f"artifactregistry.googleapis.com/{kind}"
    return {
        "name": f"{name}/{metric.replace('/', '%2F')}",
        "metric": metric,
        "displayName": kind.replace("_", " ").capitalize(),
        "consumerQuotaLimits": [
            {"metric": metric, "unit": unit, "quotaBuckets": some} for unit, some in buckets.items()
        ],
    }


def _found(things: dict[str, Json], name: str) -> Json:
    if name not in things:
        raise Refused(404, "NOT_FOUND", "Requested entity was not found.")
    return things[name]


def _etag() -> str:
    return base64.b64encode(secrets.token_bytes(8)).decode()
