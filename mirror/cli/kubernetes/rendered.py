"""`gcr-mirror kubernetes pull-secret`, `failover-policy` and `containerd`: texts that need no cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mirror.cli import streams
from mirror.cli.command import Command
from mirror.cli.exits import Exit
from mirror.cli.kubernetes.options import ends, named, reader, secret_name, user
from mirror.cli.options import config_file, load

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.cli.parser import Parser
    from mirror.config.model import Registry
    from mirror.oci.auth import Login

# Who renames the images of new pods.
Kind = Literal["MutatingAdmissionPolicy", "Kyverno"]


def pull_secret(  # noqa: PLR0913 - one parameter for each option
    config: Path,
    *,
    namespace: list[str],
    key_file: Path | None,
    username: str | None,
    password_file: Path | None,
    name: str,
    service_account: str,
    beside: list[str],
    mirror: list[str],
    force: bool,
    output: Path | None,
) -> Exit:
    """The Secret that lets pods pull from the mirror, and the ServiceAccount that hands it out.

    Pods that list imagePullSecrets of their own get nothing from their ServiceAccount: add the Secret to their lists.
    """
    from mirror.bootstrap.relocations import target
    from mirror.cli.written import put
    from mirror.render.document import stream
    from mirror.render.pull_secret import PullSecret

    named(name, service_account, *beside, namespaces=namespace)
    registry = target(load(config), mirror)
    login = _login(registry, key_file, user(username, password_file), force)
    secrets = [PullSecret(name, one, registry.host, login) for one in dict.fromkeys(namespace)]
    put(stream(one.manifest(service_account, beside) for one in secrets), output)
    return Exit.IN_SYNC


def _pull_secret_options(parser: Parser) -> None:
    config_file(parser)
    parser.add_argument(
        "--namespace",
        metavar="NAME",
        action="append",
        required=True,
        help="Where the pods are; may be given several times.",
    )
    reader(parser)
    secret_name(parser)
    parser.add_argument(
        "--service-account",
        metavar="NAME",
        default="default",
        help="The account that hands the Secret out.",
    )
    parser.add_argument(
        "--beside",
        metavar="NAME",
        action="append",
        help="A pull secret that the account has and keeps, before ours.",
    )
    ends(parser)


PULL_SECRET = Command(pull_secret, _pull_secret_options)


def failover_policy(  # noqa: PLR0913 - one parameter for each option
    config: Path,
    *,
    kind: Kind,
    namespace: str,
    name: str,
    pods_in: list[str],
    key_file: Path | None,
    username: str | None,
    password_file: Path | None,
    mirror: list[str],
    force: bool,
    output: Path | None,
) -> Exit:
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

    named(name, namespaces=[namespace, *pods_in])
    loaded = load(config)
    found = relocations(loaded, mirror)
    alone = len(loaded.mirrors) == 1
    failovers = [Failover.of(one, namespace, name, alone=alone) for one in found]
    render = admission_policy if kind == "MutatingAdmissionPolicy" else kyverno
    texts = [render(one) for one in failovers]
    if pods_in:
        registry = target(loaded, mirror)
        login = _login(registry, key_file, user(username, password_file), force)
        texts += [PullSecret(name, one, registry.host, login).secret() for one in dict.fromkeys(pods_in)]
    put(stream(texts), output)
    return Exit.IN_SYNC


def _failover_policy_options(parser: Parser) -> None:
    config_file(parser)
    parser.add_argument(
        "--kind",
        choices=("MutatingAdmissionPolicy", "Kyverno"),
        default="MutatingAdmissionPolicy",
        help="Who renames the images of new pods.",
    )
    parser.add_argument(
        "--namespace",
        metavar="NAME",
        default="gcr-mirror",
        help="Where the switch is kept.",
    )
    secret_name(parser)
    parser.add_argument(
        "--pods-in",
        metavar="NAMESPACE",
        action="append",
        help="Also the Secret, in this namespace of pods; may be given several times.",
    )
    reader(parser)
    ends(parser)


FAILOVER_POLICY = Command(failover_policy, _failover_policy_options)


def containerd(
    config: Path,
    *,
    dial_timeout: str,
    key_file: Path | None,
    username: str | None,
    password_file: Path | None,
    mirror: list[str],
    force: bool,
    output: Path | None,
) -> Exit:
    """hosts.toml for nodes: the origin first, the mirror when it does not answer.

    With a login, every pod of the node can read the mirror. Without one it does not work with Google's hosts.
    """
    from mirror.bootstrap.relocations import node, relocations, target
    from mirror.cli.written import put
    from mirror.render.hosts_toml import hosts_toml

    loaded = load(config)
    given = user(username, password_file)
    login = _login(target(loaded, mirror), key_file, given, force) if key_file or given else None
    put(hosts_toml(relocations(loaded, mirror), node(loaded, mirror, dial_timeout, login)), output)
    return Exit.IN_SYNC


def _containerd_options(parser: Parser) -> None:
    config_file(parser)
    parser.add_argument(
        "--dial-timeout",
        metavar="DURATION",
        default="2s",
        help="How long containerd waits for a connection.",
    )
    reader(parser)
    ends(parser)


CONTAINERD = Command(containerd, _containerd_options)


def _login(registry: Registry, key_file: Path | None, given: tuple[str, Path] | None, force: bool) -> Login:
    """The reader's login; what was not made sure of is said."""
    from mirror.bootstrap.reader import reader

    found = reader(registry, key_file, given, force=force)
    if found.doubt:
        streams.say(found.doubt)
    return found.login
