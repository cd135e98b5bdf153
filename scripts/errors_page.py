"""Print docs/reference/errors.md, made from mirror/registries/denials.toml.

.venv/bin/python scripts/errors_page.py >docs/reference/errors.md
"""

from __future__ import annotations

from mirror.registries.denial import Denial
from mirror.registries.denials import denials

_INTRODUCTION = """\
<!-- Made by scripts/errors_page.py from mirror/registries/denials.toml; a test compares. -->

# Errors, their causes and fixes

Registries often say "denied" where they mean "missing". `gcr-mirror check`, `sync` and `run` print what is
below under an error that they know. Capital words (PROJECT, HOST, ENDPOINT, LOCATION, REPOSITORY, SERVICE, GITLAB,
GROUP) stand for your own; the program fills them in where it knows them. For `eu.gcr.io`, LOCATION is `europe`
and REPOSITORY is `eu.gcr.io`.
"""


def page(table: tuple[Denial, ...]) -> str:
    """The whole page as Markdown."""
    sides = dict.fromkeys(denial.side for denial in table)
    sections = (_section(side, [denial for denial in table if denial.side == side]) for side in sides)
    return "\n".join([_INTRODUCTION, *sections])


def _section(side: str, table: list[Denial]) -> str:
    title = side[0].upper() + side[1:]
    return "\n".join([f"## {title}\n", *(_entry(denial) for denial in table)])


def _entry(denial: Denial) -> str:
    told = denial.explained({})
    return f"### {denial.key}\n\n> {denial.says}\n\n{told.cause}\n\nFix: {_code(told.fix)}\n"


def _code(fix: str) -> str:
    return (
        f"`{fix}`"
        if fix.startswith(("curl ", "gcloud ", "gcr-mirror ", "getent ", "openssl ", "timedatectl "))
        else fix
    )


if __name__ == "__main__":
    print(page(denials()), end="")
