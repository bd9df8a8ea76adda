"""The `insight` command: parses its arguments, calls the library and prints the answer."""

from __future__ import annotations

import gc
import os
import sys

from pytest_insight.cli import exit_status

GC_THRESHOLD = 500_000


def main() -> None:
    """Run the command and exit with one of the statuses in `exit_status`.

    An exception that is no `InsightError` is a bug and leaves with its traceback.
    """
    # Imports allocate many objects and almost no garbage: collecting after every 700 allocations
    # costs 10 % of the start-up.
    gc.set_threshold(GC_THRESHOLD)
    if "_INSIGHT_COMPLETE" in os.environ:
        # A TAB shows no colours, and Typer answers it in 0.20 s instead of 0.28 s if importing Rich
        # fails (https://docs.python.org/3/reference/import.html#the-module-cache).
        sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        from pytest_insight.cli.app import app

        app()
    except KeyboardInterrupt:
        print("insight: interrupted", file=sys.stderr)
        sys.exit(exit_status.INTERRUPTED)
