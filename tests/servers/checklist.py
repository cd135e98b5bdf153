"""Checklist: the checks of `gcr-mirror check` and what each may find, as the documents tell users."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs/how-to/find-what-is-wrong.md").read_text("utf-8")
LEVELS = ("ok", "warning", "failed")
# Names of checks that end in what they are about, as the page writes them.
_ABOUT = {"pull": "pull PATH", "push": "push PATH", "discover": "discover GROUP"}


@cache
def documented() -> set[tuple[str, str]]:
    """Each check and its levels, by the table of the page."""
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|(.*)\|$", PAGE, re.MULTILINE)
    return {
        (name, level)
        for name, *cells in rows
        for level, told in zip(LEVELS, ("always", *cells), strict=True)
        if told.strip()
    }


def kind(name: str) -> str:
    """The check that a finding is of, as the page names it: `gitlab: pull acme/api` is `pull PATH`."""
    what = name.rpartition(": ")[2].strip()
    return _ABOUT.get(what.partition(" ")[0], what)
