"""Cluster: a Kubernetes API server, asked by the official client, which is an optional part of the installation.

Contract: the only package that knows the client. Objects are plain JSON as the API shows them. Whatever is changed can
also be said as a `kubectl` command, and is said before it is done.
"""
