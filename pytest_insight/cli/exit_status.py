"""The exit statuses of `insight`."""

DONE = 0
ERROR = 1
"""An `InsightError`; also damage that `sessions verify` has found."""
USAGE = 2
MATCHED = 3
"""`--exit-code` was given, and something matched."""
INTERRUPTED = 128 + 2
"""SIGINT, as shells report it."""
