"""`gcr-mirror kubernetes failover`: send the cluster's pods to the mirror, and back."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Send pods to the mirror, and back; needs a cluster.", rich_markup_mode=None
)

Context = Annotated[
    str | None,
    typer.Option(help="A context of the kubeconfig; the current one otherwise.", show_default=False),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the commands, and change nothing.")]
Timeout = Annotated[float, typer.Option(min=0, help="How many seconds the workloads may take to run.")]


@app.command()
def on(context: Context = None, dry_run: DryRun = False, timeout: Timeout = 300) -> None:
    """Switch on, prove it with a pod that is only tried, restart what uses the source, wait until it runs.

    Every step is also printed as the kubectl command that does the same.
    """
    _turn(context, on=True, dry=dry_run, timeout=timeout)


@app.command()
def off(context: Context = None, dry_run: DryRun = False, timeout: Timeout = 300) -> None:
    """The way back: switch off, prove it, restart, wait."""
    _turn(context, on=False, dry=dry_run, timeout=timeout)


def _turn(context: str | None, *, on: bool, dry: bool, timeout: float) -> None:
    import time
    from datetime import UTC, datetime

    from mirror.cluster.failover import Turn, wait
    from mirror.cluster.server import Server

    turn = Turn(Server(context), on, typer.echo, dry)
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
            typer.echo(
                f"{namespace}/{pod} waits for its image and nothing restarts it: recreate it", err=True
            )
    done = "would be restarted" if dry else f"run, {time.monotonic() - began:.1f} s after the switch"
    typer.echo(f"{len(workloads)} workloads {done}", err=True)
