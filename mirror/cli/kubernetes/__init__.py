"""`gcr-mirror kubernetes`: what clusters need to pull from the mirror.

Contract: prints or writes text, and says which commands of it need a cluster. Nothing is half written.
"""

from __future__ import annotations

from mirror.cli.command import Group
from mirror.cli.commands import Commands

KUBERNETES = Group(
    "Let clusters pull from the mirror.",
    Commands(
        __name__,
        {
            "pull-secret": ("rendered", "PULL_SECRET"),
            "rewrite": ("manifests", "REWRITE"),
            "failover-policy": ("rendered", "FAILOVER_POLICY"),
            "containerd": ("rendered", "CONTAINERD"),
            "readiness": ("readiness", "READINESS"),
            "failover": ("failover", "FAILOVER"),
        },
    ),
)
