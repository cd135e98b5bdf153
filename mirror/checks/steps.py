"""Steps: one thing at Google that must be so; each can tell whether it is, make it so, and say gcloud's words."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Protocol

from mirror.checks.buckets import Buckets
from mirror.checks.google_api import GoogleApi
from mirror.errors import NotFound
from mirror.registries.artifact_registry import Home


@dataclass(frozen=True, slots=True)
class Cloud:
    """What the steps act on."""

    api: GoogleApi
    buckets: Buckets


class Step(Protocol):
    """One step of a set-up."""

    @property
    def title(self) -> str:
        """What will be so afterwards."""

    @property
    def command(self) -> str:
        """The same as a command that can be pasted."""

    def done(self, cloud: Cloud) -> bool:
        """Whether it is so already. Raises MirrorError."""

    def do(self, cloud: Cloud) -> None:
        """Make it so. Raises MirrorError."""


@dataclass(frozen=True, slots=True)
class EnableApi:
    """A Google API is enabled in the project."""

    project: str
    service: str

    @property
    def title(self) -> str:
        return f"the API {self.service}.googleapis.com is enabled"

    @property
    def command(self) -> str:
        return f"gcloud services enable {self.service}.googleapis.com --project={self.project}"

    @property
    def _path(self) -> str:
        return f"v1/projects/{self.project}/services/{self.service}.googleapis.com"

    def done(self, cloud: Cloud) -> bool:
        return cloud.api.call("GET", "serviceusage", self._path).get("state") == "ENABLED"

    def do(self, cloud: Cloud) -> None:
        operation = cloud.api.call("POST", "serviceusage", f"{self._path}:enable", body={})
        cloud.api.finish("serviceusage", "v1", operation)


@dataclass(frozen=True, slots=True)
class CreateRepository:
    """The repository behind the host exists; nobody needs the right to create it with a push."""

    home: Home

    @property
    def title(self) -> str:
        return f"the repository {self.home.resource} exists"

    @property
    def command(self) -> str:
        return (
            f"gcloud artifacts repositories create {self.home.repository} --repository-format=docker "
            f"--location={self.home.location} --project={self.home.project}"
        )

    def done(self, cloud: Cloud) -> bool:
        return exists(cloud, "artifactregistry", f"v1/{self.home.resource}")

    def do(self, cloud: Cloud) -> None:
        operation = cloud.api.call(
            "POST",
            "artifactregistry",
            f"v1/{self.home.parent}/repositories",
            query={"repositoryId": self.home.repository},
            body={"format": "DOCKER", "description": "Images mirrored by gitlab-gcr-mirror"},
        )
        cloud.api.finish("artifactregistry", "v1", operation)


@dataclass(frozen=True, slots=True)
class CreateAccount:
    """A service account exists."""

    project: str
    name: str
    purpose: str

    @property
    def title(self) -> str:
        return f"the service account {email(self.name, self.project)} exists"

    @property
    def command(self) -> str:
        return (
            f"gcloud iam service-accounts create {self.name} --display-name={shlex.quote(self.purpose)} "
            f"--project={self.project}"
        )

    def done(self, cloud: Cloud) -> bool:
        path = f"v1/projects/{self.project}/serviceAccounts/{email(self.name, self.project)}"
        return exists(cloud, "iam", path)

    def do(self, cloud: Cloud) -> None:
        body = {"accountId": self.name, "serviceAccount": {"displayName": self.purpose}}
        cloud.api.call("POST", "iam", f"v1/projects/{self.project}/serviceAccounts", body=body)


def email(name: str, project: str) -> str:
    """The address of a service account; a domain's project turns round in it."""
    domain, _, short = project.rpartition(":")
    return (
        f"{name}@{short}.{domain}.iam.gserviceaccount.com"
        if domain
        else (f"{name}@{project}.iam.gserviceaccount.com")
    )


def exists(cloud: Cloud, service: str, path: str) -> bool:
    """Whether there is something at `path`."""
    try:
        cloud.api.call("GET", service, path)
    except NotFound:
        return False
    return True
