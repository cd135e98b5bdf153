"""Embedded registries: one speaks GitLab, one speaks Google, one only the distribution specification.

Contract: real HTTP servers on loopback, ports chosen by the system, nothing left behind once closed. They
behave as the vendors' registries do where that is known, and misbehave on request (`mirror.demo.faults`).
The demo shows the mirror on them and the tests prove it on them; they are no registries for production.
"""
