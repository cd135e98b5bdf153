"""Render: what clusters need to pull from the mirror, as text.

Contract: values in, text out. Nothing here opens a file or a connection, reads the clock or the environment; the
same values give the same text. What was tried on real clusters is in docs/how-to/kubernetes.md.
"""
