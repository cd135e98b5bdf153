"""Federation: a login without a key, for jobs of GitLab or GitHub; and what the mirror logs in with then.

https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mirror.checks.google_api import Json
from mirror.checks.grants import NUMBER
from mirror.checks.steps import Cloud
from mirror.errors import ConfigError, NotFound

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
GITLAB_ISSUER = "https://gitlab.com"
# Names of groups and owners: what may stand between quotes of an expression without changing it.
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


@dataclass(frozen=True, slots=True)
class Federation:
    """Jobs below `namespace` (a GitLab group or user, a GitHub owner) of `issuer` may act as the mirror."""

    kind: Literal["gitlab", "github"]
    project: str
    namespace: str
    issuer: str

    @classmethod
    def of(
        cls, kind: Literal["gitlab", "github"], project: str, namespace: str, issuer: str | None
    ) -> Federation:
        """Checked: both hosts serve everybody, so a federation without a namespace would be open to everybody."""
        if not _NAMESPACE.fullmatch(namespace):
            raise ConfigError(f"{namespace!r} is not a group or owner; write --namespace acme")
        issuer = (issuer or (GITLAB_ISSUER if kind == "gitlab" else GITHUB_ISSUER)).rstrip("/")
        if not issuer.startswith("https://"):
            raise ConfigError("the issuer must be an https URL: Google fetches its keys from there")
        return cls(kind, project, namespace, issuer)

    @property
    def pool(self) -> str:
        """The pool's id; a pool of our own, so that no other provider can let anybody in."""
        return f"gcr-mirror-{self.kind}"

    @property
    def resource(self) -> str:
        """The provider's resource name, with the project's number to be filled in."""
        return f"projects/{NUMBER}/locations/global/workloadIdentityPools/{self.pool}/providers/{self.kind}"

    @property
    def issuer_uri(self) -> str:
        """The issuer as the provider wants it: GitLab's with a slash at its end, GitHub's without.

        https://docs.gitlab.com/ci/cloud_services/google_cloud/
        """
        return f"{self.issuer}/" if self.kind == "gitlab" else self.issuer

    @property
    def audience(self) -> str:
        """What a job's token must be meant for; without the slash that GitLab's issuer ends in."""
        return self.issuer

    @property
    def mapping(self) -> dict[str, str]:
        """What of a job's token Google keeps."""
        claim = "namespace_path" if self.kind == "gitlab" else "repository_owner"
        return {"google.subject": "assertion.sub", "attribute.namespace": f"assertion.{claim}"}

    @property
    def condition(self) -> str:
        """Who is let in: the namespace itself and, at GitLab, its subgroups; never `acme-evil` for `acme`."""
        if self.kind == "github":
            return f'assertion.repository_owner == "{self.namespace}"'
        path = "assertion.namespace_path"
        return f'{path} == "{self.namespace}" || {path}.startsWith("{self.namespace}/")'

    @property
    def member(self) -> str:
        """Everyone whom the pool lets in; its only provider has the condition."""
        return (
            f"principalSet://iam.googleapis.com/projects/{NUMBER}/locations/global/workloadIdentityPools/"
            f"{self.pool}/*"
        )

    def credentials(self, number: str, email: str, token_file: str) -> str:
        """The `external_account` file for google-auth; it holds no secret.

        A service account is impersonated: without one, Google's upload addresses grow beyond what some clients take.
        """
        audience = self.resource.replace(NUMBER, number)
        iam = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
        return json.dumps(
            {
                "type": "external_account",
                "audience": f"//iam.googleapis.com/{audience}",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": "https://sts.googleapis.com/v1/token",
                "service_account_impersonation_url": f"{iam}/{email}:generateAccessToken",
                "credential_source": {"file": token_file},
            },
            indent=2,
        )


@dataclass(frozen=True, slots=True)
class WriteLogin:
    """A file with which google-auth, and so the mirror, logs in without a key; `token_file` holds a job's token."""

    federation: Federation
    email: str
    file: Path
    token_file: str

    @property
    def title(self) -> str:
        return f"{self.file} logs in as {self.email} with the token in {self.token_file}"

    @property
    def command(self) -> str:
        number = f"$(gcloud projects describe {self.federation.project} --format='value(projectNumber)')"
        provider = self.federation.resource.replace(NUMBER, number)
        return (
            f'gcloud iam workload-identity-pools create-cred-config "{provider}" '
            f"--service-account={self.email} --credential-source-file={shlex.quote(self.token_file)} "
            f"--output-file={shlex.quote(str(self.file))}"
        )

    def done(self, cloud: Cloud) -> bool:
        return self.file.exists() and self.file.read_text("utf-8") == self._text(cloud)

    def do(self, cloud: Cloud) -> None:
        try:
            self.file.write_text(self._text(cloud), "utf-8")
        except OSError as error:
            raise ConfigError(f"{self.file} cannot be written: {error.strerror}") from error

    def _text(self, cloud: Cloud) -> str:
        number = cloud.api.project_number(self.federation.project)
        return self.federation.credentials(number, self.email, self.token_file)


