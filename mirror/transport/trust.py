"""Trust: whose certificates are believed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mirror.errors import ConfigError

if TYPE_CHECKING:
    import ssl


class Trust:
    """The system's authorities, and those of `ca_file`. Read when the first certificate is to be judged."""

    def __init__(self, ca_file: str | None = None) -> None:
        """`ca_file` has PEM certificates."""
        self._ca_file = ca_file

    @cached_property
    def context(self) -> ssl.SSLContext:
        """For every connection of one client. Raises ConfigError."""
        import ssl  # noqa: PLC0415 - slow, and plain http does without

        context = ssl.create_default_context()
        if self._ca_file:
            try:
                context.load_verify_locations(self._ca_file)
            except (OSError, ssl.SSLError) as error:
                raise ConfigError(f"ca_file {self._ca_file} cannot be used: {error}") from error
        return context
