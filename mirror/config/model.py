"""The model of `config.yaml`: every key, its kind and its default.

The descriptions are what editors show, by way of docs/reference/config.schema.json.
"""

# Without postponed annotations: msgspec reads them, and to make sense of text takes it twice as long.

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

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
    Positive,
    Project,
    Rate,
    Share,
    Url,
    Username,
    Variable,
    VersionRange,
)
from mirror.errors import ConfigError


def key(description: str, min_length: int | None = None) -> Meta:
    """What a key is for, in words that editors show, and how many entries it has at least."""
    return Meta(description=description, min_length=min_length)


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """What all parts share: unknown keys are errors, values do not change."""


class Alternatives(Model, frozen=True):
    """What is said in one of several ways."""

    ways: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        """Raises ConfigError unless exactly one of them is there."""
        if sum(bool(getattr(self, way)) for way in self.ways) != 1:
            *others, last = (
                f"{way}: true" if isinstance(getattr(self, way), bool) else way for way in self.ways
            )
            raise ConfigError(f"wants exactly one of {', '.join(others)} and {last}")


class PasswordCredentials(Alternatives, frozen=True):
    """A user name, and where its password or token is kept."""

    ways = ("password_file", "password_env")

    username: Annotated[Username, key("User name; of a deploy token, the name it was given.")]
    password_file: Annotated[File | None, key("File that holds the password or token.")] = None
    password_env: Annotated[Variable | None, key("Variable that holds the password or token.")] = None


class GoogleCredentials(Alternatives, frozen=True):
    """Who the mirror is at Google."""

    ways = ("json_key_file", "json_key_env", "adc")

    json_key_file: Annotated[File | None, key("File that holds a service account's JSON key.")] = None
    json_key_env: Annotated[
        Variable | None, key("Variable that holds the JSON key, as it is or in base64.")
    ] = None
    adc: Annotated[
        bool, key("Use Application Default Credentials: workload identity, gcloud, the metadata server.")
    ] = False


class Reachable(Model, frozen=True, tag_field="kind"):
    """How a registry is reached."""

    host: Annotated[Host, key("host[:port], without a scheme.")]
    insecure: Annotated[bool, key("Plain http. For registries on this machine only.")] = False
    ca_file: Annotated[File | None, key("PEM file of a private certificate authority.")] = None

    @property
    def kind(self) -> str:
        """What the file calls it."""
        return str(self.__struct_config__.tag)


class GitLabRegistry(Reachable, frozen=True, tag="gitlab"):
    """A GitLab Container Registry."""

    api_url: Annotated[
        Url | None,
        key(
            "GitLab's own address, asked which repositories there are. Default: the host without 'registry.'"
        ),
    ] = None
    credentials: Annotated[
        PasswordCredentials | None, key("Without: the Docker configuration, else anonymous.")
    ] = None

    @property
    def gitlab(self) -> str:
        """The address of the GitLab that the registry belongs to."""
        return self.api_url or f"https://{self.host.removeprefix('registry.')}"


class GoogleRegistry(Reachable, frozen=True, tag="google", kw_only=True):
    """A gcr.io or pkg.dev host; both are Artifact Registry."""

    project: Annotated[Project, key("Project id; 'example.com:proj-id' for a project inside a domain.")]
    repository: Annotated[Component | None, key("Artifact Registry repository; pkg.dev only.")] = None
    credentials: Annotated[
        GoogleCredentials | None, key("Without: the Docker configuration, else anonymous.")
    ] = None


class OciRegistry(Reachable, frozen=True, tag="oci"):
    """Any other registry that follows the distribution specification."""

    credentials: Annotated[
        PasswordCredentials | None, key("Without: the Docker configuration, else anonymous.")
    ] = None


Registry = GitLabRegistry | GoogleRegistry | OciRegistry


class TagFilter(Model, frozen=True):
    """Which tags of a repository are mirrored. The filters apply in the order of the keys here."""

    include: Annotated[
        tuple[NamePattern, ...], key("Globs, or /regular expressions/; any of them may fit.", min_length=1)
    ] = ("*",)
    exclude: Annotated[tuple[NamePattern, ...], key("The same; none of them may fit.")] = ()
    semver: Annotated[
        VersionRange | None,
        key("Range of versions, such as '>=1.0 <2'; tags that are no version are dropped."),
    ] = None
    max_age: Annotated[Duration | None, key("Drop what was published longer ago.")] = None
    newest: Annotated[Positive | None, key("Keep only so many, the newest.")] = None


