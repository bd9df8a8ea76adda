"""A git that is missing, refuses, hangs or is killed does not affect the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_insight.locations import display_path
from pytest_insight.models import CodeState
from pytest_insight.recording.facts.git import UNKNOWN, GitProbe
from pytest_insight.storage import JSONStorage
from tests.recording.runs import last_session, run
from tests.recording.test_git_facts import PATIENT, git, repo, repository
from tests.tools import tool

__all__ = ["repo"]
COMMIT = "1a2b3c4d5e" * 4


def test_without_a_repository_nothing_is_known(tmp_path: Path) -> None:
    assert GitProbe(tmp_path).state(PATIENT) is None
    assert GitProbe(tmp_path / "missing").state(PATIENT) is None
    assert GitProbe(tmp_path, branch="main").state(PATIENT) == {
        "branch": "main",
        "digest": UNKNOWN,
    }


def test_without_git_only_what_the_ci_service_says_is_known(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repo))
    assert GitProbe(repo).state(PATIENT) is None
    probe = GitProbe(repo, branch="main", commit=COMMIT)
    assert probe.state(PATIENT) == {"commit": COMMIT, "branch": "main", "digest": UNKNOWN}
    assert probe.refusal == ""


def test_without_a_place_for_answers_nothing_is_known(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(repo / "missing"))
    assert GitProbe(repo).state(PATIENT) is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give")
@pytest.mark.parametrize("in_ci", [True, False])
def test_if_git_refuses_the_repository_of_another_user_the_commit_is_that_of_the_ci_service(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, in_ci: bool
) -> None:
    repository(pytester.path)
    for path in (pytester.path, pytester.path / ".git"):
        os.chown(path, 12345, 12345)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GITLAB_CI", "true" if in_ci else "")
    monkeypatch.setenv("CI_COMMIT_SHA", COMMIT)
    monkeypatch.setenv("CI_COMMIT_BRANCH", "feature")
    pytester.makepyfile("def test_it(): pass")
    ran = run(pytester, "--insight")
    code = last_session().code_state
    assert code == (CodeState(COMMIT, "feature", UNKNOWN) if in_ci else None)
    shown = display_path(pytester.path)
    ran.stdout.fnmatch_lines(
        [
            f"insight: git refuses {shown}, which belongs to another user (trust it with: "
            f"git config --global --add safe.directory {shown}): the commit of this run is "
            f"{'that of the CI service' if in_ci else 'unknown'}"
        ]
    )


def test_the_commit_of_the_ci_service_stands_in_for_no_other(repo: Path, tmp_path: Path) -> None:
    commit = git(repo, "rev-parse", "HEAD")
    probe = GitProbe(repo, commit=COMMIT)
    assert probe.state(PATIENT) == {"commit": commit, "branch": "main"}
    assert probe.refusal == ""
    (repo / ".git" / "HEAD").write_text("broken")
    probe = GitProbe(repo, commit=COMMIT)
    assert probe.state(PATIENT) == {"commit": COMMIT, "digest": UNKNOWN}
    assert probe.refusal == f"git cannot read the repository {repo}"


def slow_git(folder: Path, monkeypatch: pytest.MonkeyPatch, only: str = "") -> Path:
    """Put a git on the PATH that hangs, if `only` is given in that command only."""
    real = shutil.which("git")
    folder.mkdir()
    script = folder / "git"
    script.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *"{only}"*) echo $$ >> {folder}/pids; sleep 1000; exit;; esac\n'
        f'exec {real} "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder / "pids"


def alive(group: str) -> bool:
    """Return whether a process of the group runs; a zombie does not."""
    ps = [tool("ps"), "-eo", "pgid=,stat="]
    lines = subprocess.run(ps, capture_output=True, text=True, check=True).stdout.splitlines()
    return any(line.split()[0] == group and line.split()[1][0] != "Z" for line in lines)


def test_a_git_that_hangs_is_not_waited_for_and_not_left_behind(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(pytester.path)
    pids = slow_git(tmp_path / "bin", monkeypatch)
    pytester.makepyfile("def test_it(): pass")
    ran = run(pytester, "--insight", "-W", "error")
    ran.assert_outcomes(passed=1)
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["insight: saved 1 result as *"])
    (session,) = JSONStorage().load_sessions()
    assert session.code_state is None
    groups = pids.read_text().split()
    assert len(groups) == 4
    for group in groups:  # the script and its sleep
        assert not alive(group)


def test_a_slow_diff_costs_only_the_digest(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git(repo, "rev-parse", "HEAD")
    slow_git(tmp_path / "bin", monkeypatch, only=" diff ")
    probe = GitProbe(repo)
    for name in ("commit", "branch", "names"):
        probe._asked[name][0].wait(PATIENT)
    assert probe.state(0.0) == {
        "commit": commit,
        "branch": "main",
        "digest": UNKNOWN,
    }


def test_a_run_that_never_starts_leaves_no_git_behind(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(pytester.path)
    pids = slow_git(tmp_path / "bin", monkeypatch)
    pytester.makeconftest(
        "import pytest, time, pathlib\n"
        "def pytest_sessionstart():\n"
        f"    while len(pathlib.Path({str(pids)!r}).read_text().split()) < 4: time.sleep(0.01)\n"
        "    pytest.exit('no', returncode=9)\n"
    )
    assert run(pytester, "--insight").ret == 9
    for group in pids.read_text().split():
        assert not alive(group)


def test_ctrl_c_is_for_the_tests_and_not_for_git(repo: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "from pytest_insight.recording.facts.git import GitProbe\n"
        "probe = GitProbe(pathlib.Path(sys.argv[1]))\n"
        "print({os.getpgid(p.pid) for p, _ in probe._asked.values()} & {os.getpgrp()})\n"
        "probe.close()\n"
    )
    command = [sys.executable, "-c", script, str(repo)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_commit_and_the_branch_are_recorded(pytester: pytest.Pytester) -> None:
    repository(pytester.path)
    pytester.makepyfile("def test_it(): pass")
    run(pytester, "--insight")
    code = last_session().code_state
    assert code is not None
    assert (code.commit, code.branch) == (git(pytester.path, "rev-parse", "HEAD"), "main")


def test_a_run_is_recorded_if_git_is_not_installed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(pytester.path)
    pytester.makepyfile("def test_it(): pass")
    monkeypatch.setenv("PATH", os.devnull)
    run(pytester, "--insight")
    assert last_session().code_state is None
