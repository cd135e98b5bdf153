"""Tag: a name in a repository, with what its listing says of it."""

from datetime import datetime
from typing import NamedTuple

from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest


class Tag(NamedTuple):
    """`digest` and `published` are None where the registry's listing does not tell them.

    A listing has tens of thousands of them, and a named tuple is made in a third of the time of a frozen dataclass.
    """

    name: str
    digest: Digest | None = None
    published: datetime | None = None
    media_type: str = ""
    size: int = 0
    referrers: tuple[Descriptor, ...] = ()
