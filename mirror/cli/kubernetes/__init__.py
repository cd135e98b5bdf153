"""`gcr-mirror kubernetes`: what clusters need to pull from the mirror.

Contract: prints or writes text, and says which commands of it need a cluster. Nothing is half written.
"""

from __future__ import annotations

import typer

from mirror.cli.kubernetes import failover, manifests, readiness, rendered

app = typer.Typer(no_args_is_help=True, help="Let clusters pull from the mirror.", rich_markup_mode=None)
app.command("pull-secret")(rendered.pull_secret)
app.command("rewrite")(manifests.rewrite)
app.command("failover-policy")(rendered.failover_policy)
app.add_typer(failover.app, name="failover")
app.command("containerd")(rendered.containerd)
app.command("readiness")(readiness.readiness)
