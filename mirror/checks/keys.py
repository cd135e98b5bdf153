"""Keys: a service account's key, written once to a file that only its owner reads."""

from __future__ import annotations

import base64
import binascii
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mirror.checks.google_api import Json
from mirror.checks.steps import Cloud
from mirror.errors import ConfigError


@dataclass(frozen=True, slots=True)
class CreateKey:
    """A key of the service account is in a file that only its owner reads. The key is never shown."""

    project: str
    email: str
    file: Path

    @property
    def title(self) -> str:
        return f"a key of {self.email} is in {self.file} (mode 0600)"

    @property
    def command(self) -> str:
        return (
            f"(umask 077; gcloud iam service-accounts keys create {shlex.quote(str(self.file))} "
            f"--iam-account={self.email})"
        )

    def done(self, cloud: Cloud) -> bool:
        del cloud
        return self.file.exists() and self._holds_our_key()

    def do(self, cloud: Cloud) -> None:
        path = f"v1/projects/{self.project}/serviceAccounts/{self.email}/keys"
        # Made first: a key that could not be written down would be a key that nobody knows of.
        with _private(self.file) as file:
            try:
                file.write(_private_key(cloud.api.call("POST", "iam", path, body={})))
            except BaseException:
                self.file.unlink()
                raise

    def _holds_our_key(self) -> bool:
        try:
            read = json.loads(self.file.read_text("utf-8"))
            ours = bool(read["client_email"] == self.email)
        except (OSError, ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise ConfigError(f"{self.file} is there and holds something else; name another file for the key")
        return ours


def _private_key(answer: Json) -> bytes:
    try:
        return base64.b64decode(answer["privateKeyData"], validate=True)
    except (KeyError, binascii.Error) as error:
        raise ConfigError(
            "Google made a key, but its answer does not hold it; delete it in the console"
        ) from error


def _private(file: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
