"""Clocks, sockets and processes: the long-running service around `mirror.sync`.

Contract: what decides is a function of values (`verdict`, `triggers`, `schedule`); what acts is thin.
Metrics, the ledger and the status page are listeners of `mirror.events`: the copier knows none of them.
prometheus_client, Flask and waitress are imported here and nowhere else.
"""
