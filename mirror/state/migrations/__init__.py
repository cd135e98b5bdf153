"""The migrations of the state, in order; Alembic runs them when the program opens an older state."""

# The newest of versions/. Known without importing Alembic, which an up-to-date state never needs.
HEAD = "0001"
