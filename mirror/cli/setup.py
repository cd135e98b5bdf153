"""`gcr-mirror setup`: make Google ready to be pushed to, or print how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mirror.cli.command import Command, Group
from mirror.cli.exits import Exit
from mirror.cli.options import path
from mirror.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.checks.federation import Federation
    from mirror.checks.setup import Outcome, Wish
    from mirror.checks.steps import Step
    from mirror.cli.parser import Parser

# Where a login without a key comes from.
Keyless = Literal["gitlab", "github", "gke"]


def google(  # noqa: PLR0913 - one parameter for each option
    *,
    project: str,
    host: str,
    repository: str | None,
    service_account: str,
    keyless: Keyless | None,
    namespace: str,
    issuer: str | None,
    kubernetes_account: str,
    login_file: Path | None,
    token_file: str,
    key_file: Path | None,
    reader: bool,
    reader_key_file: Path | None,
    prune: bool,
    legacy_bucket: bool,
    revoke_excess: bool,
    apply: bool,
) -> Exit:
    """Make Google ready: API, repository, service account, the one role it needs, and a login.

    Prints the plan with the gcloud commands that do the same. With --apply it does what is missing, with the login of
    `gcloud auth application-default login`, and looks again after each step.
    """
    from mirror.checks.advice import advice
    from mirror.checks.setup import Wish, plan
    from mirror.registries.artifact_registry import GCR_LOCATIONS, Home

    if (namespace or issuer) and keyless not in ("gitlab", "github"):
        raise ConfigError("--namespace and --issuer belong to --keyless gitlab or github")
    if repository and host in GCR_LOCATIONS:
        raise ConfigError(f"{host} is one repository: leave --repository out")
    wish = Wish(
        home=Home.of(host, project, repository),
        account=service_account,
        keyless=kubernetes_account if keyless == "gke" else _federation(keyless, project, namespace, issuer),
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
        print(f"The plan for {wish.home.resource}; nothing has been done (--apply does it):\n")
        for number, step in enumerate(steps, 1):
            print(f"{number:2}. {step.title}\n    {step.command}")
    print(f"\n{advice(wish)}", end="")
    return Exit.IN_SYNC


def _options(parser: Parser) -> None:
    _place(parser)
    _keyless(parser)
    _keys(parser)
    _rights(parser)
    parser.add_argument("--apply", action="store_true", help="Do it, instead of printing it.")


def _place(parser: Parser) -> None:
    parser.add_argument("--project", metavar="ID", required=True, help="The project's id.")
    parser.add_argument(
        "--host",
        metavar="HOST",
        required=True,
        help="gcr.io, eu.gcr.io, … or LOCATION-docker.pkg.dev.",
    )
    parser.add_argument("--repository", metavar="NAME", help="The repository; at pkg.dev only.")
    parser.add_argument(
        "--service-account",
        metavar="NAME",
        default="gcr-mirror",
        help="The name of the mirror's service account.",
    )


def _keyless(parser: Parser) -> None:
    parser.add_argument(
        "--keyless", choices=("gitlab", "github", "gke"), help="Log in without a key, from there."
    )
    parser.add_argument(
        "--namespace",
        metavar="NAME",
        default="",
        help="The GitLab group or GitHub owner that is let in, and nobody else.",
    )
    parser.add_argument(
        "--issuer", metavar="URL", help="The URL of a GitLab of your own. (default: https://gitlab.com)"
    )
    parser.add_argument(
        "--kubernetes-account",
        metavar="NAMESPACE/NAME",
        default="gcr-mirror/gcr-mirror",
        help="With --keyless gke: NAMESPACE/NAME.",
    )
    parser.add_argument(
        "--login-file",
        metavar="FILE",
        type=path,
        help="Write the login without a key there; it holds no secret.",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        default="google-token",
        help="Where that login finds the token of the job.",
    )


def _keys(parser: Parser) -> None:
    parser.add_argument(
        "--key-file", metavar="FILE", type=path, help="Make a key and write it there, mode 0600."
    )
    parser.add_argument(
        "--reader", action="store_true", help="Also an account for clusters that may only pull."
    )
    parser.add_argument(
        "--reader-key-file",
        metavar="FILE",
        type=path,
        help="With --reader: make a key of that account there, mode 0600.",
    )


def _rights(parser: Parser) -> None:
    parser.add_argument(
        "--prune", action="store_true", help="Also the right to delete, for mirrors that prune."
    )
    parser.add_argument(
        "--legacy-bucket",
        action="store_true",
        help="Also the narrow role on the bucket of the old Container Registry.",
    )
    parser.add_argument(
        "--revoke-excess",
        action="store_true",
        help="Also take wider roles on the project away from the account.",
    )


SETUP = Group("Make a registry ready to be pushed to.", {"google": Command(google, _options)})


def _federation(
    keyless: Literal["gitlab", "github"] | None, project: str, namespace: str, issuer: str | None
) -> Federation | None:
    from mirror.checks.federation import Federation

    if keyless is None:
        return None
    if not namespace:
        raise ConfigError(
            "--keyless needs --namespace: the GitLab group or GitHub owner that is let in; without one, everybody on "
            "that host would be"
        )
    return Federation.of(keyless, project, namespace, issuer)


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
    print(f"{outcome:6}  {step.title}")
