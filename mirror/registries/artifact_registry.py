"""Where an image path lives in Google's Artifact Registry: location, repository, and the old bucket."""

from __future__ import annotations

from typing import NamedTuple

from mirror.errors import ConfigError

# https://cloud.google.com/artifact-registry/docs/transition/gcr-repositories : each gcr.io host is a
# repository of that name at a fixed multi-region. Note that eu.gcr.io is at `europe`, not at `eu`.
GCR_LOCATIONS = {"gcr.io": "us", "us.gcr.io": "us", "eu.gcr.io": "europe", "asia.gcr.io": "asia"}
_PKG_DEV = "-docker.pkg.dev"


class Home(NamedTuple):
    """The repository behind a host. `project` is the project's id (`example.com:shop` too)."""

    host: str
    project: str
    location: str
    repository: str

    @classmethod
    def of(cls, host: str, project: str, repository: str | None = None) -> Home:
        """The home of `host`; ConfigError when the host is not Google's, or pkg.dev lacks its repository."""
        if host in GCR_LOCATIONS:
            return cls(host, project, GCR_LOCATIONS[host], host)
        if not host.endswith(_PKG_DEV):
            raise ConfigError(
                f"{host} is not a host of Artifact Registry; write gcr.io, us.gcr.io, eu.gcr.io, asia.gcr.io "
                "or LOCATION-docker.pkg.dev"
            )
        if not repository:
            raise ConfigError(f"{host} holds many repositories; say which one (repository: NAME)")
        return cls(host, project, host.removesuffix(_PKG_DEV), repository)

    @classmethod
    def of_path(cls, host: str, path: str) -> Home | None:
        """The home of an image path such as `example.com/shop/api`, None when it is not Google's."""
        parts = [part for part in path.split("/") if part]
        width = 2 if parts and "." in parts[0] else 1
        project = ":".join(parts[:width])
        if host in GCR_LOCATIONS and project:
            return cls.of(host, project)
        if host.endswith(_PKG_DEV) and len(parts) > width:
            return cls.of(host, project, parts[width])
        return None

    @property
    def gcr(self) -> bool:
        """Whether this is one of the gcr.io hosts, where a first push may create the repository."""
        return self.host in GCR_LOCATIONS

    @property
    def parent(self) -> str:
        """The resource name of the location."""
        return f"projects/{self.project}/locations/{self.location}"

    @property
    def resource(self) -> str:
        """The resource name that IAM and the REST API know."""
        return f"{self.parent}/repositories/{self.repository}"

    @property
    def path(self) -> str:
        """The path under which its images are pushed; the colon of a domain's project is a slash there."""
        project = self.project.replace(":", "/")
        return project if self.gcr else f"{project}/{self.repository}"

    @property
    def legacy_bucket(self) -> str | None:
        """The Cloud Storage bucket in which Container Registry kept this host's images."""
        if not self.gcr:
            return None
        domain, _, name = self.project.rpartition(":")
        owner = f"{name}.{domain}.a" if domain else name
        region = self.host.removesuffix("gcr.io")
        return f"{region}artifacts.{owner}.appspot.com"


def is_google(host: str) -> bool:
    """Whether `host` is one of Artifact Registry's for images."""
    return host in GCR_LOCATIONS or host.endswith(_PKG_DEV)
