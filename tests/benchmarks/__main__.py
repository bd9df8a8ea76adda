"""Run benchmarks and print tables: `python -m tests.benchmarks [NAME ...] [--write]`."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from tests.benchmarks.report import machine, section, table, with_section

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
    """Measure and print a table for each benchmark.

    Returns:
        1 if a target was missed, else 0.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--write", action="store_true", help=f"write the tables to {RESULTS.name}, each when ready"
    )
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"unknown benchmark {name!r}; choose from {', '.join(BENCHMARKS)}")
    count = over = 0
    for name in arguments.names or BENCHMARKS:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        load = os.getloadavg()[0]
        rows = import_module(f"tests.benchmarks.{BENCHMARKS[name]}").run()
        print(f"{table(rows, markdown=False)}\n", flush=True)
        if arguments.write:
            known = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
            text = section(rows, datetime.now(UTC).date(), load)
            RESULTS.write_text(with_section(known, name, text, list(BENCHMARKS)), "utf-8")
        count += len(rows)
        over += sum(row.kept is False for row in rows)
    print(machine())
    if over:
        print(f"{over} of {count} lines are over their target.", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
