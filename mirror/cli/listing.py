"""`gcr-mirror list`: what is in a registry."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mirror.cli.columns import aligned
from mirror.cli.command import Command
from mirror.cli.exits import Exit
from mirror.cli.options import as_json, config_file, load
from mirror.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.bootstrap.site import Site
    from mirror.cli.parser import Parser
    from mirror.oci.tag import Tag
    from mirror.sync.workers import Workers


def list_images(config: Path, registry: str | None, pattern: str | None, as_json: bool) -> Exit:
    """List repositories, tags, digests and ages, on either side."""
    from mirror.bootstrap.site import Site
    from mirror.events import ignore

    loaded = load(config, secrets=True)
    if registry is not None and registry not in loaded.registries:
        known = ", ".join(loaded.registries)
        raise ConfigError(f"there is no registry {registry!r}; the configuration has {known}")
    site = Site(loaded, ignore)
    with site.workers() as workers:
        rows = [
            (name, path, tag)
            for name in ([registry] if registry else loaded.registries)
            for path in _paths(site, name, pattern)
            for tag in _tags(site, name, path, workers)
        ]
    print(json.dumps([_as_json(*row) for row in rows]) if as_json else table(rows, datetime.now(UTC)))
    return Exit.IN_SYNC


def _options(parser: Parser) -> None:
    config_file(parser)
    parser.add_argument(
        "registry", nargs="?", help="A registry's name in the configuration; all of them when not given."
    )
    parser.add_argument(
        "pattern",
        nargs="?",
        help="Paths or globs, such as 'acme/shop/**'; all that the mirrors touch otherwise.",
    )
    as_json(parser)


LIST = Command(list_images, _options)


def table(rows: list[tuple[str, str, Tag]], now: datetime) -> str:
    """The rows in columns, ages for people."""
    lines = [("REGISTRY", "REPOSITORY", "TAG", "DIGEST", "AGE")]
    for name, path, tag in rows:
        digest = f"{tag.digest.algorithm}:{tag.digest.short}" if tag.digest else "?"
        lines.append((name, path, tag.name, digest, age(now - tag.published) if tag.published else "?"))
    return aligned(lines)


def age(since: timedelta) -> str:
    """A duration in its largest whole unit: `3d`."""
    seconds = max(0, int(since.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _paths(site: Site, name: str, pattern: str | None) -> list[str]:
    from mirror.sync.patterns import Patterns

    if pattern is not None:
        return sorted(site.discover(name, Patterns.parse([pattern])))
    found: set[str] = set()
    for mirror in site.config.mirrors:
        if mirror.source == name:
            found.update(site.discover(name, Patterns.parse(mirror.repositories)))
        elif mirror.target == name:
            paths = site.discover(mirror.source, Patterns.parse(mirror.repositories))
            found.update("/".join(filter(None, (mirror.prefix, path))) for path in paths)
    return sorted(found)


def _tags(site: Site, name: str, path: str, workers: Workers) -> list[Tag]:
    from mirror.config.places import root_of
    from mirror.sync.survey import resolved

    own = root_of(site.config.registries[name])
    repository = site.repository(name, "/".join(filter(None, (own, path))))
    found = repository.tags().tags
    return list(
        resolved(
            lambda tag: repository.resolve(tag.name).digest, [found[tag] for tag in sorted(found)], workers
        )
    )


def _as_json(name: str, path: str, tag: Tag) -> dict[str, str | None]:
    published = tag.published.isoformat() if tag.published else None
    digest = str(tag.digest) if tag.digest else None
    return {"registry": name, "repository": path, "tag": tag.name, "digest": digest, "published": published}
