"""`gcr-mirror setup`: make Google ready to be pushed to, or print how."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirror.errors import ConfigError

if TYPE_CHECKING:
    from mirror.checks.federation import Federation
    from mirror.checks.setup import Outcome, Wish
    from mirror.checks.steps import Step

app = typer.Typer(no_args_is_help=True, help="Make a registry ready to be pushed to.", rich_markup_mode=None)


class Keyless(StrEnum):
    """Where a login without a key comes from."""

    GITLAB = "gitlab"
    GITHUB = "github"
    GKE = "gke"


@app.callback()
def _group() -> None:
    """Keeps `google` a command of its own, also while it is the only one."""


Project = Annotated[str, typer.Option(help="The project's id.", show_default=False)]
Host = Annotated[
    str, typer.Option(help="gcr.io, eu.gcr.io, … or LOCATION-docker.pkg.dev.", show_default=False)
]
Repository = Annotated[str | None, typer.Option(help="The repository; at pkg.dev only.", show_default=False)]
Account = Annotated[str, typer.Option(help="The name of the mirror's service account.")]
From = Annotated[Keyless | None, typer.Option(help="Log in without a key, from there.", show_default=False)]
Namespace = Annotated[
    str,
    typer.Option(
        help="The GitLab group or GitHub owner that is let in, and nobody else.", show_default=False
    ),
]
Issuer = Annotated[
    str | None, typer.Option(help="The URL of a GitLab of your own.", show_default="https://gitlab.com")
]
Kubernetes = Annotated[str, typer.Option(help="With --keyless gke: NAMESPACE/NAME.")]
LoginFile = Annotated[
    Path | None,
    typer.Option(help="Write the login without a key there; it holds no secret.", show_default=False),
]
TokenFile = Annotated[str, typer.Option(help="Where that login finds the token of the job.")]
KeyFile = Annotated[
    Path | None, typer.Option(help="Make a key and write it there, mode 0600.", show_default=False)
]
Reader = Annotated[bool, typer.Option("--reader", help="Also an account for clusters that may only pull.")]
ReaderKeyFile = Annotated[
    Path | None,
    typer.Option(help="With --reader: make a key of that account there, mode 0600.", show_default=False),
]
Prune = Annotated[bool, typer.Option("--prune", help="Also the right to delete, for mirrors that prune.")]
LegacyBucket = Annotated[
    bool,
    typer.Option("--legacy-bucket", help="Also the narrow role on the bucket of the old Container Registry."),
]
RevokeExcess = Annotated[
    bool, typer.Option("--revoke-excess", help="Also take wider roles on the project away from the account.")
]
Apply = Annotated[bool, typer.Option("--apply", help="Do it, instead of printing it.")]


@app.command()
def google(  # noqa: PLR0913 - one parameter for each option
    *,
    project: Project,
    host: Host,
    repository: Repository = None,
    service_account: Account = "gcr-mirror",
    keyless: From = None,
    namespace: Namespace = "",
    issuer: Issuer = None,
    kubernetes_account: Kubernetes = "gcr-mirror/gcr-mirror",
    login_file: LoginFile = None,
    token_file: TokenFile = "google-token",  # noqa: S107 - a file's name
    key_file: KeyFile = None,
    reader: Reader = False,
    reader_key_file: ReaderKeyFile = None,
    prune: Prune = False,
    legacy_bucket: LegacyBucket = False,
    revoke_excess: RevokeExcess = False,
    apply: Apply = False,
) -> None:
    """Make Google ready: API, repository, service account, the one role it needs, and a login.

    Prints the plan with the gcloud commands that do the same. With --apply it does what is missing, with the login of
    `gcloud auth application-default login`, and looks again after each step.
    """
    from mirror.checks.advice import advice
    from mirror.checks.setup import Wish, plan
    from mirror.registries.artifact_registry import GCR_LOCATIONS, Home

    federated = keyless in (Keyless.GITLAB, Keyless.GITHUB)
    if (namespace or issuer) and not federated:
        raise ConfigError("--namespace and --issuer belong to --keyless gitlab or github")
    if repository and host in GCR_LOCATIONS:
        raise ConfigError(f"{host} is one repository: leave --repository out")
    wish = Wish(
        home=Home.of(host, project, repository),
        account=service_account,
        keyless=kubernetes_account
        if keyless is Keyless.GKE
        else _federation(keyless, project, namespace, issuer),
        reader=reader,
        reader_key_file=reader_key_file,
        prune=prune,
        key_file=key_file,
        login_file=login_file,
        token_file=token_file,
        legacy_bucket=legacy_bucket,
        revoke_excess=revoke_excess,
    )
    steps = plan(wish)
    if apply:
        _do(wish, steps)
    else:
        typer.echo(f"The plan for {wish.home.resource}; nothing has been done (--apply does it):\n")
        for number, step in enumerate(steps, 1):
            typer.echo(f"{number:2}. {step.title}\n    {step.command}")
    typer.echo(f"\n{advice(wish)}", nl=False)


def _federation(
    keyless: Keyless | None, project: str, namespace: str, issuer: str | None
) -> Federation | None:
    from mirror.checks.federation import Federation

    if keyless is None:
        return None
    if not namespace:
        raise ConfigError(
            "--keyless needs --namespace: the GitLab group or GitHub owner that is let in; without one, everybody on "
            "that host would be"
        )
    return Federation.of("gitlab" if keyless is Keyless.GITLAB else "github", project, namespace, issuer)


def _do(wish: Wish, steps: list[Step]) -> None:
    from mirror.checks.buckets import Buckets
    from mirror.checks.google_api import GoogleApi
    from mirror.checks.setup import apply
    from mirror.checks.steps import Cloud
    from mirror.events import ignore
    from mirror.transport.clock import Clock
    from mirror.transport.retry import Policy, Retry

    clock = Clock()
    api = GoogleApi.default(wish.home.project, clock=clock)
    retry = Retry("googleapis.com", Policy(), clock, ignore)
    apply(steps, Cloud(api, Buckets(api, wish.home.project)), retry, _tell)


def _tell(step: Step, outcome: Outcome) -> None:
    typer.echo(f"{outcome:6}  {step.title}")
