"""Any HTTP call made well: pooled connections, deadlines, retries, parallelism that yields, redaction.

Contract: knows no OCI. What sockets, TLS, HTTP and `tenacity` raise leaves as `mirror.errors`. A request goes down
through `retry`, `limit`, `breaker`, `client`, `pool` and `connection`, and comes back as `incoming`, `response` and
`answer`.
"""
