"""Run benchmarks and print the table: `python -m tests.benchmarks [NAME ...] [--write]`."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from tests.benchmarks.report import Row, machine, results_document, table

BENCHMARKS = {
    "recent-failures": "recent_failures",
    "load-all": "load_all",
    "grouping": "grouping",
    "saving": "saving",
    "scans": "scans",
    "listing": "listing",
    "questions": "questions",
    "extremes": "extremes",
    "plugin": "plugin_cost",
    "recording": "recording_cost",
    "databases": "databases",
    "copying": "copying",
    "frames": "frames",
    "verdicts": "verdicts",
    "look-back": "look_back",
    "compare": "comparisons",
    "foreign": "foreign",
    "report": "report_page",
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Measure and print the table.

    Returns:
        1 if a target was missed, else 0.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--write", action="store_true", help=f"write the table to {RESULTS.name}; runs all of them"
    )
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"unknown benchmark {name!r}; choose from {', '.join(BENCHMARKS)}")
    if arguments.names and arguments.write:
        parser.error("--write replaces the whole table: give no NAME with it")
    rows: list[Row] = []
    for name in arguments.names or BENCHMARKS:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        rows += import_module(f"tests.benchmarks.{BENCHMARKS[name]}").run()
    print(table(rows, markdown=False))
    print(f"\n{machine()}")
    if arguments.write:
        RESULTS.write_text(results_document(rows, datetime.now(UTC).date()), "utf-8")
    over = sum(row.kept is False for row in rows)
    if over:
        print(f"{over} of {len(rows)} lines are over their target.", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
