"""Mapping: where a source repository goes at the target."""

from typing import NamedTuple

from mirror.oci.reference import check_repository


def project_root(project: str | None = None, repository: str | None = None) -> str:
    """The path that everything of a project lies below; '' when the registry has no projects.

    A project inside a domain, `example.com:proj`, is written with a slash in paths.
    https://cloud.google.com/artifact-registry/docs/docker/names
    """
    return _join((project or "").replace(":", "/"), repository or "")


class Mapping(NamedTuple):
    """Source path -> target path; both as a registry of the given host sees them.

    `root` and `source_root` are what `project_root` says of each side. Patterns speak of the path below the
    source's root, which is the whole path in a registry without projects.
    """

    host: str
    root: str = ""
    prefix: str = ""
    source_root: str = ""

    @property
    def base(self) -> str:
        """The path at the target that everything lies below; may be ''."""
        return _join(self.root, self.prefix)

    def source(self, path: str) -> str:
        """The repository at the source."""
        return _join(self.source_root, path)

    def target(self, path: str) -> str:
        """The repository at the target; ConfigError when the specification allows no such name."""
        return check_repository(_join(self.base, path), self.host)


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)
