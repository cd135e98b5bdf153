"""Reader: the login that pods pull with, which must not be the one that the mirror pushes with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mirror.bootstrap.site import credential
from mirror.config.model import GoogleCredentials, GoogleRegistry, PasswordCredentials
from mirror.config.model import Registry as RegistryModel
from mirror.errors import ConfigError
from mirror.oci.auth import IDENTITY_TOKEN, Login
from mirror.registries.credentials import Password, from_file
from mirror.registries.google_auth import default_account
from mirror.registries.json_key import JsonKey, parts, service_account

# What stands before a token in place of a user's name.
_TOKENS = (IDENTITY_TOKEN, "oauth2accesstoken", "_token", "_dcgcloud_token")


@dataclass(frozen=True, slots=True)
class Reader:
    """A login that may only pull. `doubt` is what could not be made sure of here, for the one who asked."""

    login: Login
    doubt: str | None = None


def reader(
    registry: RegistryModel,
    key_file: Path | None,
    user: tuple[str, Path] | None = None,
    *,
    force: bool = False,
    env: Mapping[str, str] = os.environ,
) -> Reader:
    """The reader that was named: a service account's key, or a user and a file with the password.

    ConfigError when it cannot be one, or is the login that the mirror itself pushes with (unless forced).
    """
    if isinstance(registry, GoogleRegistry):
        if key_file is None:
            raise ConfigError(
                "which key may pods pull with? Name one with --key-file: a key of a service account that has only "
                "roles/artifactregistry.reader (`gcr-mirror setup google --reader` makes the account)"
            )
        name = f"the JSON key {key_file}"
        login = JsonKey(from_file(key_file), name).login()
        service_account(login.password, name)
    elif user is None:
        raise ConfigError(
            f"{registry.host} is no Google host: name the reader with --username and --password-file"
        )
    else:
        login = Password(user[0], from_file(user[1])).login()
    if force:
        return Reader(login)
    who, own = _who(login), _own(registry, env)
    if own is not None and who == own:
        raise ConfigError(
            f"this is who the mirror itself pushes as ({who}): every pod could overwrite the mirror. Use an account "
            "that can only read, or say --force"
        )
    return Reader(login, _doubt(registry, who, own))


def _doubt(registry: RegistryModel, who: str | None, own: str | None) -> str | None:
    if own is None:
        return (
            f"{who} was not compared with who the mirror pushes as, which cannot be told here: see to it that this "
            "account can only read"
        )
    if isinstance(registry.credentials, GoogleCredentials) and registry.credentials.adc:
        return (
            f"{who} was compared with {own}, who the mirror would be on this machine; where it runs, it may be "
            "another: see to it that this account can only read"
        )
    return None


def _who(login: Login) -> str | None:
    """Whose login it is; None for a token, which does not say."""
    if login.username.startswith("_json_key"):
        return str(parts(login.password)["client_email"])
    return None if login.username in _TOKENS else login.username


def _own(registry: RegistryModel, env: Mapping[str, str]) -> str | None:
    """Who the mirror is; None when that cannot be told here, where its secrets may not be."""
    match registry.credentials:
        case PasswordCredentials(username=name):
            return name
        case GoogleCredentials(adc=True):
            return default_account(env)
        case _:
            try:
                login = credential(registry, env).login()
                return _who(login) if login else None
            except ConfigError:
                return None
