"""What the program remembers between passes: tags, passes, and what is wrong with whom.

Contract: the registries are the truth, this is memory. Whatever is lost here is rebuilt by the next pass,
which copies nothing that is already there. `records` and `attempts` are values and decisions without any
library; `Database` (SQLite or PostgreSQL, one code) and `Memory` keep the same promises, and the suite in
tests/conformance holds them to those. SQLAlchemy and Alembic are imported here and nowhere else; what they
raise leaves as StateError. Times are seconds since the epoch, UTC.
"""
