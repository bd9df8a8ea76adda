"""Record one suite under each of many plugins: `python -m tests.outside.plugins [NAME ...]`.

What is stored is compared with pytest's closing line. For a plugin that replaces that line, the
counts are those of a second run without plugins. If a plugin kills the process (pytest-timeout
with threads), they are those of the tests that finish before, and an error for the running test.
Besides, results must have nodeids that were collected, and times within the run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage
from tests.outside.environments import BUILD, environment, run_suite, table, versions
from tests.outside.plugin_suites import COMMON, PLUGINS, TWO_WORKERS, Plugin
from tests.recording.runs import closing_counts, stored_counts

SECONDS = 300
ALWAYS = ("-m", "pytest", "--color=no", "-p", "no:cacheprovider")
BROKEN = "--continue-on-collection-errors"
HEADINGS = ("plugin", "version", "options", "pytest's counts", "stored counts", "")


def main() -> int:
    """Record the suite under each plugin and print a table. Returns 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.outside.plugins", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="plugins (default: all)")
    names = parser.parse_args().names
    unknown = set(names) - {plugin.name for plugin in PLUGINS}
    if unknown:
        parser.error(f"unknown plugin {', '.join(sorted(unknown))}")
    lines: list[tuple[str, ...]] = []
    for plugin in PLUGINS:
        if names and plugin.name not in names:
            continue
        try:
            wanted = (plugin.pytest, plugin.requirement, *plugin.needs)
            python = environment(_folder(plugin) / "env", Path(sys.executable), wanted)
        except subprocess.CalledProcessError as exc:
            lines.append((plugin.name, "", "", "", "", f"not installed: {exc}"))
            continue
        version = versions(python, [plugin.name]).get(plugin.name, "?")
        for options in plugin.ways:
            print(f"{plugin.name} {' '.join(options)}", file=sys.stderr, flush=True)
            cells = _compare(plugin, python, options)
            lines.append((plugin.name, version, " ".join(options), *cells))
    same = sum(line[-1].startswith("same") for line in lines)
    print(f"\n{table([HEADINGS, *lines])}\n\n{same} of {len(lines)} runs are stored as counted.")
    return 0 if same == len(lines) else 1


def _folder(plugin: Plugin) -> Path:
    return BUILD / "plugins" / plugin.name


def _compare(plugin: Plugin, python: Path, options: tuple[str, ...]) -> tuple[str, str, str]:
    """Return pytest's counts, the stored counts and the verdict."""
    home = _folder(plugin) / "home"
    shutil.rmtree(home, ignore_errors=True)
    try:
        status, printed = _pytest(plugin, python, "--insight", BROKEN, *options)
        counts, counted_by = _counts(plugin, python, options, printed)
    except subprocess.TimeoutExpired:
        return "", "", f"not finished after {SECONDS} s"
    output = _folder(plugin) / f"output{''.join(options)}.txt".replace("/", "-")
    output.write_text(printed, "utf-8")
    if options == plugin.kills:
        _run(plugin, [python, "-m", "pytest_insight", "sessions", "list"])  # recovers the run
    sessions = JSONStorage(home / "sessions.json").load_sessions()
    stored = stored_counts(sessions[0]) if len(sessions) == 1 else Counter[str]()
    problems = [f"{len(sessions)} sessions"] if len(sessions) != 1 else []
    problems += ["counts differ"] if stored != counts else []
    if len(sessions) == 1:
        problems += _problems(sessions[0])
        problems += _unknown_nodeids(plugin, python, options, sessions[0])
        if sessions[0].exit_status != (None if options == plugin.kills else status):
            problems.append(f"exit status {sessions[0].exit_status}, not {status}")
    if problems:
        print(printed[-3_000:], file=sys.stderr)
    verdict = "; ".join(problems) or "same" + (f" as {counted_by}" if counted_by else "")
    return _words(counts), _words(stored), verdict


def _counts(
    plugin: Plugin, python: Path, options: tuple[str, ...], printed: str
) -> tuple[Counter[str], str]:
    """Return what pytest counts, and how it is known if not from the closing line."""
    killed = options == plugin.kills
    if killed or plugin.replaces_line:
        _, printed = _pytest(
            plugin, python, BROKEN, *_without_plugins(options), *plugin.finished, plain=True
        )
    try:
        counts = closing_counts(printed.splitlines())
    except AssertionError:
        return Counter(), "no closing line"
    if killed:
        return counts + Counter(error=1), "a run of the tests before, and an error"
    return counts, "a run without it" if plugin.replaces_line else ""


def _without_plugins(options: Sequence[str]) -> list[str]:
    return [option for option in options if not option.startswith("--")]


def _problems(session: TestSession) -> list[str]:
    """Return what is wrong with the times of the results."""
    second = timedelta(seconds=1)
    earliest, latest = session.session_start_time - second, session.session_stop_time + second
    outside = [r for r in session.test_results if not earliest <= r.start_time <= latest]
    return [f"{len(outside)} results outside the run"] if outside else []


def _unknown_nodeids(
    plugin: Plugin, python: Path, options: tuple[str, ...], session: TestSession
) -> list[str]:
    """Return which results have a nodeid that pytest does not collect."""
    plain = plugin.replaces_line
    given = _without_plugins(options) if plain else ("--no-insight", *options)
    wanted = [option for option in given if option not in ("-v", "-x", *TWO_WORKERS)]
    _, printed = _pytest(plugin, python, "--collect-only", "-q", *wanted, plain=plain)
    collected = {*printed.splitlines(), "test_broken.py", "test_left_out.py"}
    found = {result.nodeid for result in session.test_results} - collected
    return [f"not collected: {', '.join(sorted(found)[:3])}"] if found else []


def _pytest(plugin: Plugin, python: Path, *options: str, plain: bool = False) -> tuple[int, str]:
    """Run pytest on the suite; return its exit status and output."""
    suite = _folder(plugin) / "suite"
    shutil.rmtree(suite, ignore_errors=True)
    suite.mkdir()
    for name, text in ({**COMMON, **plugin.files}).items():
        (suite / name).write_text(text, "utf-8")
    variables = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if plain else {}
    return _run(plugin, [python, *ALWAYS, *options], **variables)


def _run(plugin: Plugin, command: Sequence[str | Path], **variables: str) -> tuple[int, str]:
    home = _folder(plugin) / "home"
    done = run_suite(
        command, _folder(plugin) / "suite", home, SECONDS, XDG_STATE_HOME=str(home), **variables
    )
    return done.returncode, done.stdout


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in sorted(counts)) or "none"


if __name__ == "__main__":
    sys.exit(main())
