"""Which code was tested: the commit, the branch, and a digest of what is not committed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_insight.models import CodeState
from pytest_insight.recording.facts import git as git_facts
from pytest_insight.recording.facts.git import UNKNOWN, GitProbe
from pytest_insight.storage import JSONStorage
from tests.recording.runs import run

PATIENT = 30.0  # seconds; a machine may be slow, and the wait ends with git


def git(folder: Path, *arguments: str) -> str:
    config = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.com",
        "-c",
        "protocol.file.allow=always",
    ]
    done = subprocess.run(
        ["git", *who, "-C", str(folder), *arguments],
        env={**os.environ, **config},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def repository(folder: Path) -> Path:
    """A repository with one commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main", ".")
    (folder / "module.py").write_text("x = 1\n")
    (folder / "data.bin").write_bytes(b"\0" * 100)
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo")


def probed(folder: Path, *not_code: Path, branch: str = "") -> CodeState:
    probe = GitProbe(folder, not_code, branch)
    state = probe.state(PATIENT)
    assert state is not None
    return CodeState(**state)


def digest(folder: Path, *not_code: Path) -> str | None:
    return probed(folder, *not_code).digest


def test_a_clean_tree_has_a_commit_and_a_branch_and_no_digest(repo: Path) -> None:
    assert probed(repo) == CodeState(git(repo, "rev-parse", "HEAD"), "main", None)


def write(name: str, content: bytes, mode: int = 0o644) -> Callable[[Path], None]:
    def change(repo: Path) -> None:
        (repo / name).write_bytes(content)
        (repo / name).chmod(mode)

    return change


def staged(repo: Path) -> None:
    (repo / "module.py").write_text("x = 4\n")
    git(repo, "add", ".")


def renamed(repo: Path) -> None:
    git(repo, "mv", "module.py", "moved.py")


def nested(repo: Path) -> None:
    repository(repo / "nested")


CHANGES: dict[str, Callable[[Path], None]] = {
    "tracked": write("module.py", b"x = 2\n"),
    "tracked otherwise": write("module.py", b"x = 3\n"),
    "binary": write("data.bin", b"\0" * 99 + b"\1"),
    "binary otherwise": write("data.bin", b"\0" * 99 + b"\2"),
    "mode": write("module.py", b"x = 1\n", 0o755),
    "deleted": lambda repo: (repo / "module.py").unlink(),
    "staged": staged,
    "renamed": renamed,
    "untracked": write("new.py", b"1"),
    "untracked otherwise": write("new.py", b"2"),
    "untracked elsewhere": write("other.py", b"1"),
    "untracked executable": write("new.py", b"1", 0o755),
    "untracked empty": write("new.py", b""),
    "untracked odd name": write("a\n\"b' \u00fc.py", b"1"),
    "untracked no UTF-8": write("\udcff.py", b"1"),
    "link to nowhere": lambda repo: (repo / "link").symlink_to("nowhere"),
    "link to a folder": lambda repo: (repo / "link").symlink_to("/"),
    "nested repository": nested,
}


def test_every_change_has_a_digest_of_its_own(repo: Path) -> None:
    found: dict[str | None, str] = {None: "clean"}
    for name, change in CHANGES.items():
        change(repo)
        taken = digest(repo)
        assert taken == digest(repo), name
        assert taken != UNKNOWN, name
        assert taken not in found, (name, found.get(taken))
        found[taken] = name
        git(repo, "reset", "-q", "--hard")
        git(repo, "clean", "-ffdq")
    assert digest(repo) is None


def test_staging_a_change_does_not_make_it_another_one(repo: Path) -> None:
    (repo / "module.py").write_text("x = 2\n")
    before = digest(repo)
    git(repo, "add", ".")
    assert digest(repo) == before


def test_touching_a_file_is_no_change(repo: Path) -> None:
    os.utime(repo / "module.py", (1, 1))
    assert digest(repo) is None
    (repo / "new.py").write_text("1")
    before = digest(repo)
    os.utime(repo / "new.py", (1, 1))
    assert digest(repo) == before


def test_what_a_run_writes_is_no_change(repo: Path) -> None:
    (repo / "ignored").write_text("1")
    for name in ("__pycache__", "package/__pycache__", ".pytest_cache"):
        (repo / name).mkdir(parents=True)
        (repo / name / "code.cpython-311.pyc").write_bytes(b"1")
    (repo / "old.pyc").write_bytes(b"1")
    assert digest(repo) is None


def test_our_own_files_are_no_code(repo: Path) -> None:
    home, store = repo / "*home", repo / "sub" / "store.json"
    for file in (home / "journal" / "x.jsonl", store):
        file.parent.mkdir(parents=True)
        file.write_text("{}")
    assert digest(repo) is not None
    assert digest(repo, home, store) is None
    (repo / "new.py").touch()
    assert digest(repo, home, store) is not None
    # A home that is the whole working tree, or lies outside of it, hides nothing.
    assert digest(repo, repo, repo.parent) is not None