@dataclass(frozen=True, slots=True)
class CreatePool:
    """The pool of federated identities exists."""

    federation: Federation

    @property
    def title(self) -> str:
        return f"the workload identity pool {self.federation.pool} exists"

    @property
    def command(self) -> str:
        return (
            f"gcloud iam workload-identity-pools create {self.federation.pool} --location=global "
            f"--project={self.federation.project}"
        )

    @property
    def _parent(self) -> str:
        return f"v1/projects/{self.federation.project}/locations/global"

    @property
    def _path(self) -> str:
        return f"{self._parent}/workloadIdentityPools/{self.federation.pool}"

    def done(self, cloud: Cloud) -> bool:
        return state(cloud, self._path) == "ACTIVE"

    def do(self, cloud: Cloud) -> None:
        if state(cloud, self._path) == "DELETED":
            cloud.api.finish("iam", "v1", cloud.api.call("POST", "iam", f"{self._path}:undelete", body={}))
            return
        operation = cloud.api.call(
            "POST",
            "iam",
            f"{self._parent}/workloadIdentityPools",
            query={"workloadIdentityPoolId": self.federation.pool},
            body={"displayName": self.federation.pool, "description": "Jobs that may mirror images"},
        )
        cloud.api.finish("iam", "v1", operation)


@dataclass(frozen=True, slots=True)
class CreateProvider:
    """The pool trusts the issuer's tokens, of the given namespace only."""

    federation: Federation

    @property
    def title(self) -> str:
        who = self.federation
        return f"the pool {who.pool} trusts {who.issuer} for {who.namespace} and nobody else"

    @property
    def command(self) -> str:
        who = self.federation
        mapping = ",".join(f"{key}={value}" for key, value in who.mapping.items())
        return (
            f"gcloud iam workload-identity-pools providers create-oidc {who.kind} --location=global "
            f"--workload-identity-pool={who.pool} --project={who.project} --issuer-uri={who.issuer_uri} "
            f"--allowed-audiences={who.audience} --attribute-mapping={shlex.quote(mapping)} "
            f"--attribute-condition={shlex.quote(who.condition)}"
        )

    @property
    def _parent(self) -> str:
        who = self.federation
        return f"v1/projects/{who.project}/locations/global/workloadIdentityPools/{who.pool}/providers"

    @property
    def _path(self) -> str:
        return f"{self._parent}/{self.federation.kind}"

    def done(self, cloud: Cloud) -> bool:
        if state(cloud, self._path) != "ACTIVE":
            return False
        found = cloud.api.call("GET", "iam", self._path)
        return all(found.get(key) == value for key, value in self._body.items())

    def do(self, cloud: Cloud) -> None:
        if state(cloud, self._path) == "DELETED":
            cloud.api.finish("iam", "v1", cloud.api.call("POST", "iam", f"{self._path}:undelete", body={}))
        if state(cloud, self._path):
            query = {"updateMask": ",".join(self._body)}
            operation = cloud.api.call("PATCH", "iam", self._path, query=query, body=self._body)
        else:
            query = {"workloadIdentityPoolProviderId": self.federation.kind}
            operation = cloud.api.call("POST", "iam", self._parent, query=query, body=self._body)
        cloud.api.finish("iam", "v1", operation)

    @property
    def _body(self) -> Json:
        who = self.federation
        return {
            "attributeMapping": who.mapping,
            "attributeCondition": who.condition,
            "oidc": {"issuerUri": who.issuer_uri, "allowedAudiences": [who.audience]},
        }


def state(cloud: Cloud, path: str) -> str:
    """The state of a pool or provider, "" when there is none; a deleted one keeps its name for 30 days."""
    try:
        return str(cloud.api.call("GET", "iam", path).get("state", "ACTIVE"))
    except NotFound:
        return ""
