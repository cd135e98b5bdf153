"""Any HTTP call made well: pooled connections, deadlines, retries, parallelism that yields, redaction.

Contract: knows no OCI. `http.client` and `tenacity` are imported here and nowhere else; what they raise leaves as
`mirror.errors`.
"""
