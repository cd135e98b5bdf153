"""What must be true outside the program: `check` finds out what is not, `setup` makes it so.

Contract: a check never writes a credential anywhere and leaves nothing behind at a registry; a set-up step looks
before it acts, so that doing it twice is doing it once. Google's REST APIs are called here only.
"""
