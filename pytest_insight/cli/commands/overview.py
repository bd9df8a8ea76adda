"""`insight` without a command: where the history is, what is in it, and what to do next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_insight.cli.render.outcomes import outcomes_text
from pytest_insight.cli.render.store import has_sessions
from pytest_insight.cli.render.values import age_text, plural
from pytest_insight.cli.terminal.output import print_styled
from pytest_insight.cli.terminal.styled import styled

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

NEXT = (
    ("insight sessions list", "the newest runs"),
    ("insight sessions show", "the last run, with what failed in it"),
    ("insight query tests --outcome failed", "every recorded failure"),
    ("insight --help", "everything else"),
)
FIRST = (
    ("pytest --insight", "record a run"),
    ("insight import FILE", "import sessions of another machine"),
    ("insight --help", "everything else"),
)


def print_overview(storage: BaseStorage) -> None:
    """Print a few lines on stdout."""
    named = f"profile {storage.profile_name}, " if storage.profile_name else ""
    where = f"{named}{storage.location}"
    last = storage.get_last_session()
    if last is None:
        none = "no session with results" if has_sessions(storage) else "no sessions"
        print_styled(styled(f"{none} yet in {where}: run pytest --insight"))
        _print_steps(FIRST)
        return
    now = datetime.now(UTC)
    age = age_text(last.session_start_time, now)
    when = f"{age} ago" if last.session_start_time <= now else "in the future"
    print_styled(styled(f"{plural(storage.count(), 'session')} in {where}"))
    print_styled(styled(f"the last one, {last.session_id}, {when}: ", outcomes_text(last)))
    _print_steps(NEXT)


def _print_steps(steps: tuple[tuple[str, str], ...]) -> None:
    widest = max(len(command) for command, _ in steps)
    print_styled(styled(""))
    for command, what in steps:
        print_styled(styled(f"  {command:{widest}}  ", styled(what, style="dim")))
