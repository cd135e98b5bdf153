"""The first tables: tags, passes, conditions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "tags",
        sa.Column("mirror", sa.String(64), primary_key=True),
        sa.Column("repository", sa.String(512), primary_key=True),
        sa.Column("tag", sa.String(128), primary_key=True),
        sa.Column("target", sa.String(512), nullable=False),
        sa.Column("source_digest", sa.String(140)),
        sa.Column("target_digest", sa.String(140)),
        sa.Column("kept", sa.Boolean, nullable=False),
        sa.Column("wanted", sa.Boolean, nullable=False),
        sa.Column("ours", sa.String(140)),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("published", sa.Float(53)),
        sa.Column("first_seen", sa.Float(53), nullable=False),
        sa.Column("copied_at", sa.Float(53)),
        sa.Column("absent_since", sa.Float(53)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("refusals", sa.Integer, nullable=False),
        sa.Column("next_attempt", sa.Float(53)),
        sa.Column("reason", sa.String(64)),
        sa.Column("message", sa.Text),
        sa.Column("dead", sa.Boolean, nullable=False),
    )
    op.create_table(
        "passes",
        sa.Column("mirror", sa.String(64), primary_key=True),
        sa.Column("started", sa.Float(53), primary_key=True),
        sa.Column("ended", sa.Float(53)),
        sa.Column("result", sa.String(16)),
        sa.Column("repositories", sa.Integer, nullable=False),
        sa.Column("tags", sa.Integer, nullable=False),
        sa.Column("copied", sa.Integer, nullable=False),
        sa.Column("unchanged", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.create_index("passes_by_time", "passes", ["started"])
    op.create_table(
        "conditions",
        sa.Column("scope", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("since", sa.Float(53), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Take them away."""
    for table in ("conditions", "passes", "tags"):
        op.drop_table(table)
