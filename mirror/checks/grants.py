"""Grants: who may do what on one resource of Google, given and taken away."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from mirror.checks.policy import granted, has, revoked, roles_of
from mirror.checks.resource import Resource
from mirror.checks.steps import Cloud

# Stands for the project's number, which only Google knows, in the names of federated identities.
NUMBER = "PROJECT_NUMBER"


@dataclass(frozen=True, slots=True)
class Grant:
    """A member holds a role on one resource or, where `held` is false, holds it no more.

    NUMBER in the member is filled in when the step is done.
    """

    on: Resource
    project: str
    role: str
    member: str
    held: bool = True

    @property
    def title(self) -> str:
        return f"{self.member} has {'' if self.held else 'no '}{self.role} on {self.on.name}"

    @property
    def command(self) -> str:
        return binding(self.on, "add" if self.held else "remove", self.role, self.member, self.project)

    def done(self, cloud: Cloud) -> bool:
        policy, member = self.on.policy(cloud.api), self._member(cloud)
        return has(policy, self.role, member) if self.held else self.role not in roles_of(policy, member)

    def do(self, cloud: Cloud) -> None:
        change = granted if self.held else revoked
        self.on.write(cloud.api, change(self.on.policy(cloud.api), self.role, self._member(cloud)))

    def _member(self, cloud: Cloud) -> str:
        if NUMBER not in self.member:
            return self.member
        return self.member.replace(NUMBER, cloud.api.project_number(self.project))


@dataclass(frozen=True, slots=True)
class GrantOnBucket:
    """A member holds a role on the bucket in which Container Registry kept the images of old times."""

    bucket: str
    role: str
    member: str

    @property
    def title(self) -> str:
        return f"{self.member} has {self.role} on gs://{self.bucket}"

    @property
    def command(self) -> str:
        return (
            f"gcloud storage buckets add-iam-policy-binding gs://{self.bucket} --member={self.member} "
            f"--role={self.role}"
        )

    def done(self, cloud: Cloud) -> bool:
        return cloud.buckets.has_role(self.bucket, self.role, self.member)

    def do(self, cloud: Cloud) -> None:
        cloud.buckets.grant(self.bucket, self.role, self.member)


def binding(on: Resource, verb: str, role: str, member: str, project: str) -> str:
    """The gcloud command that adds or removes (`verb`) one binding."""
    number = f"$(gcloud projects describe {project} --format='value(projectNumber)')"
    member = member.replace(NUMBER, number)
    who = f'"{member}"' if "$(" in member else shlex.quote(member)
    # Without these, gcloud asks back where a policy has conditions; repositories of images have none.
    flags = {"add": " --condition=None", "remove": " --all"}
    condition = "" if on.service == "artifactregistry" else flags[verb]
    group = on.gcloud.replace("VERB", f"{verb}-iam-policy-binding")
    return f"{group} --member={who} --role={role}{condition}"
