"""hosts.toml: how containerd on a node finds the mirror when the origin does not answer.

https://github.com/containerd/containerd/blob/main/docs/hosts.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mirror.errors import ConfigError
from mirror.oci.auth import Login
from mirror.render.document import commented
from mirror.render.relocation import Relocation

_ABOUT = """\
{origin}: the origin first, the mirror when it does not answer. Belongs at
/etc/containerd/certs.d/{origin}/hosts.toml on every node; read at each pull, no restart.

Know before you rely on it:
- A 403 or 404 of the origin goes on to the mirror, too: what was deleted or forbidden there is still served here.
- An origin that accepts connections and never answers: containerd 2.3 waits 30 s for each request, 1.6 for ever.
- containerd 1.6 does not know dial_timeout: an origin that drops packets costs it 3 minutes a pull.
- Without a [host] table containerd 1.6 ignores the whole file."""
_NO_LOGIN = """
- No login is written here, so containerd offers the mirror what the pod has for the origin. A mirror with a login
  therefore wants two pull secrets in the pod, both keyed {origin}: the origin's first, the mirror's second.
- Not for Google: its token service refuses the second scope that containerd asks for, whatever the secrets are.
  There, use `gcr-mirror kubernetes failover-policy` or `rewrite`."""
_LOGIN = """
- The login below makes the mirror readable for EVERY pod of the node, also for those without a pull secret.
  Mode 0600, and a key that can only read.
- At Google this works only if the host takes Basic logins without a token. Try it first; it must print 200:
  curl -s -o /dev/null -w '%{{http_code}}' -u "_json_key:$(cat KEY)" {mirror}/NAME/manifests/TAG"""

_DURATION = re.compile(r"(\d+(\.\d+)?(ms|s|m))+")


@dataclass(frozen=True, slots=True)
class Node:
    """How nodes reach both sides. `dial_timeout` is containerd's spelling of a duration."""

    source_url: str
    target_url: str
    dial_timeout: str = "2s"
    login: Login | None = None


def hosts_toml(relocations: Sequence[Relocation], node: Node) -> str:
    """The file for one origin; the relocations are of that origin and to one target.

    ConfigError when names change in more than their beginning: containerd can only put a path before a name.
    """
    if not _DURATION.fullmatch(node.dial_timeout):
        raise ConfigError(f"{node.dial_timeout!r} is no duration of containerd's; write 2s or 500ms")
    (origin,) = {one.source_host for one in relocations}
    base = _base(relocations)
    mirror = "/".join(filter(None, (f"{node.target_url}/v2", base)))
    about = _ABOUT.format(origin=origin)
    about += (_LOGIN if node.login else _NO_LOGIN).format(origin=origin, mirror=mirror)
    lines = [
        f"server = {json.dumps(node.source_url)}",
        "",
        *_host(node.source_url, node.dial_timeout),
        "",
        *_host(mirror, node.dial_timeout, override=True),
    ]
    if node.login:
        lines += [
            f"  [host.{json.dumps(mirror)}.header]",
            f"    Authorization = [{json.dumps(node.login.basic)}]",
        ]
    return commented(about) + "\n" + "\n".join(lines) + "\n"


def _host(url: str, dial_timeout: str, *, override: bool = False) -> list[str]:
    lines = [f"[host.{json.dumps(url)}]", '  capabilities = ["pull", "resolve"]']
    if override:
        lines.append("  override_path = true")
    return [*lines, f"  dial_timeout = {json.dumps(dial_timeout)}"]


def _base(relocations: Sequence[Relocation]) -> str:
    bases = {one.mapping.base for one in relocations}
    if len(bases) > 1:
        raise ConfigError(
            f"these mirrors have several prefixes ({', '.join(sorted(bases))}); containerd knows one: name a --mirror"
        )
    root = next((one.mapping.source_root for one in relocations if one.mapping.source_root), "")
    if root:
        raise ConfigError(
            f"the source's names begin with {root}, the mirror's do not; containerd can only put something before a "
            "name: use `gcr-mirror kubernetes rewrite` or `failover-policy`"
        )
    return bases.pop()
