"""`gcr-mirror kubernetes readiness`: if GitLab went down now, would everything be pulled?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mirror.cli import streams
from mirror.cli.columns import aligned
from mirror.cli.command import Command
from mirror.cli.exits import Exit
from mirror.cli.kubernetes.manifests import read
from mirror.cli.options import as_json, config_file, load, mirrors, path
from mirror.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mirror.bootstrap.readiness import Answer, Wanted
    from mirror.cli.parser import Parser
    from mirror.cluster.server import Server
    from mirror.render.relocation import Relocation


def readiness(
    config: Path,
    *,
    file: list[str],
    secret: list[Path],
    context: str | None,
    mirror: list[str],
    as_json: bool,
) -> Exit:
    """For every image in use: is it on the mirror, the same and whole, and may its pods pull it?

    Asks with the pull secret that the pods would use, never with the mirror's own login. Exit code 1 when one image is
    not ready, or when none in use is mirrored.
    """
    from mirror.bootstrap.readiness import Inspector
    from mirror.bootstrap.relocations import relocations
    from mirror.bootstrap.site import Site
    from mirror.cluster.server import Server
    from mirror.events import ignore

    if (context is None) == (not file):
        raise ConfigError("readiness of what? Name either manifests with --file, or a cluster with --context")
    loaded = load(config)
    known = relocations(loaded, mirror)
    wanted, answers = _manifests(file, secret, known) if file else _cluster(Server(context), known)
    answers += Inspector(Site(loaded, ignore)).look(wanted)
    # A typo in a host must not look like good news: nothing that was looked at is nothing that is ready.
    ready = bool(answers) and all(one.problem is None for one in answers)
    if as_json:
        print(json.dumps({"ready": ready, "images": [one.as_json() for one in answers]}))
    elif answers:
        print(table(answers))
    else:
        streams.tell("no image in use comes from the source of a mirror: wrong manifests, or a wrong host?")
    return Exit.IN_SYNC if ready else Exit.FAILED


def _options(parser: Parser) -> None:
    config_file(parser)
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        action="append",
        help="Manifests; may be given several times.",
    )
    parser.add_argument(
        "--secret",
        metavar="FILE",
        type=path,
        action="append",
        help="Manifests of pull secrets, beside those that --file has.",
    )
    parser.add_argument(
        "--context",
        metavar="NAME",
        help="Ask this cluster instead: its pods, and the secrets that they name.",
    )
    mirrors(parser)
    as_json(parser)


READINESS = Command(readiness, _options)


def table(answers: Sequence[Answer]) -> str:
    """One row for each image, those that are not ready first."""
    if not answers:
        return "no image of a mirrored registry is used"
    rows = [("READY", "IMAGE", "WHERE", "WHY")]
    for one in sorted(answers, key=lambda one: one.problem is None):
        same = {"nothing": "whole; the source was not compared", "pin": "whole, as pinned"}
        why = one.problem or same.get(one.compared, f"whole, the same as at the {one.compared}")
        rows.append(("no" if one.problem else "yes", one.image, one.where, why))
    return aligned(rows)


def _manifests(
    files: list[str], secrets: list[Path], known: list[Relocation]
) -> tuple[list[Wanted], list[Answer]]:
    from mirror.bootstrap.readiness import Answer, Wanted
    from mirror.render.pull_secret import login_for, secrets_in
    from mirror.render.rewrite import uses

    texts = {name: read(name) for name in dict.fromkeys(files)}
    logins = [one for name, text in texts.items() for one in secrets_in(text, name)]
    logins += [one for path in secrets for one in secrets_in(read(str(path)), str(path))]
    wanted, answers = [], []
    for name, text in texts.items():
        found = uses(text, name, known)
        for use in found.mirrored:
            login = login_for(logins, use.mirrored.host, use.mirrored.repository)
            if use.open_tag:
                answers.append(
                    Answer(
                        use.where, str(use.image), problem="no tag: pass the output of `kubectl kustomize`"
                    )
                )
            else:
                wanted.append(Wanted(use.where, use.image, use.mirror, use.mirrored, login))
        answers += [Answer(one.where, str(one.image), problem="is on no mirror") for one in found.unmapped]
    return wanted, answers


def _cluster(server: Server, known: list[Relocation]) -> tuple[list[Wanted], list[Answer]]:
    from mirror.bootstrap.readiness import Answer, Wanted
    from mirror.cluster.secrets import PullSecrets
    from mirror.render.pods import pod_images
    from mirror.render.pull_secret import login_for
    from mirror.render.relocation import relocated

    secrets = PullSecrets(server)
    wanted: dict[Any, Wanted] = {}
    answers: dict[Any, Answer] = {}
    hosts = {one.source_host for one in known}
    for pod in server.pods():
        for used in pod_images(pod):
            where = f"{used.namespace}/{used.pod}"
            key = (used.namespace, used.image, used.running, used.secrets)
            new = relocated(known, used.image)
            if new is not None:
                held = secrets.of(used.namespace, used.secrets)
                login = login_for(held, new.image.host, new.image.repository)
                wanted.setdefault(key, Wanted(where, used.image, new.mirror, new.image, login, used.running))
            elif used.image.host in hosts:
                answers.setdefault(key, Answer(where, str(used.image), problem="is on no mirror"))
    return list(wanted.values()), list(answers.values())
