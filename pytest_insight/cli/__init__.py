"""The `insight` command: parses, calls the library once or twice, prints."""

from __future__ import annotations

import gc
import os
import sys

GC_THRESHOLD = 500_000


def main() -> None:
    """Run the command and exit: 0 done, 1 an error said on stderr, 2 wrong usage, 3 `--exit-code`.

    An exception that is no `InsightError` is a bug and leaves with its traceback.
    """
    # Importing makes many objects and hardly any garbage: looking for it after every 700 objects
    # costs 10 % of the start-up.
    gc.set_threshold(GC_THRESHOLD)
    if instruction := os.environ.get("_INSIGHT_COMPLETE"):
        # A TAB shows no colours, and without Rich, Typer answers in half the time.
        os.environ["TYPER_USE_RICH"] = "0"
        sys.modules["rich"] = None  # type: ignore[assignment]  # "not there", says importlib
        from pytest_insight.cli.completion import shells

        if instruction in shells.SCRIPTS:
            shells.answer(instruction)
        elif instruction.removeprefix("source_") in shells.SCRIPTS:
            print(shells.SCRIPTS[instruction.removeprefix("source_")], end="")
            return
    try:
        from pytest_insight.cli.app import run
    except KeyboardInterrupt:  # later ones are caught where the work is
        print("insight: interrupted before it began", file=sys.stderr)
        sys.exit(128 + 2)  # as shells have it
    run()
