"""Expiry: when the credential of a registry ends, as far as its vendor tells."""

from __future__ import annotations

from collections.abc import Callable

from mirror.bootstrap.site import Site
from mirror.checks.credentials import Key, key_ends
from mirror.checks.gitlab import token_ends
from mirror.checks.place import TIMEOUTS
from mirror.config.model import GitLabRegistry, GoogleRegistry
from mirror.events import ignore
from mirror.transport.client import Client


def expiry(site: Site, name: str) -> Callable[[], float | None]:
    """Asks when the credential of the registry called `name` ends (epoch); None for never, and not told.

    Asking takes a request. Raises MirrorError.
    """
    model = site.config.registries[name]
    ca_file = str(model.ca_file) if model.ca_file else None

    def ask() -> float | None:
        client = Client(model.host, observe=ignore, ca_file=ca_file, timeouts=TIMEOUTS)
        login = site.credential(model).login()
        match model:
            case GitLabRegistry():
                return token_ends(client, model.gitlab, login.password) if login else None
            case GoogleRegistry():
                key = Key.of(login)
                return key_ends(key, client) if key else None
            case _:
                return None

    return ask