def test_a_store_in_the_working_tree_changes_nothing_from_run_to_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(pytester.path)
    (pytester.path / ".git" / "info" / "exclude").write_text(
        "/std*\n/runpytest*\n"
    )  # pytester's own
    pytester.makepyfile("def test_it(): pass")
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", str(pytester.path / "history.json"))
    for _ in range(2):
        run(pytester, "--insight")
    first, second = JSONStorage(pytester.path / "history.json").load_sessions()
    assert first.code_state is not None
    assert first.code_state.digest not in (None, UNKNOWN)
    assert first.code_state == second.code_state


def test_the_tests_may_be_in_a_folder_of_the_repository(repo: Path) -> None:
    sub = repo / "packages" / "a b"
    sub.mkdir(parents=True)
    (sub / "new.py").write_text("1")
    below = digest(sub)
    assert below == digest(repo)
    (repo / "new.py").write_text("1")
    assert digest(sub) != below


def test_settings_of_the_user_hide_no_change(repo: Path) -> None:
    sub = repo / "sub"
    sub.mkdir()
    for name, value in {
        "diff.relative": "true",
        "diff.external": "true",
        "diff.text.textconv": "true",
        "diff.noprefix": "true",
        "color.ui": "always",
        "status.showUntrackedFiles": "no",
    }.items():
        git(repo, "config", name, value)
    (repo / ".gitattributes").write_text("*.py diff=text\n")
    before = digest(sub)
    (repo / "module.py").write_text("x = 2\n")
    after = digest(sub)
    (repo / "module.py").write_text("x = 3\n")
    assert len({before, after, digest(sub)}) == 3


def test_a_change_in_a_submodule_is_one(repo: Path, tmp_path: Path) -> None:
    other = repository(tmp_path / "other")
    git(repo, "submodule", "--quiet", "add", str(other), "sub")
    git(repo, "commit", "-q", "-m", "submodule")
    assert digest(repo) is None
    digests = set()
    for content in ("x = 2\n", "x = 3\n"):
        (repo / "sub" / "module.py").write_text(content)
        digests.add(digest(repo))
    assert len(digests - {None, UNKNOWN}) == 2
    git(repo / "sub", "checkout", "-q", ".")
    (repo / "sub" / "new.py").write_text("1")
    assert digest(repo) == UNKNOWN  # git does not say what is new in there
    assert digest(repo / "sub") not in (None, UNKNOWN)


def test_a_repository_without_a_commit_has_its_branch(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "begin", ".")
    assert probed(tmp_path) == CodeState(None, "begin", UNKNOWN)


def test_a_detached_head_has_the_branch_that_the_ci_service_says(repo: Path) -> None:
    git(repo, "checkout", "-q", "--detach")
    assert probed(repo) == CodeState(git(repo, "rev-parse", "HEAD"), None, None)
    assert probed(repo, branch="feature/pay").branch == "feature/pay"
    git(repo, "checkout", "-q", "main")
    assert probed(repo, branch="feature/pay").branch == "main"


def test_a_linked_working_tree_is_one(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "-b", "beside", str(tmp_path / "beside"))
    assert probed(tmp_path / "beside").branch == "beside"


def test_the_hook_of_another_repository_does_not_mislead(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = repository(tmp_path / "other")
    git(other, "checkout", "-q", "-b", "another")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert probed(repo).branch == "main"


def test_untracked_files_are_read_only_so_far(repo: Path) -> None:
    large = repo / "large.bin"
    with large.open("wb") as file:
        file.truncate(1 << 40)  # a sparse file of a terabyte: reading it would take hours
    os.utime(large, (1, 1))
    before = digest(repo)
    assert before not in (None, UNKNOWN)
    assert digest(repo) == before
    os.utime(large, (2, 2))
    assert digest(repo) != before


def test_of_very_many_untracked_files_the_digest_is_unknown(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_facts, "MAX_FILES", 3)
    for number in range(3):
        (repo / f"new{number}").touch()
    assert digest(repo) not in (None, UNKNOWN)
    (repo / "new3").touch()
    assert digest(repo) == UNKNOWN


def test_all_untracked_files_together_are_read_only_so_far(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_facts, "MAX_ALL", 5)
    (repo / "new1").write_text("1234")
    (repo / "new2").write_text("1234")
    for name in ("new1", "new2"):
        os.utime(repo / name, (1, 1))
    before = digest(repo)
    (repo / "new2").write_text("4321")
    os.utime(repo / "new2", (1, 1))
    assert digest(repo) == before  # not read: the first one took what may be read
    (repo / "new1").write_text("4321")
    assert digest(repo) != before


def test_what_tests_do_to_untracked_files_is_not_the_code_that_was_tested(repo: Path) -> None:
    (repo / "new.py").write_text("1")
    expected = digest(repo)
    probe = GitProbe(repo)
    probe._asked["names"][0].wait(PATIENT)
    probe.look()
    (repo / "new.py").write_text("2")
    (repo / "newer.py").write_text("2")
    state = probe.state(PATIENT)
    assert state is not None
    assert state["digest"] == expected
