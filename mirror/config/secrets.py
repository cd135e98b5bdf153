"""Secrets: whether the files and variables that the configuration names hold what they should."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from mirror.config.findings import Complaint, Path
from mirror.config.model import Config, GoogleCredentials, PasswordCredentials, Registry
from mirror.errors import ConfigError
from mirror.registries.credentials import from_file, from_variable
from mirror.registries.json_key import parts


def check_secrets(config: Config, env: Mapping[str, str]) -> Iterator[Complaint]:
    """What is wrong with them, one complaint for each; nothing of their content is repeated."""
    for name, registry in config.registries.items():
        for key, read in _reads(registry, env):
            try:
                read()
            except ConfigError as error:
                yield ("registries", name, *key), str(error)


def _reads(registry: Registry, env: Mapping[str, str]) -> Iterator[tuple[Path, Callable[[], object]]]:
    """What must be readable, by the key that names it."""
    if registry.ca_file:
        yield ("ca_file",), from_file(registry.ca_file)
    match registry.credentials:
        case PasswordCredentials(password_file=file, password_env=variable):
            if file:
                yield ("credentials", "password_file"), from_file(file)
            if variable:
                yield ("credentials", "password_env"), from_variable(variable, env)
        case GoogleCredentials(json_key_file=file, json_key_env=variable):
            if file:
                named = f"the JSON key {file}"
                yield ("credentials", "json_key_file"), lambda: parts(from_file(file)(), named)
            if variable:
                spoken = f"the JSON key in the variable {variable}"
                yield ("credentials", "json_key_env"), lambda: parts(from_variable(variable, env)(), spoken)
        case _:
            pass
