"""Run benchmarks and print the table: `python -m tests.benchmarks [NAME ...] [--markdown]`."""

from __future__ import annotations

import argparse
import platform
import sys
from importlib import import_module
from importlib.metadata import version

from tests.benchmarks.report import Row, table

BENCHMARKS = {
    "recent-failures": "recent_failures",
    "load-all": "load_all",
    "grouping": "grouping",
    "saving": "saving",
    "listing": "listing",
    "extremes": "extremes",
    "plugin": "plugin_cost",
    "recording": "recording_cost",
    "databases": "databases",
    "copying": "copying",
}


def main() -> int:
    """Measure, print the table; 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    for name in arguments.names or BENCHMARKS:
        print(f"Measuring {name}.", file=sys.stderr, flush=True)
        rows += import_module(f"tests.benchmarks.{BENCHMARKS[name]}").run()
    print(table(rows, markdown=arguments.markdown))
    print(f"\n{_conditions()}")
    over = sum(row.kept is False for row in rows)
    if over:
        print(f"{over} of {len(rows)} lines are over their target.", file=sys.stderr)
    return 1 if over else 0


def _conditions() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("pytest", "msgspec", "typer"))
    return (
        "Floors are what one would write by hand for that one job (tests/benchmarks/floors.py).\n"
        "Times are the best of several interleaved turns.\n"
        f"Measured with {platform.python_implementation()} {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}, {versions}."
    )


if __name__ == "__main__":
    sys.exit(main())
