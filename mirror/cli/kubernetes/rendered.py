"""`gcr-mirror kubernetes pull-secret`, `failover-policy` and `containerd`: texts that need no cluster."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirror.cli.kubernetes.options import (
    Force,
    KeyFile,
    Mirrors,
    Output,
    PasswordFile,
    PullSecretName,
    Username,
    named,
    user,
)
from mirror.cli.options import ConfigFile, load

if TYPE_CHECKING:
    from mirror.config.model import Registry
    from mirror.oci.auth import Login

_NAME = "gcr-mirror-pull"


class Kind(StrEnum):
    """Who renames the images of new pods."""

    ADMISSION = "MutatingAdmissionPolicy"
    KYVERNO = "Kyverno"


def pull_secret(  # noqa: PLR0913 - one parameter for each option
    config: ConfigFile,
    *,
    namespace: Annotated[
        list[str], typer.Option(help="Where the pods are; may be given several times.", show_default=False)
    ],
    key_file: KeyFile = None,
    username: Username = None,
    password_file: PasswordFile = None,
    name: PullSecretName = _NAME,
    service_account: Annotated[str, typer.Option(help="The account that hands the Secret out.")] = "default",
    beside: Annotated[
        list[str] | None,
        typer.Option(help="A pull secret that the account has and keeps, before ours.", show_default=False),
    ] = None,
    mirror: Mirrors = None,
    force: Force = False,
    output: Output = None,
) -> None:
    """The Secret that lets pods pull from the mirror, and the ServiceAccount that hands it out.

    Pods that list imagePullSecrets of their own get nothing from their ServiceAccount: add the Secret to their lists.
    """
    from mirror.bootstrap.relocations import target
    from mirror.cli.written import put
    from mirror.render.document import stream
    from mirror.render.pull_secret import PullSecret

    named(name, service_account, *(beside or []), namespaces=namespace)
    registry = target(load(config), mirror or [])
    login = _login(registry, key_file, user(username, password_file), force)
    secrets = [PullSecret(name, one, registry.host, login) for one in dict.fromkeys(namespace)]
    put(stream(one.manifest(service_account, beside or []) for one in secrets), output)


def failover_policy(  # noqa: PLR0913 - one parameter for each option
    config: ConfigFile,
    *,
    kind: Annotated[Kind, typer.Option(help="Who renames the images of new pods.")] = Kind.ADMISSION,
    namespace: Annotated[str, typer.Option(help="Where the switch is kept.")] = "gcr-mirror",
    name: PullSecretName = _NAME,
    pods_in: Annotated[
        list[str] | None,
        typer.Option(
            help="Also the Secret, in this namespace of pods; may be given several times.", show_default=False
        ),
    ] = None,
    key_file: KeyFile = None,
    username: Username = None,
    password_file: PasswordFile = None,
    mirror: Mirrors = None,
    force: Force = False,
    output: Output = None,
) -> None:
    """A policy that sends new pods to the mirror while its switch is on; a ConfigMap, off at first.

    Namespaces take part by the label gcr-mirror/failover=allowed. Needs Kubernetes 1.36, or a Kyverno that has
    ClusterPolicy.
    """
    from mirror.bootstrap.relocations import relocations, target
    from mirror.cli.written import put
    from mirror.render.admission_policy import admission_policy
    from mirror.render.document import stream
    from mirror.render.failover import Failover
    from mirror.render.kyverno import kyverno
    from mirror.render.pull_secret import PullSecret

    named(name, namespaces=[namespace, *(pods_in or [])])
    loaded = load(config)
    found = relocations(loaded, mirror or [])
    alone = len(loaded.mirrors) == 1
    failovers = [Failover.of(one, namespace, name, alone=alone) for one in found]
    render = admission_policy if kind is Kind.ADMISSION else kyverno
    texts = [render(one) for one in failovers]
    if pods_in:
        registry = target(loaded, mirror or [])
        login = _login(registry, key_file, user(username, password_file), force)
        texts += [PullSecret(name, one, registry.host, login).secret() for one in dict.fromkeys(pods_in)]
    put(stream(texts), output)


def containerd(
    config: ConfigFile,
    *,
    dial_timeout: Annotated[str, typer.Option(help="How long containerd waits for a connection.")] = "2s",
    key_file: KeyFile = None,
    username: Username = None,
    password_file: PasswordFile = None,
    mirror: Mirrors = None,
    force: Force = False,
    output: Output = None,
) -> None:
    """hosts.toml for nodes: the origin first, the mirror when it does not answer.

    With a login, every pod of the node can read the mirror. Without one it does not work with Google's hosts.
    """
    from mirror.bootstrap.relocations import node, relocations, target
    from mirror.cli.written import put
    from mirror.render.hosts_toml import hosts_toml

    loaded, names = load(config), mirror or []
    given = user(username, password_file)
    login = _login(target(loaded, names), key_file, given, force) if key_file or given else None
    put(hosts_toml(relocations(loaded, names), node(loaded, names, dial_timeout, login)), output)


def _login(registry: Registry, key_file: Path | None, given: tuple[str, Path] | None, force: bool) -> Login:
    """The reader's login; what was not made sure of is said."""
    from mirror.bootstrap.reader import reader

    found = reader(registry, key_file, given, force=force)
    if found.doubt:
        typer.echo(f"gcr-mirror: {found.doubt}", err=True)
    return found.login
