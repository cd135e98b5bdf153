"""The command `gcr-mirror`, also `python -m mirror`."""

from __future__ import annotations

from mirror.cli.app import run as main

__all__ = ["main"]

if __name__ == "__main__":
    main()
