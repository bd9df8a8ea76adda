"""`insight compare` with real git repositories and recorded runs, as developers and CI use it."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight
from tests.recording.runs import run

NOW = datetime.now(UTC)
CART = """
import os, pytest
from cart import add, total

def test_add():
    assert add([], "mug") == ["mug"]

@pytest.mark.parametrize("currency", ["eur", "usd"])
def test_total(currency):
    assert total([1, 2], currency) == 3

def test_remove():
    raise TimeoutError("redis")

def test_weather():
    assert not os.environ.get("RAIN")
"""
API = """
def test_login(): pass
def test_logout(): pass
def test_stock(): raise RuntimeError("no stock")
"""
CODE = """
def add(cart, name): return [*cart, name]
def total(prices, currency): return sum(prices)
"""


class Project:
    """A git repository with a suite, whose runs are recorded in this process."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self._monkeypatch = monkeypatch
        self.folder = pytester.path
        self.git("init", "-q", "-b", "main")
        (self.folder / ".gitignore").write_text("__pycache__\n.pytest_insight\n*.json.gz\n")
        self._hours = 100.0

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        command = ["git", *identity, *arguments]
        ran = subprocess.run(
            command, cwd=folder or self.folder, stdout=subprocess.PIPE, text=True, check=True
        )
        return ran.stdout.strip()

    def commit(self, **files: str) -> str:
        """Write files, commit them an hour after what was done before, and return the hash."""
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)
        self._hours -= 1
        when = self.now.isoformat()
        self._monkeypatch.setenv("GIT_COMMITTER_DATE", when)
        self.git("add", ".")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    @property
    def now(self) -> datetime:
        """When the last thing was done."""
        return NOW - timedelta(hours=self._hours)

    def record(self, *options: str, **variables: str) -> TestSession:
        """Record a run, a minute after what was done before."""
        scratch = JSONStorage(self.folder.parent / "scratch.json")
        self._hours -= 1 / 60
        with self._monkeypatch.context() as patch:
            patch.setenv("PYTEST_INSIGHT_DB_PATH", str(scratch.file_path))
            for name, value in variables.items():
                patch.setenv(name, value)
            run(self._pytester, "--insight", "-p", "no:cacheprovider", *options)
        recorded = scratch.load_sessions()[-1]
        by = recorded.session_start_time - self.now
        session = replace(
            recorded,
            session_start_time=self.now,
            session_stop_time=recorded.session_stop_time - by,
            test_results=tuple(
                replace(result, start_time=result.start_time - by)
                for result in recorded.test_results
            ),
        )
        JSONStorage().save_session(session)
        return session


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    pytester.makeini("[pytest]\ntestpaths = .")
    return Project(pytester, monkeypatch)


def changes(insight: Insight, *words: str) -> dict[str, str]:
    found = json.loads(insight("compare", *words, "--format", "json").out)
    return {each["nodeid"].partition("::")[2]: each["change"] for each in found["changes"]}


