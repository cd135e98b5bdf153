"""Schema: the tables as SQLAlchemy knows them; the migrations make them, a test compares the two."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

# Names of repositories and tags are bounded by the distribution spec (255 and 128 characters).
tags = Table(
    "tags",
    metadata,
    Column("mirror", String(64), primary_key=True),
    Column("repository", String(512), primary_key=True),
    Column("tag", String(128), primary_key=True),
    Column("target", String(512), nullable=False),
    Column("source_digest", String(140)),
    Column("target_digest", String(140)),
    Column("kept", Boolean, nullable=False),
    Column("wanted", Boolean, nullable=False),
    Column("ours", String(140)),
    Column("size", BigInteger, nullable=False),
    Column("published", Float(53)),
    Column("first_seen", Float(53), nullable=False),
    Column("copied_at", Float(53)),
    Column("absent_since", Float(53)),
    Column("attempts", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("next_attempt", Float(53)),
    Column("reason", String(64)),
    Column("message", Text),
    Column("dead", Boolean, nullable=False),
)

passes = Table(
    "passes",
    metadata,
    Column("mirror", String(64), primary_key=True),
    Column("started", Float(53), primary_key=True),
    Column("ended", Float(53)),
    Column("result", String(16)),
    Column("repositories", Integer, nullable=False),
    Column("tags", Integer, nullable=False),
    Column("copied", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Index("passes_by_time", "started"),
)

conditions = Table(
    "conditions",
    metadata,
    Column("scope", String(16), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("since", Float(53), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("message", Text, nullable=False),
)
