"""The command line: words that the user types become calls, errors become sentences and exit codes.

Contract: no decisions. One file per command group; what a command needs is imported when it runs, so that
`--help` answers at once.
"""
