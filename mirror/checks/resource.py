"""Resources of Google that have an IAM policy: how each is named, read, written, and called by gcloud."""

from __future__ import annotations

from dataclasses import dataclass

from mirror.checks.google_api import GoogleApi
from mirror.checks.policy import VERSION, Policy
from mirror.registries.artifact_registry import Home


@dataclass(frozen=True, slots=True)
class Resource:
    """Something with a policy. `gcloud` is the command group with the resource's own arguments."""

    service: str
    version: str
    name: str
    reads_with_get: bool
    gcloud: str

    def policy(self, api: GoogleApi) -> Policy:
        """The policy, conditions included."""
        path = f"{self.version}/{self.name}:getIamPolicy"
        if self.reads_with_get:
            return api.call("GET", self.service, path, query={"options.requestedPolicyVersion": str(VERSION)})
        if self.service == "iam":
            # The IAM API takes the version as a query parameter of a POST without a body.
            query = {"options.requestedPolicyVersion": str(VERSION)}
            return api.call("POST", self.service, path, query=query)
        return api.call("POST", self.service, path, body={"options": {"requestedPolicyVersion": VERSION}})

    def write(self, api: GoogleApi, policy: Policy) -> None:
        """Replace the policy; its etag makes Google refuse it when it has changed meanwhile."""
        api.call("POST", self.service, f"{self.version}/{self.name}:setIamPolicy", body={"policy": policy})

    def allowed(self, api: GoogleApi, permissions: list[str]) -> frozenset[str]:
        """Which of `permissions` the caller has here."""
        path = f"{self.version}/{self.name}:testIamPermissions"
        answer = api.call("POST", self.service, path, body={"permissions": permissions})
        return frozenset(answer.get("permissions") or ())


def repository(home: Home) -> Resource:
    """One repository of Artifact Registry."""
    command = f"gcloud artifacts repositories VERB {home.repository} --location={home.location}"
    return Resource("artifactregistry", "v1", home.resource, True, f"{command} --project={home.project}")


def project(name: str) -> Resource:
    """A whole project."""
    return Resource("cloudresourcemanager", "v3", f"projects/{name}", False, f"gcloud projects VERB {name}")


def service_account(email: str, owner: str) -> Resource:
    """A service account as a thing that others may use; `owner` is its project."""
    command = f"gcloud iam service-accounts VERB {email} --project={owner}"
    return Resource("iam", "v1", f"projects/{owner}/serviceAccounts/{email}", False, command)