class Mirror(Model, frozen=True):
    """What is kept in step, from where to where."""

    name: Annotated[Name, key("Name in messages, metrics and --mirror.")]
    source: Annotated[str, key("Name of the registry to read.")]
    target: Annotated[str, key("Name of the registry to write.")]
    repositories: Annotated[
        tuple[PathPattern, ...],
        key(
            "Paths, globs (* within a part, ** over parts) and !negations, below the source's project.",
            min_length=1,
        ),
    ]
    prefix: Annotated[PathPrefix, key("Path at the target that goes before the source's path.")] = ""
    tags: Annotated[TagFilter, key("Which tags; without it, all.")] = TagFilter()
    platforms: Annotated[
        Platforms,
        key("all, or a list such as [linux/amd64]; a list changes the digest of multi-platform images."),
    ] = "all"
    referrers: Annotated[bool, key("Copy signatures, SBOMs and other referrers, too.")] = True
    on_moved_tag: Annotated[
        Literal["overwrite", "keep", "backup"],
        key(
            "When a tag names another image now: overwrite, keep the old one, or back it up under another tag."
        ),
    ] = "overwrite"
    interval: Annotated[Duration, key("How often the daemon looks, when nothing tells it to.")] = timedelta(
        minutes=5
    )
    recheck: Annotated[
        Duration, key("How long the daemon believes what it saw at a target whose list tells no digests.")
    ] = timedelta(hours=1)
    prune: Annotated[
        bool, key("Delete from the target what this mirror put there and the source no longer has.")
    ] = False
    prune_after: Annotated[Duration, key("How long the source must have lacked a tag before that.")] = (
        timedelta(days=7)
    )


class Limits(Model, frozen=True):
    """Upper bounds. Parallelism halves on 429 and recovers by itself, so the defaults need no tuning."""

    images: Annotated[Count, key("Images copied at once.")] = 32
    blobs: Annotated[Count, key("Layers transferred at once.")] = 32
    requests_per_second: Annotated[Rate | None, key("Per registry; null for no limit.")] = None
    bandwidth: Annotated[Bandwidth | None, key("Bytes per second, such as 10MiB/s; null for no limit.")] = (
        None
    )


class Service(Model, frozen=True):
    """The address of the daemon, and its end."""

    listen: Annotated[Listen, key("host:port of the status page, metrics, probes and hooks.")] = (
        "127.0.0.1:8080"
    )
    hook_secret_file: Annotated[
        File | None, key("File with the secret that hooks must send; without it they are closed.")
    ] = None
    grace: Annotated[Duration, key("How long copies may go on after SIGTERM.")] = timedelta(seconds=30)


class State(Model, frozen=True):
    """What the daemon remembers between passes."""

    url: Annotated[
        Database,
        key("sqlite:///FILE, relative to the configuration, or postgresql://user:${PASSWORD}@host/name."),
    ] = "sqlite:///gcr-mirror-state.db"


class Guard(Model, frozen=True):
    """What is believed of a listing that became shorter."""

    max_disappeared: Annotated[
        Share,
        key("Share of the known tags that may disappear at once; 1 believes every listing."),
    ] = 0.2
    at_least: Annotated[Count, key("So few tags may always disappear.")] = 10


class Retries(Model, frozen=True):
    """When the daemon tries a tag again that failed."""

    first: Annotated[Duration, key("Pause after the first failure; doubles.")] = timedelta(minutes=1)
    longest: Annotated[Duration, key("The longest pause.")] = timedelta(hours=6)
    dead_after: Annotated[
        Count, key("So many permanent failures in a row, and only `gcr-mirror retry` tries again.")
    ] = 5


class Config(Model, frozen=True):
    """Mirrors of container registries."""

    registries: Annotated[dict[Name, Registry], key("Registries by a name of your choice.", min_length=1)]
    mirrors: Annotated[tuple[Mirror, ...], key("What is kept in step.", min_length=1)]
    limits: Annotated[Limits, key("Upper bounds for the whole process.")] = Limits()
    service: Annotated[Service, key("What the daemon serves.")] = Service()
    state: Annotated[State, key("What the daemon remembers.")] = State()
    guard: Annotated[Guard, key("Which listings the daemon believes.")] = Guard()
    retries: Annotated[Retries, key("When the daemon tries again.")] = Retries()
