"""Flavours: what a vendor's registry can do beyond the specification; cheaper lists, and finding repositories.

Contract: a vendor's name stands here or in `stores/`, nowhere else. A flavour knows no configuration file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from mirror.oci.registry import Registry
from mirror.oci.repository import Lister


class Flavour(Protocol):
    """One vendor's ways."""

    @property
    def lister(self) -> Lister:
        """How the tags of a repository are listed at the least cost."""

    def discover(self, registry: Registry, root: str) -> Iterable[str]:
        """The repositories at and below the path `root` ("" for all that can be seen)."""
