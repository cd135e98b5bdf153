"""File: from the path of a configuration to a checked Config, or to everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mirror.config.crosscheck import check_names, check_places
from mirror.config.document import Document
from mirror.config.findings import Complaint, Finding, config_error
from mirror.config.findings import Path as KeyPath
from mirror.config.model import Config, Mirror, Registry
from mirror.config.reading import read
from mirror.config.secrets import check_secrets
from mirror.errors import ConfigError


def load(path: Path, env: Mapping[str, str], *, secrets: bool = False) -> Config:
    """Read and check a configuration; with `secrets`, also that each secret is where it is said to be kept.

    Raises ConfigError with one line for each thing that is wrong: `file:line: path: what, and the fix`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file; begin with config.example.yaml") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not text in UTF-8; save it as UTF-8") from error
    return parse(text, env, file=str(path), directory=path.parent, secrets=secrets)


def parse(text: str, env: Mapping[str, str], *, file: str, directory: Path, secrets: bool = False) -> Config:
    """Check the text of a configuration; `directory` is where relative paths begin."""
    document = Document.read(text, env)
    if document.data is None and document.findings:
        raise config_error(document.findings, file)
    config: Config | None
    config, complaints = read(Config, document.data, directory)
    for path, message in complaints:
        _add(document, path, message)
    for path, message in _crosschecked(document, config, directory):
        _add(document, path, message)
    if config is not None and secrets:
        for path, message in check_secrets(config, env):
            _add(document, path, message)
    if config is None or document.findings:
        raise config_error(document.findings, file)
    return config


def _add(document: Document, path: KeyPath, message: str) -> None:
    """Note a finding, unless its value could not be read."""
    if any(path[: len(unread)] == unread for unread in document.unread):
        return
    for name, value in document.variables.get(path, {}).items():
        message = _without(value, f"${{{name}}}", message)
    document.findings.append(Finding(path, message, document.line(path)))


def _without(value: str, name: str, message: str) -> str:
    """The message without a variable's value and without pieces of it, since it may be a secret."""
    pieces = [value, *(piece for piece in re.split(r"[^A-Za-z0-9_-]+", value) if len(piece) > 3)]
    for piece in sorted(filter(None, pieces), key=len, reverse=True):
        message = re.sub(re.escape(piece), lambda _: name, message, flags=re.IGNORECASE)
    return message


def _crosschecked(document: Document, config: Config | None, directory: Path) -> list[Complaint]:
    """Names are compared as they stand; registries and mirrors only if nothing is wrong in them so far."""
    data = document.data if isinstance(document.data, dict) else {}
    named, listed = data.get("registries"), data.get("mirrors")
    registries = named if isinstance(named, dict) else {}
    mirrors = {
        i: one for i, one in enumerate(listed if isinstance(listed, list) else []) if isinstance(one, dict)
    }
    broken = {finding.path[:2] for finding in document.findings}
    sound = {
        name: config.registries[name] if config else read(Registry, value, directory)[0]
        for name, value in registries.items()
        if ("registries", name) not in broken
    }
    routes = {
        i: config.mirrors[i] if config else read(Mirror, value, directory)[0]
        for i, value in mirrors.items()
        if ("mirrors", i) not in broken
    }
    return [*check_names(list(registries), mirrors), *check_places(sound, routes)]
