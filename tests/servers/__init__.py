"""Real servers, emulators and independent clients, for the tests and the benchmark.

Contract: nothing here imports the code that is tested, except what the embedded registries lend (`gitlab`). Every
process listens on a free loopback port, keeps its files in a directory that the caller gives, and ends with the
process that started it (`process`). A server that is not installed skips the test that asks for it, and fails it in
CI (`present`). `registry` is Debian's docker-registry, `seed` fills it with plain requests, `proxy` delays and cuts
what passes, and `skopeo` judges what arrived. An emulator stands only where no real server can be installed, and is
held to the vendor's published documents.
"""
