"""What to copy, and copying it.

Contract: nothing here knows a vendor, a clock, a database or a configuration file. Decisions are pure
functions of values; what acts talks to a source and a target by the verbs of `mirror.oci.content`.
"""
