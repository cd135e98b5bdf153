"""Bootstrap: from what the user wrote to live objects; the one place where everything meets.

Contract: builds, and decides nothing. Below this package nobody sees the configuration's models.
"""

from __future__ import annotations

from mirror.bootstrap.ends import Ends
from mirror.bootstrap.site import Site

__all__ = ["Ends", "Site"]
