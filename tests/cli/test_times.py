"""What `--since`, `--until` and `--commit` take: times, days, ages, and what git knows."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_insight.cli.options.times import parse_time
from pytest_insight.models import CodeState
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight
from tests.conftest import MakeSession


@pytest.fixture
def local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """UTC+2 in summer, UTC+1 in winter; the clocks change on 25 October 2026."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="sets the local time zone")
@pytest.mark.usefixtures("local_zone")
@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("now", "10-31 08:30", "10-31 08:30"),
        ("today", "10-30 23:00", "10-31 22:59:59.999999"),
        ("Yesterday", "10-29 23:00", "10-30 22:59:59.999999"),
        ("saturday", "10-23 22:00", "10-24 21:59:59.999999"),  # today is Saturday
        ("last  sun", "10-24 22:00", "10-25 22:59:59.999999"),  # a day of 25 hours
        ("3 hours ago", "10-31 05:30", "10-31 05:30"),
        ("an.hour.ago", "10-31 07:30", "10-31 07:30"),
        ("2 weeks", "10-17 08:30", "10-17 08:30"),
        ("last week", "10-24 08:30", "10-24 08:30"),
        ("1 month ago", "09-30 07:30", "09-30 07:30"),  # 30 September, at the same local time
        ("90m", "10-31 07:00", "10-31 07:00"),
        ("2026-10-25", "10-24 22:00", "10-25 22:59:59.999999"),
        ("2026-10-25T08:00", "10-25 07:00", "10-25 07:00"),
        ("2026-10-25T08:00Z", "10-25 08:00", "10-25 08:00"),
    ],
)
def test_days_are_local_and_ages_count_from_now(text: str, since: str, until: str) -> None:
    now = datetime(2026, 10, 31, 9, 30).astimezone()  # 08:30 in UTC
    for expected, end in ((since, False), (until, True)):
        wanted = datetime.fromisoformat(f"2026-{expected}").replace(tzinfo=UTC)
        assert parse_time(text, now, end=end) == wanted


@pytest.mark.parametrize("text", ["soon", "3 fortnights ago", "ago", "mo", "5", "v0.1", ""])
def test_what_is_no_time_may_be_a_commit(text: str) -> None:
    assert parse_time(text, datetime.now(UTC)) is None


def test_an_age_before_the_calendar_is_its_first_moment() -> None:
    first = datetime.min.replace(tzinfo=UTC)
    for text in ("999999 years ago", "999999 weeks ago", "999999999w"):
        assert parse_time(text, datetime(2026, 10, 31, tzinfo=UTC)) == first


@pytest.fixture
def commits(make_session: MakeSession) -> list[str]:
    """The hashes of two commits in a repository in the current folder; each has a session.

    The first has the tag `v0.1` and is from 1 November 2026, the second from 5 November.
    """
    found = []
    subprocess.run(["git", "init", "-q", "-b", "main"], check=True)
    for number, day in enumerate((1, 5)):
        dates = dict.fromkeys(("GIT_COMMITTER_DATE", "GIT_AUTHOR_DATE"), f"2026-11-0{day}T12:00Z")
        who = ("-c", "user.name=x", "-c", "user.email=x@localhost")
        what = ("-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", "x")
        subprocess.run(["git", *who, *what], check=True, env=os.environ | dates)
        if not number:
            subprocess.run(["git", "tag", "v0.1"], check=True)
        ran = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True)
        found.append(ran.stdout.decode().strip())
        JSONStorage().save_session(
            make_session(
                number,
                session_id=f"s{number}",
                session_start_time=datetime(2026, 11, day, 13, tzinfo=UTC),
                code_state=CodeState(found[-1], "main"),
            )
        )
    return found


def test_git_says_which_commit_is_meant_and_when_it_was(
    insight: Insight, commits: list[str]
) -> None:
    def listed(*options: str) -> str:
        return insight("sessions", "list", "--format", "csv", *options).out

    both, second = listed("-A"), listed("-A", "--session", "s1")
    assert listed("-A", "--commit", "HEAD") == second != both
    assert listed("-A", "--commit", "main") == listed("-A", "--commit", commits[1][:7]) == second
    first = listed("-A", "--commit", "v0.1")
    assert first == listed("-A", "--commit", "HEAD~1") == listed("-A", "--session", "s0")
    assert listed("-A", "--since", "v0.1") == both
    assert listed("-A", "--since", "HEAD") == second
    assert listed("-A", "--until", "main") == first


def test_a_hash_prefix_in_the_store_is_meant_before_a_tag_of_that_name(
    insight: Insight, commits: list[str]
) -> None:
    for name in (commits[1][:5], "abcde"):  # the second is no commit that was tested
        subprocess.run(["git", "tag", name, "v0.1"], check=True)
        out = insight("sessions", "list", "-A", "--format", "csv", "--commit", name).out
        assert ("s1" in out, "s0" in out) == (name != "abcde", name == "abcde")


@pytest.mark.parametrize("name", ["HEAD~9", "nosuch", "--all", "HEAD^{tree}", "a..b"])
def test_what_git_does_not_know_is_refused(insight: Insight, commits: list[str], name: str) -> None:
    said = insight("sessions", "list", f"--commit={name}", status=2).err
    assert f"git knows no commit {name!r} in this folder" in said
    assert (
        "git knows in this folder, not"
        in insight(*("sessions", "list", f"--since={name}"), status=2).err
    )


def test_without_a_repository_git_knows_no_commit(
    insight: Insight, store: JSONStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    said = insight("query", "tests", "--commit", "HEAD", status=2).err
    assert "4 or more digits of a hash" in said
    monkeypatch.setenv("PATH", str(tmp_path))  # no git at all
    assert insight("query", "tests", "--commit", "HEAD", status=2).err == said
