"""`gcr-mirror kubernetes failover`: send the cluster's pods to the mirror, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirror.cli import streams
from mirror.cli.command import Command, Group
from mirror.cli.exits import Exit
from mirror.cli.options import at_least

if TYPE_CHECKING:
    from mirror.cli.parser import Parser


def on(context: str | None, dry_run: bool, timeout: float) -> Exit:
    """Switch on, prove it with a pod that is only tried, restart what uses the source, wait until it runs.

    Every step is also printed as the kubectl command that does the same.
    """
    return _turn(context, on=True, dry=dry_run, timeout=timeout)


def off(context: str | None, dry_run: bool, timeout: float) -> Exit:
    """The way back: switch off, prove it, restart, wait."""
    return _turn(context, on=False, dry=dry_run, timeout=timeout)


def _options(parser: Parser) -> None:
    parser.add_argument(
        "--context", metavar="NAME", help="A context of the kubeconfig; the current one otherwise."
    )
    parser.add_argument("--dry-run", action="store_true", help="Print the commands, and change nothing.")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=at_least(0, float),
        default=300,
        help="How many seconds the workloads may take to run; at least 0.",
    )


FAILOVER = Group(
    "Send pods to the mirror, and back; needs a cluster.",
    {"on": Command(on, _options), "off": Command(off, _options)},
)


def _turn(context: str | None, *, on: bool, dry: bool, timeout: float) -> Exit:
    import time
    from datetime import UTC, datetime

    from mirror.cluster.failover import Turn, wait
    from mirror.cluster.server import Server

    turn = Turn(Server(context), on, print, dry)
    switches, namespaces = turn.switches(), turn.namespaces()
    began = time.monotonic()
    for switch in switches:
        turn.flip(switch)
        turn.prove(switch, namespaces[0], time.sleep)
    workloads = [one for namespace in namespaces for one in turn.affected(switches, namespace)]
    for workload in workloads:
        turn.restart(workload, datetime.now(UTC).isoformat(timespec="seconds"))
    if not dry:
        wait(turn, workloads, timeout, clock=time.monotonic, sleep=time.sleep)
    for namespace in namespaces:
        for pod in turn.left(switches, namespace):
            streams.tell(f"{namespace}/{pod} waits for its image and nothing restarts it: recreate it")
    done = "would be restarted" if dry else f"run, {time.monotonic() - began:.1f} s after the switch"
    streams.tell(f"{len(workloads)} workloads {done}")
    return Exit.IN_SYNC
