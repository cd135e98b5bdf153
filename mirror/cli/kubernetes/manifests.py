"""`gcr-mirror kubernetes rewrite`: manifests that use the mirror."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mirror.cli import streams
from mirror.cli.command import Command
from mirror.cli.exits import Exit
from mirror.cli.options import config_file, load, mirrors
from mirror.errors import ConfigError

if TYPE_CHECKING:
    from mirror.cli.parser import Parser

_STDIN = "-"


def rewrite(
    config: Path,
    files: list[str],
    *,
    pin: bool,
    check: bool,
    values: list[str],
    keep_unmapped: bool,
    mirror: list[str],
) -> Exit:
    """Give images their names on the mirror, in manifests, kustomizations and values of charts.

    Changes nothing else in the files: comments, order and quotes stay. What is wrong is named by file and line, and
    then no file is written.
    """
    from mirror.bootstrap.holdings import Holdings
    from mirror.bootstrap.relocations import relocations
    from mirror.bootstrap.site import Site
    from mirror.cli.written import replace
    from mirror.events import ignore
    from mirror.render.images import has
    from mirror.render.rewrite import rewritten, uses

    loaded = load(config)
    known = relocations(loaded, mirror)
    found = {name: uses(read(name), name, known, values) for name in dict.fromkeys(files)}
    for path in values:
        if not any(has(each.text, path) for each in found.values()):
            raise ConfigError(f"--values {path}: nothing is there in {', '.join(found)}")
    problems = [] if keep_unmapped else [str(one) for each in found.values() for one in each.unmapped]
    used = [use for each in found.values() for use in each.mirrored]
    holdings = Holdings.of(Site(loaded, ignore), used) if pin or check else Holdings()
    problems += holdings.problems
    if problems:
        streams.tell("\n".join([*problems, "nothing was written"]))
        return Exit.FAILED
    if check:
        streams.tell(f"{len(used)} images, all on the mirror")
        return Exit.IN_SYNC
    texts = {name: rewritten(each, holdings.digests if pin else {}) for name, each in found.items()}
    changed = {name: text for name, text in texts.items() if text != found[name].text}
    replace({Path(name): text for name, text in changed.items() if name != _STDIN})
    if _STDIN in texts:
        streams.write(texts[_STDIN])
    streams.tell(f"{len(used)} images, {len(changed)} of {len(texts)} files changed")
    return Exit.IN_SYNC


def _options(parser: Parser) -> None:
    config_file(parser)
    parser.add_argument(
        "files", nargs="+", metavar="file", help="Manifests; - reads stdin and writes stdout."
    )
    parser.add_argument(
        "--pin", action="store_true", help="Pin every tag to the digest that it has on the mirror."
    )
    parser.add_argument(
        "--check", action="store_true", help="Write nothing; fail when an image is not on the mirror."
    )
    parser.add_argument(
        "--values",
        metavar="PATH",
        action="append",
        help="Where an image is in the values of a Helm chart: 'api.image', '*.image'.",
    )
    parser.add_argument(
        "--keep-unmapped", action="store_true", help="Leave images that no mirror has, instead of refusing."
    )
    mirrors(parser)


REWRITE = Command(rewrite, _options)


def read(name: str) -> str:
    """The text of a file, or of stdin for `-`. ConfigError when it cannot be read."""
    try:
        # As bytes, so that line ends stay.
        data = sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
        return data.decode()
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: is not YAML: it is not text in UTF-8") from error
