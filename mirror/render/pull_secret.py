"""Pull secret: the login that lets pods pull from the mirror, as Kubernetes keeps it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mirror.errors import ConfigError
from mirror.oci.auth import Login
from mirror.render.document import document, stream
from mirror.render.nodes import composed, get, line_of, text_of

TYPE = "kubernetes.io/dockerconfigjson"
KEY = ".dockerconfigjson"

_ABOUT = """\
The login of a reader of {host}. The kubelet finds it by the host of the image's name, so it serves images whose
name begins with {host}/; for names that containerd sends to a mirror it does nothing."""
_ACCOUNT_ABOUT = """\
Pods that name no pull secret of their own get these. Pods that list imagePullSecrets do not: add {name} to their
list. This list replaces the one that the account has, so it must name all secrets."""


@dataclass(frozen=True, slots=True)
class PullSecret:
    """A reader's login at one host, under a name in a namespace."""

    name: str
    namespace: str
    host: str
    login: Login

    @property
    def docker_config(self) -> str:
        """The text that the Secret holds: what `docker login` would have written."""
        user, password = self.login.username, self.login.password
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        return json.dumps({"auths": {self.host: {"username": user, "password": password, "auth": auth}}})

    def secret(self) -> str:
        """The Secret."""
        return document(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": self.name, "namespace": self.namespace},
                "type": TYPE,
                "data": {KEY: base64.b64encode(self.docker_config.encode()).decode()},
            },
            _ABOUT.format(host=self.host),
        )

    def manifest(self, account: str = "default", beside: Sequence[str] = ()) -> str:
        """The Secret, and the ServiceAccount that hands it out after the secrets `beside` it."""
        names = dict.fromkeys([*beside, self.name])
        return stream(
            [
                self.secret(),
                document(
                    {
                        "apiVersion": "v1",
                        "kind": "ServiceAccount",
                        "metadata": {"name": account, "namespace": self.namespace},
                        "imagePullSecrets": [{"name": name} for name in names],
                    },
                    _ACCOUNT_ABOUT.format(name=self.name),
                ),
            ]
        )


def secrets_in(text: str, name: str) -> list[Mapping[str, Any]]:
    """The pull secrets of a file called `name`, those of Lists too, as the API would show them.

    ConfigError, with file and line, when it is not YAML, or a secret holds no login that can be read.
    """
    documents = composed(text, name)
    listed = (get(one, "items") for one in documents)
    items = [item for one in listed if isinstance(one, SequenceNode) for item in one.value]
    found: list[Mapping[str, Any]] = []
    for node in (*documents, *items):
        if node is not None and text_of(node, "kind") == "Secret" and text_of(node, "type") == TYPE:
            secret = {
                "metadata": _scalars(get(node, "metadata")),
                "data": _scalars(get(node, "data")),
                "stringData": _scalars(get(node, "stringData")),
            }
            try:
                _logins(secret)
            except ConfigError as error:
                raise ConfigError(f"{name}:{line_of(node)}: {error}") from error
            found.append(secret)
    return found


def _scalars(node: Node | None) -> dict[str, str]:
    pairs = node.value if isinstance(node, MappingNode) else ()
    return {str(key.value): str(value.value) for key, value in pairs if isinstance(value, ScalarNode)}


def login_for(secrets: Sequence[Mapping[str, Any]], host: str, repository: str) -> Login | None:
    """The login that the kubelet would use for an image: of all secrets, the longest key that fits its name.

    `secrets` are Secret objects as the API shows them. ConfigError names a secret that cannot be read.
    """
    found: dict[str, Login] = {}
    for secret in secrets:
        for key, login in _logins(secret).items():
            found.setdefault(key, login)
    # https://kubernetes.io/docs/concepts/containers/images/#config-json
    fitting = [key for key in found if f"{host}/{repository}/".startswith(f"{key}/")]
    return found[max(fitting, key=len)] if fitting else None


def _logins(secret: Mapping[str, Any]) -> dict[str, Login]:
    name = (secret.get("metadata") or {}).get("name", "?")
    try:
        text = _docker_config(secret)
        entries = json.loads(text).get("auths", {}) if text else {}
        return {_plain(key): _login(entry) for key, entry in entries.items()}
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ConfigError(f"the Secret {name} holds no docker configuration that can be read") from error


def _docker_config(secret: Mapping[str, Any]) -> str:
    if plain := (secret.get("stringData") or {}).get(KEY):
        return str(plain)
    return base64.b64decode((secret.get("data") or {}).get(KEY, ""), validate=True).decode()


def _login(entry: Mapping[str, Any]) -> Login:
    if entry.get("username"):
        return Login(str(entry["username"]), str(entry["password"]))
    user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    return Login(user, password)


def _plain(key: str) -> str:
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    return bare.removesuffix("/v2").removesuffix("/v1")
