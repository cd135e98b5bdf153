"""Bootstrap: from what the user wrote to live objects; the one place where everything meets.

Contract: builds, and decides nothing. Below this package nobody sees the configuration's models. Nothing is imported
here: `copy` needs `ends` and no configuration file, and is spared the reading of its models.
"""
