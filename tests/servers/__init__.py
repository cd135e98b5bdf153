"""Real servers and independent clients, for the tests and the benchmark.

Nothing here is a double: `registry` starts Debian's docker-registry, `skopeo` is the judge that this project
did not write, `seed` writes images with plain requests, `proxy` delays and cuts what passes. Every process
listens on a free loopback port, keeps its files in a directory that the caller gives, and ends with the
process that started it. A server that is not installed skips the test that asks for it, and fails it in CI
(`present`).
"""
