"""The model of `config.yaml`: every key, its kind and its default.

The descriptions are what editors show, by way of docs/reference/config.schema.json.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mirror.config.fields import (
    Bandwidth,
    Component,
    Count,
    Database,
    Duration,
    File,
    Host,
    Listen,
    Name,
    NamePattern,
    PathPattern,
    PathPrefix,
    Platforms,
    Project,
    Url,
    Variable,
    VersionRange,
    wrong,
)

# Else pydantic asks every installed package whether it has a plugin for it.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")


class Model(BaseModel):
    """What all parts share: unknown keys are errors, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PasswordCredentials(Model):
    """A user name, and where its password or token is kept."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["password_file"]}, {"required": ["password_env"]}]}
    )

    username: str = Field(min_length=1, description="User name; of a deploy token, the name it was given.")
    password_file: File | None = Field(default=None, description="File that holds the password or token.")
    password_env: Variable | None = Field(
        default=None, description="Variable that holds the password or token."
    )

    @model_validator(mode="after")
    def _one_place(self) -> PasswordCredentials:
        if (self.password_file is None) == (self.password_env is None):
            raise wrong("wants exactly one of password_file and password_env")
        return self


class GoogleCredentials(Model):
    """Who the mirror is at Google."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["json_key_file"]},
                {"required": ["json_key_env"]},
                {"required": ["adc"], "properties": {"adc": {"const": True}}},
            ]
        }
    )

    json_key_file: File | None = Field(
        default=None, description="File that holds a service account's JSON key."
    )
    json_key_env: Variable | None = Field(
        default=None, description="Variable that holds the JSON key, as it is or in base64."
    )
    adc: bool = Field(
        default=False,
        description="Use Application Default Credentials: workload identity, gcloud, the metadata server.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> GoogleCredentials:
        if [self.json_key_file is None, self.json_key_env is None, not self.adc].count(False) != 1:
            raise wrong("wants exactly one of json_key_file, json_key_env and adc: true")
        return self


class Reachable(Model):
    """How a registry is reached."""

    host: Host = Field(description="host[:port], without a scheme.")
    insecure: bool = Field(default=False, description="Plain http. For registries on this machine only.")
    ca_file: File | None = Field(default=None, description="PEM file of a private certificate authority.")


class GitLabRegistry(Reachable):
    """A GitLab Container Registry."""

    kind: Literal["gitlab"] = Field(description="A GitLab Container Registry.")
    api_url: Url | None = Field(
        default=None,
        description="GitLab's own address, asked which repositories there are. Default: the host without 'registry.'",
    )
    credentials: PasswordCredentials | None = Field(
        default=None, description="Without: the Docker configuration, else anonymous."
    )

    @property
    def gitlab(self) -> str:
        """The address of the GitLab that the registry belongs to."""
        return self.api_url or f"https://{self.host.removeprefix('registry.')}"


class GoogleRegistry(Reachable):
    """A gcr.io or pkg.dev host; both are Artifact Registry."""

    kind: Literal["google"] = Field(description="A gcr.io or pkg.dev host.")
    project: Project = Field(description="Project id; 'example.com:proj-id' for a project inside a domain.")
    repository: Component | None = Field(
        default=None, description="Artifact Registry repository; pkg.dev only."
    )
    credentials: GoogleCredentials | None = Field(
        default=None, description="Without: the Docker configuration, else anonymous."
    )


class OciRegistry(Reachable):
    """Any other registry that follows the distribution specification."""

    kind: Literal["oci"] = Field(description="Any other registry.")
    credentials: PasswordCredentials | None = Field(
        default=None, description="Without: the Docker configuration, else anonymous."
    )


Registry = Annotated[GitLabRegistry | GoogleRegistry | OciRegistry, Field(discriminator="kind")]


class TagFilter(Model):
    """Which tags of a repository are mirrored. The filters apply in the order of the keys here."""

    include: tuple[NamePattern, ...] = Field(
        default=("*",), min_length=1, description="Globs, or /regular expressions/; any of them may fit."
    )
    exclude: tuple[NamePattern, ...] = Field(default=(), description="The same; none of them may fit.")
    semver: VersionRange | None = Field(
        default=None,
        description="Range of versions, such as '>=1.0 <2'; tags that are no version are dropped.",
    )
    max_age: Duration | None = Field(default=None, description="Drop what was published longer ago.")
    newest: int | None = Field(default=None, ge=1, description="Keep only so many, the newest.")


class Mirror(Model):
    """What is kept in step, from where to where."""

    name: Name = Field(description="Name in messages, metrics and --mirror.")
    source: str = Field(description="Name of the registry to read.")
    target: str = Field(description="Name of the registry to write.")
    repositories: tuple[PathPattern, ...] = Field(
        min_length=1,
        description="Paths, globs (* within a part, ** over parts) and !negations, below the source's project.",
    )
    prefix: PathPrefix = Field(
        default="", description="Path at the target that goes before the source's path."
    )
    tags: TagFilter = Field(default=TagFilter(), description="Which tags; without it, all.")
    platforms: Platforms = Field(
        default="all",
        description="all, or a list such as [linux/amd64]; a list changes the digest of multi-platform images.",
    )
    referrers: bool = Field(default=True, description="Copy signatures, SBOMs and other referrers, too.")
    on_moved_tag: Literal["overwrite", "keep", "backup"] = Field(
        default="overwrite",
        description="When a tag names another image now: overwrite, keep the old one, or back it up under another tag.",
    )
    interval: Duration = Field(
        default=timedelta(minutes=5), description="How often the daemon looks, when nothing tells it to."
    )
    recheck: Duration = Field(
        default=timedelta(hours=1),
        description="How long the daemon believes what it saw at a target whose list tells no digests.",
    )
    prune: bool = Field(
        default=False,
        description="Delete from the target what this mirror put there and the source no longer has.",
    )
    prune_after: Duration = Field(
        default=timedelta(days=7), description="How long the source must have lacked a tag before that."
    )


class Limits(Model):
    """Upper bounds. Parallelism halves on 429 and recovers by itself, so the defaults need no tuning."""

    images: Count = Field(default=32, description="Images copied at once.")
    blobs: Count = Field(default=32, description="Layers transferred at once.")
    requests_per_second: float | None = Field(
        default=None, gt=0, description="Per registry; null for no limit."
    )
    bandwidth: Bandwidth | None = Field(
        default=None, description="Bytes per second, such as 10MiB/s; null for no limit."
    )


class Service(Model):
    """The address of the daemon, and its end."""

    listen: Listen = Field(
        default="127.0.0.1:8080", description="host:port of the status page, metrics, probes and hooks."
    )
    hook_secret_file: File | None = Field(
        default=None, description="File with the secret that hooks must send; without it they are closed."
    )
    grace: Duration = Field(
        default=timedelta(seconds=30), description="How long copies may go on after SIGTERM."
    )


class State(Model):
    """What the daemon remembers between passes."""

    url: Database = Field(
        default="sqlite:///gcr-mirror-state.db",
        validate_default=True,
        description="sqlite:///FILE, relative to the configuration, or postgresql://user:${PASSWORD}@host/name.",
    )


class Guard(Model):
    """What is believed of a listing that became shorter."""

    max_disappeared: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of the known tags that may disappear at once; 1 believes every listing.",
    )
    at_least: Count = Field(default=10, description="So few tags may always disappear.")


class Retries(Model):
    """When the daemon tries a tag again that failed."""

    first: Duration = Field(
        default=timedelta(minutes=1), description="Pause after the first failure; doubles."
    )
    longest: Duration = Field(default=timedelta(hours=6), description="The longest pause.")
    dead_after: Count = Field(
        default=5, description="So many permanent failures in a row, and only `gcr-mirror retry` tries again."
    )


class Config(Model):
    """Mirrors of container registries."""

    registries: dict[Name, Registry] = Field(min_length=1, description="Registries by a name of your choice.")
    mirrors: tuple[Mirror, ...] = Field(min_length=1, description="What is kept in step.")
    limits: Limits = Field(default=Limits(), description="Upper bounds for the whole process.")
    service: Service = Field(default=Service(), description="What the daemon serves.")
    state: State = Field(
        # Validated, since the file of the default begins where the configuration is, too.
        default={},
        validate_default=True,
        description="What the daemon remembers.",
    )
    guard: Guard = Field(default=Guard(), description="Which listings the daemon believes.")
    retries: Retries = Field(default=Retries(), description="When the daemon tries again.")