def test_a_branch_is_compared_with_the_runs_at_the_commit_where_it_left_main(
    project: Project, insight: Insight
) -> None:
    project.commit(cart=CODE, test_cart=CART, test_api=API)
    project.record(RAIN="1")
    project.record()
    project.git("checkout", "-q", "-b", "fix")
    project.commit(
        cart=CODE.replace("sum(prices)", "sum(prices) / None"),
        test_cart=CART.replace('TimeoutError("redis")', 'KeyError("name")'),
        test_api=API.replace('raise RuntimeError("no stock")', "pass").replace("login", "log_in"),
    )
    project.git("checkout", "-q", "main")
    project.commit(test_api=API.replace("login(): pass", "login(): assert 0"))
    project.record()  # main goes on, and breaks a test
    project.git("checkout", "-q", "fix")
    project.record(RAIN="1")
    whole = {
        **{"test_total[eur]": "new-failure", "test_total[usd]": "new-failure"},
        **{"test_remove": "failing-differently", "test_weather": "flaky"},
        **{"test_stock": "fixed", "test_log_in": "renamed"},
    }
    assert changes(insight) == changes(insight, "main") == whole
    insight("compare", "--exit-code", "-k", "total", status=3)
    insight("compare", "--exit-code", "-k", "weather or stock")
    insight("compare", "--exit-code", "--strict", "-k", "weather or stock", status=3)
    lines = insight("compare").out.splitlines()
    assert lines[0].endswith(
        "against main " + project.git("rev-parse", "main~1")[:7] + " (merge base, 2 runs)"
    )

    project.record("-x", "test_cart.py", RAIN="1")
    assert changes(insight) == {"test_total[eur]": "new-failure"}
    assert set(insight("compare").out.splitlines()[-2:]) == {
        "3 tests not compared, not reached: -x before 3 tests",
        "3 tests not compared, not selected: other tests were named",
    }
    (project.folder / "cart.py").write_text(CODE)
    project.git("checkout", "-q", "--detach")
    project.record("-k", "total or stock")
    assert changes(insight) == {"test_stock": "fixed"}
    shown = insight("compare", "--exit-code").out
    assert " + local changes  against main " in shown
    assert "5 tests not compared, deselected: -k total or stock" in shown


def test_shards_are_compared_as_one_run_from_the_files_that_they_exported(
    project: Project, insight: Insight, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the recipe for GitHub Actions does it, which checks out a merge commit."""

    def shards(run_id: str, branch: str, **variables: str) -> list[Path]:
        github = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": run_id, "GITHUB_REF_NAME": branch}
        files = []
        for number, path in enumerate(["test_cart.py", "test_api.py"]):
            project.record(path, GITHUB_JOB="test", **github, **variables)
            files.append(project.folder.parent / f"{branch.replace('/', '-')}-{number}.json.gz")
            insight("export", files[-1], "--session", "last")
        return files

    project.commit(cart=CODE, test_cart=CART, test_api=API)
    main = shards("101", "main")
    project.git("checkout", "-q", "-b", "fix")
    project.commit(
        cart=CODE.replace("sum(prices)", "sum(prices) / None"),
        test_api=API.replace("no stock", "no stock, ever"),
    )
    project.git("checkout", "-q", "main")
    project.git("checkout", "-q", "--detach")
    project.git("merge", "-q", "--no-ff", "-m", "merged", "fix")
    branch = shards("102", "7/merge", GITHUB_HEAD_REF="fix")

    other = project.folder.parent / "compared"
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(other))
    insight("import", *main, *branch)
    expected = {
        **{"test_total[eur]": "new-failure", "test_total[usd]": "new-failure"},
        **{"test_stock": "failing-differently", "test_remove": "still-failing"},
    }
    assert changes(insight) == changes(insight, "101", "102") == expected
    assert insight("compare").out.splitlines()[1].startswith("  8 tests: 2 new failures,")
    assert changes(insight, "--base-session", "--only", "failing-differently") == {
        "test_stock": "failing-differently"
    }

    clone = project.folder.parent / "clone"
    project.git("clone", "-q", "--depth", "1", f"file://{project.folder}", str(clone))
    monkeypatch.chdir(clone)
    sut = ("--sut", "*")
    assert changes(insight, *sut) == expected
    assert "the clone is shallow" in insight("compare", *sut).out
    monkeypatch.setenv("PATH", "")
    assert changes(insight, *sut) == expected
    assert "git is not on the PATH" in insight("compare", *sut).out


def test_files_are_sides(project: Project, insight: Insight) -> None:
    project.commit(cart=CODE, test_cart=CART)
    project.record()
    insight("export", "main.json.gz")
    project.commit(cart=CODE.replace("sum(prices)", "sum(prices) / None"))
    project.record()
    expected = {
        **{"test_total[eur]": "new-failure", "test_total[usd]": "new-failure"},
        "test_remove": "still-failing",
    }
    assert changes(insight, "main.json.gz") == expected
    insight("export", "all.json.gz")
    assert changes(insight, "all.json.gz") == expected  # the head's own run does not count
    insight("export", "now.json", "--session", "last")
    assert changes(insight, "main.json.gz", "now.json") == expected
