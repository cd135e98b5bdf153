"""Any registry of the specification: names of tags, and the catalog."""

from __future__ import annotations

from collections.abc import Iterable

from mirror.errors import Denied, NotFound, Unauthorized, Unsupported
from mirror.oci import listing
from mirror.oci.registry import Registry
from mirror.oci.repository import Lister


class Generic:
    """A registry without ways of its own."""

    lister: Lister = staticmethod(listing.tags)

    def discover(self, registry: Registry, root: str) -> Iterable[str]:
        """What `_catalog` lists below `root`; many registries keep it to administrators."""
        try:
            found = listing.catalog(registry)
        except (Denied, NotFound, Unauthorized, Unsupported) as error:
            raise Unsupported(
                f"{registry.host} does not list its repositories ({error}); name them without * in the configuration"
            ) from error
        return [path for path in found if below(path, root)]


def below(path: str, root: str) -> bool:
    """Whether `path` is `root` or lies under it."""
    return not root or path == root or path.startswith(f"{root}/")
