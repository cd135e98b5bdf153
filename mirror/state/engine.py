"""Engine: opens the database, brings its tables up to date, and says in words what is wrong with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from mirror.errors import StateDamaged, StateEmpty, StateError
from mirror.state import schema
from mirror.state.migrations import HEAD

# WAL lets the status page and `gcr-mirror status` read while a pass writes; NORMAL cannot corrupt a WAL file,
# and at worst forgets the last moments before a power cut, which the next pass rebuilds.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=5000",
    "foreign_keys=ON",
    "cache_size=-500",
    "journal_size_limit=4194304",
)

_PATIENCE = {"connect_timeout": 10}
_DAMAGE = ("not a database", "malformed", "disk image", "unsupported file format")
_CAUSES = (
    (
        _DAMAGE,
        "is damaged",
        "move the file away: the next pass rebuilds the state and copies nothing that is already there",
    ),
    (
        ("locked", "busy"),
        "is in use by another process",
        "stop the other gcr-mirror, or give this one a state.url of its own",
    ),
    (("full",), "cannot be written: the disk is full", "free some space; the work itself goes on"),
    (("i/o error",), "cannot be read or written: the disk is full or failing", "look at the disk"),
    (
        ("readonly", "read-only", "permission denied"),
        "cannot be written",
        "give the user of this process write access to the file and its folder",
    ),
    (
        ("unable to open", "no such file", "not a directory"),
        "cannot be opened",
        "create its folder, and give the user of this process write access to it",
    ),
    (
        ("authentication failed", 'role "', "no password"),
        "refuses the login",
        "correct user and password in state.url",
    ),
    (
        ("connection refused", "connection failed", "could not connect", "server closed", "terminating"),
        "does not answer",
        "start the database server, or correct host and port in state.url",
    ),
)


def connect(url: str) -> sa.Engine:
    """An engine on an up-to-date database. Raises StateError with the cause and the fix."""
    address = parse(url)
    with translated(address):
        engine = _engine(address)
    try:
        with translated(address):
            _prepare(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def look(url: str) -> sa.Engine:
    """An engine that only reads: it makes no file and changes no table. Raises StateError, StateEmpty."""
    address = parse(url)
    with translated(address):
        engine = _reader(address)
    try:
        with translated(address), engine.connect() as connection:
            _check_revision(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


def parse(url: str) -> URL:
    """The address of a database: sqlite or postgresql. Raises StateError."""
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise StateError("state.url is not a database URL; write sqlite:////path/state.db") from error
    backend = address.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise StateError(f"state.url: {backend} is not known; use sqlite:////path/state.db or postgresql://…")
    if backend == "sqlite" and address.database in (None, "", ":memory:"):
        raise StateError("state.url names no file; write sqlite:////path/state.db")
    return address.set(drivername="postgresql+psycopg") if backend == "postgresql" else address


def file_of(address: URL) -> Path | None:
    """The file of an SQLite database; None for others."""
    return Path(str(address.database)) if address.get_backend_name() == "sqlite" else None


def is_missing(url: str) -> bool:
    """Whether the file of an SQLite database has been deleted; never for a server."""
    file = file_of(parse(url))
    return file is not None and not file.exists()


@contextmanager
def translated(address: URL) -> Iterator[None]:
    """What SQLAlchemy and the drivers raise leaves as StateError; a password in the URL never shows."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        kind = StateDamaged if _is_damage(error) else StateError
        raise kind(describe(address, error)) from error


def set_aside(url: str, now: float) -> Path | None:
    """Rename a damaged SQLite file, so that a new one can begin; its new place. None for a server."""
    address = parse(url)
    file = file_of(address)
    if file is None:
        return None
    aside = file.with_name(f"{file.name}.damaged-{int(now)}")
    with translated(address):
        file.rename(aside)
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
    return aside


def describe(address: URL, error: Exception) -> str:
    """What is wrong and what helps, on one line."""
    port = f":{address.port}" if address.port else ""
    place = file_of(address) or f"{address.get_backend_name()}://{address.host}{port}/{address.database}"
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    for words, what, fix in _CAUSES:
        if any(word in said.lower() for word in words):
            return f"the state {place} {what}; {fix}"
    return f"the state {place} cannot be used: {said.splitlines()[0][:200] if said else type(error).__name__}"


def _is_damage(error: Exception) -> bool:
    return any(word in str(error).lower() for word in _DAMAGE)


def _engine(address: URL) -> sa.Engine:
    file = file_of(address)
    if file is None:
        return sa.create_engine(address, pool_pre_ping=True, pool_size=2, connect_args=_PATIENCE)
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address)
    sa.event.listen(engine, "connect", _set_pragmas)
    return engine


def _reader(address: URL) -> sa.Engine:
    file = file_of(address)
    if file is None:
        options = {"postgresql_readonly": True}
        return sa.create_engine(address, connect_args=_PATIENCE, execution_options=options)
    # mode=ro would leave files beside it that it may not remove; this never makes the file either.
    uri = address.set(database=f"file:{quote(str(file.absolute()))}", query={"mode": "rw", "uri": "true"})
    engine = sa.create_engine(uri)
    sa.event.listen(engine, "connect", _set_query_only)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _set_query_only(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA query_only=ON")


def _prepare(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            _check(connection)
        revision = _revision(connection)
        if revision is None and not sa.inspect(connection).has_table(schema.tags.name):
            _begin(connection)
        elif revision != HEAD:
            _migrate(connection)


def _begin(connection: sa.Connection) -> None:
    """A new database gets today's tables at once: Alembic is only needed, and loaded, where there are older ones."""
    schema.metadata.create_all(connection)
    connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _check(connection: sa.Connection) -> None:
    found = connection.execute(sa.text("PRAGMA quick_check(1)")).scalar_one()
    if found != "ok":
        raise sqlite3.DatabaseError(f"malformed: {found}")


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def _check_revision(connection: sa.Connection) -> None:
    revision = _revision(connection)
    if revision is None and not sa.inspect(connection).has_table(schema.tags.name):
        raise StateEmpty("nothing was written to the state yet; `gcr-mirror run` does")
    if revision != HEAD:
        raise StateError(
            "the state was written by another version of gcr-mirror; "
            "`gcr-mirror status` of this one brings it up to date"
        )


def _migrate(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415 - an up-to-date state never needs it
    from alembic.config import Config  # noqa: PLC0415 - the same
    from alembic.util.exc import CommandError  # noqa: PLC0415 - the same

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StateError(
            "the state was written by a newer gcr-mirror; run that version, or move the state away"
        ) from error
