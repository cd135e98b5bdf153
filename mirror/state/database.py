"""Database: the state in SQLite or PostgreSQL, by the same statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from itertools import islice
from sys import intern
from typing import Any

import sqlalchemy as sa

from mirror.state import engine, schema
from mirror.state.records import Condition, Key, PassRecord, Scope, TagRecord

_TAG_FIELDS = tuple(field.name for field in fields(TagRecord) if field.name != "key")
# Rows at hand at one time: a hundred thousand tags must not be a hundred megabytes.
_BATCH = 500
_KEY = schema.tags.primary_key.columns


class Database:
    """A State kept by a database. Thread-safe: each verb is one transaction."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        """Open it and bring its tables up to date; `read_only` changes and makes nothing. Raises StateError."""
        self._address = engine.parse(url)
        self._engine = engine.look(url) if read_only else engine.connect(url)

    def tags(self, mirror: str | None = None) -> list[TagRecord]:
        """Every record (of one mirror), ordered by key."""
        query = sa.select(schema.tags)
        if mirror is not None:
            query = query.where(schema.tags.c.mirror == mirror)
        with self._transaction() as connection:
            found = [_tag(row) for row in connection.execution_options(yield_per=_BATCH).execute(query)]
        # Sorted here: PostgreSQL would sort by its locale, and every twin has to give the same order.
        return sorted(found, key=lambda record: record.key)

    def save(self, records: Iterable[TagRecord]) -> None:
        """Write the records, replacing those of the same key; all of them or none."""
        self._upsert(schema.tags, map(_row, records))

    def forget(self, keys: Iterable[Key]) -> None:
        """Remove records; those that are not there are no error."""
        columns = [column == sa.bindparam(f"key_{column.name}") for column in _KEY]
        rows = [{f"key_{name}": value for name, value in key._asdict().items()} for key in keys]
        if rows:
            with self._transaction() as connection:
                connection.execute(sa.delete(schema.tags).where(*columns), rows)

    def log_pass(self, record: PassRecord) -> None:
        """Write a pass, replacing the one of this mirror that started at the same time."""
        self._upsert(schema.passes, [asdict(record)])

    def passes(self, mirror: str | None = None, limit: int = 20) -> list[PassRecord]:
        """The latest passes (of one mirror), newest first."""
        table = schema.passes
        query = sa.select(table).order_by(table.c.started.desc(), table.c.mirror).limit(limit)
        if mirror is not None:
            query = query.where(table.c.mirror == mirror)
        with self._transaction() as connection:
            return [PassRecord(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - its public name

    def trim_passes(self, keep: int) -> None:
        """Keep the latest `keep` passes of each mirror."""
        table = schema.passes
        with self._transaction() as connection:
            for mirror in connection.execute(sa.select(table.c.mirror).distinct()).scalars().all():
                latest = sa.select(table.c.started).where(table.c.mirror == mirror)
                edge = latest.order_by(table.c.started.desc()).offset(keep).limit(1)
                oldest = connection.execute(edge).scalar_one_or_none()
                if oldest is not None:
                    old = sa.delete(table).where(table.c.mirror == mirror, table.c.started <= oldest)
                    connection.execute(old)

    def conditions(self) -> list[Condition]:
        """What is not well now, ordered by scope and name."""
        with self._transaction() as connection:
            rows = connection.execute(sa.select(schema.conditions))
            found = [Condition(**row._mapping) for row in rows]  # noqa: SLF001 - its public name
        return sorted(found, key=lambda condition: (condition.scope, condition.name))

    def set_condition(self, condition: Condition) -> None:
        """Something is not well; replaces what was said of it before."""
        self._upsert(schema.conditions, [asdict(condition)])

    def clear_condition(self, scope: Scope, name: str) -> None:
        """It is well again; no error when it was."""
        table = schema.conditions
        with self._transaction() as connection:
            connection.execute(sa.delete(table).where(table.c.scope == scope, table.c.name == name))

    def close(self) -> None:
        """Give back files and connections."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with engine.translated(self._address), self._engine.begin() as connection:
            yield connection

    def _insert(self, table: sa.Table) -> Any:
        """An insert that knows ON CONFLICT, which is the dialect's; the one that is not used is not loaded."""
        if self._engine.dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 3 MB

            return postgresql.insert(table)
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - the same

        return sqlite.insert(table)

    def _upsert(self, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
        insert = self._insert(table)
        keys = [column.name for column in table.primary_key.columns]
        values = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
        upsert = insert.on_conflict_do_update(index_elements=keys, set_=values)
        waiting = iter(rows)
        batch = list(islice(waiting, _BATCH))
        if not batch:
            return
        with self._transaction() as connection:
            while batch:
                connection.execute(upsert, batch)
                batch = list(islice(waiting, _BATCH))


def _row(record: TagRecord) -> dict[str, Any]:
    return record.key._asdict() | {name: getattr(record, name) for name in _TAG_FIELDS}


def _tag(row: sa.Row[Any]) -> TagRecord:
    """The record of a row, its repeated texts kept once: tens of thousands of them stay at hand."""
    values = dict(row._mapping)  # noqa: SLF001 - its public name
    key = Key(intern(values.pop("mirror")), intern(values.pop("repository")), values.pop("tag"))
    values["target"] = intern(values["target"])
    for name in ("target_digest", "ours"):
        if values[name] == values["source_digest"]:
            values[name] = values["source_digest"]
    return TagRecord(key, **values)
