"""The configuration file: its model, its checks, its JSON Schema.

Contract: `load` returns a Config in which everything that can be checked without a network is right, or raises
one ConfigError that lists all that is wrong, with lines and fixes. Models know where secrets are kept, never the
secrets. Only `mirror.cli` and `mirror.bootstrap` see these models.
"""

from mirror.config.file import load
from mirror.config.json_schema import schema
from mirror.config.model import Config

__all__ = ["Config", "load", "schema"]
