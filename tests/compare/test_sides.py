"""What the sides of a comparison mean: sessions, branches, commits, files; and real git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pytest_insight import compare, query
from pytest_insight.compare import Compare, SideKind
from pytest_insight.errors import ExchangeError, InvalidArgumentError, StorageError
from pytest_insight.filters import StartedBetween
from pytest_insight.models import TestSession
from pytest_insight.storage import (
    InMemoryStorage,
    JSONStorage,
    PostgreSQLStorage,
    SQLiteStorage,
    create_profile,
)
from pytest_insight.storage.functions import get_storage_instance
from tests.compare.sessions import changes, session, store
from tests.postgresql import Server

Git = Callable[..., str]
TESTS = {"a": ".", "b": "F"}
NUMBERS = count()
"""Commits of one second with one message would be the same."""


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch) -> Git:
    """Runs git in the current folder, which is a repository with a commit on main."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@b.c")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

    def run(*arguments: str) -> str:
        done = subprocess.run(("git", *arguments), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "-q", "-b", "main")
    commit(run)
    return run


def commit(git: Git) -> str:
    """The hash of a new commit."""
    git("commit", "-q", "--allow-empty", "-m", f"commit {next(NUMBERS)}")
    return git("rev-parse", "HEAD")


def sides(asked: Compare) -> tuple[list[str], list[str]]:
    """The IDs of the sessions of the base and of the head."""
    found = asked.execute()
    return (
        [each.session_id for each in found.base.sessions],
        [each.session_id for each in found.head.sessions],
    )


def on(*sessions: TestSession) -> Compare:
    return Compare(storage=store(*sessions))


# With git ---------------------------------------------------------------------------------------


def test_the_default_base_is_the_default_branch_where_the_heads_branch_left_it(git: Git) -> None:
    first, second = git("rev-parse", "HEAD"), commit(git)
    git("checkout", "-q", "-b", "feature")
    own = commit(git)
    git("checkout", "-q", "main")
    later = commit(git)
    asked = on(
        session(0, TESTS, commit=first),
        session(1, TESTS, commit=second),
        session(2, TESTS, commit=later),
        session(3, TESTS, commit=second, digest="d"),
        session(4, TESTS, commit=own, branch="feature"),
    )
    found = asked.execute()
    assert (found.base.kind, found.base.commit, found.base.note) == ("merge base", second, "")
    assert sides(asked) == (["s0", "s1"], ["s4"])
    assert sides(asked.against("main")) == (["s0", "s1"], ["s4"])
    assert sides(asked.with_base_session()) == (["s1"], ["s4"])


def test_the_nearest_ancestor_with_a_session_is_taken_and_said(git: Git) -> None:
    first = git("rev-parse", "HEAD")
    base = [commit(git) for _ in range(2)][-1]
    git("checkout", "-q", "-b", "feature")
    found = on(
        session(0, TESTS, commit=first), session(1, TESTS, commit=commit(git), branch="feature")
    ).execute()
    assert found.base.commit == first
    expected = f"no session at the merge base, {base[:7]}: the nearest is 2 commits before it"
    assert found.base.note == expected


def test_a_merge_of_the_default_branch_moves_the_merge_base(git: Git) -> None:
    first = git("rev-parse", "HEAD")
    git("checkout", "-q", "-b", "feature")
    commit(git)
    git("checkout", "-q", "main")
    merged = commit(git)
    git("checkout", "-q", "feature")
    git("merge", "-q", "-m", "m", "main")
    head = git("rev-parse", "HEAD")
    found = on(
        session(0, TESTS, commit=first),
        session(1, TESTS, commit=merged),
        session(2, TESTS, commit=head, branch="feature"),
    ).execute()
    assert (found.base.commit, found.base.note) == (merged, "")


def test_a_head_on_the_default_branch_is_compared_with_the_commit_before(git: Git) -> None:
    first, second = git("rev-parse", "HEAD"), commit(git)
    sessions = [
        session(0, TESTS, commit=first),
        session(1, TESTS, commit=second),
        session(2, TESTS, commit=second),
    ]
    assert sides(on(*sessions)) == (["s0"], ["s2"])
    changed = session(3, TESTS, commit=second, digest="d")
    assert sides(on(*sessions, changed)) == (["s0", "s1", "s2"], ["s3"])


def test_a_detached_head_is_placed_by_its_commit(git: Git) -> None:
    first, second = git("rev-parse", "HEAD"), commit(git)
    git("checkout", "-q", "-b", "feature")
    own = commit(git)
    git("checkout", "-q", "--detach")
    main = [session(0, TESTS, commit=first), session(1, TESTS, commit=second)]
    assert sides(on(*main, session(2, TESTS, commit=own, branch=None))) == (["s0", "s1"], ["s2"])
    assert sides(on(*main, session(2, TESTS, commit=second, branch=None))) == (["s0"], ["s2"])


def test_an_unknown_commit_is_compared_with_the_newest_sessions_before_it_and_said(
    git: Git,
) -> None:
    rewritten = session(2, TESTS, commit="f" * 40, branch="feature")
    later = session(3, TESTS, commit=git("rev-parse", "HEAD"))
    found = on(session(1, TESTS, commit=git("rev-parse", "HEAD")), rewritten, later).of("s2")
    assert sides(found) == (["s1"], ["s2"])
    assert found.execute().base.note == (
        "git does not know fffffff here; it was rewritten, or is not fetched: the newest sessions "
        "of main before the head"
    )


def test_a_detached_head_on_main_says_that_main_has_no_run_of_another_commit(git: Git) -> None:
    first = git("rev-parse", "HEAD")
    asked = on(session(1, TESTS, commit=first), session(2, TESTS, commit=first, branch=None))
    with pytest.raises(InvalidArgumentError, match="of main before s2 is of another commit"):
        asked.against("main").execute()
    assert asked.execute().base.note.startswith("main has no session of another commit before")


def test_it_is_said_that_git_is_missing_or_has_no_repository_here(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git("rev-parse", "HEAD")
    old, own = session(1, TESTS, commit=commit), session(2, TESTS, commit=commit, branch="feature")
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    lost = on(old, own).execute().base.note
    assert lost.startswith("git finds no repository here, or may not read it (safe.directory): ")
    monkeypatch.setenv("PATH", str(outside))
    assert on(old, own).execute().base.note.startswith("git is not on the PATH: ")


def test_it_is_said_that_the_last_run_is_not_of_the_commit_that_is_checked_out(git: Git) -> None:
    first = git("rev-parse", "HEAD")
    git("checkout", "-q", "-b", "feature")
    own = commit(git)
    asked = on(session(1, TESTS, commit=first), session(2, TESTS, commit=own, branch="feature"))
    assert asked.execute().head.note == ""
    broken = commit(git)
    said = f"the last run is not of {broken[:7]}, which is checked out"
    assert asked.execute().head.note == said
    assert asked.of("s2").execute().head.note == ""  # it was asked for
    elsewhere = session(2, TESTS, commit="f" * 40, branch="feature")  # of another repository
    assert on(session(1, TESTS, commit=first), elsewhere).execute().head.note == ""


def test_a_shallow_clone_says_that_it_is_one(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = git("rev-parse", "HEAD")
    git("checkout", "-q", "-b", "feature")
    head = commit(git)
    git("checkout", "-q", "main")
    clone = tmp_path / "clone"
    git("clone", "-q", "--depth=1", "-b", "feature", Path.cwd().as_uri(), str(clone))
    monkeypatch.chdir(clone)
    found = on(
        session(0, TESTS, commit=base), session(1, TESTS, commit=head, branch="feature")
    ).execute()
    assert found.base.commit == base
    assert found.base.note.startswith("the clone is shallow")


def test_a_tag_and_an_expression_of_git_are_commits(git: Git) -> None:
    first = git("rev-parse", "HEAD")
    git("tag", "v1")
    git("tag", "-a", "-m", "x", "v2")
    second = commit(git)
    asked = on(
        session(0, TESTS, commit=first, branch="x"), session(1, TESTS, commit=second, branch="x")
    )
    for name in ("v1", "v2", "HEAD~1", first, first[:7]):
        found = asked.against(name).execute()
        assert (found.base.kind, found.base.commit) == (SideKind.COMMIT, first), name
    commit(git)
    assert sides(asked.against("v1").of("HEAD")) == (["s0"], ["s1"])
    assert "the nearest is 1 commit before it" in asked.against("v1").of("HEAD").execute().head.note
    git("checkout", "-q", "--orphan", "new")
    commit(git)
    with pytest.raises(InvalidArgumentError, match="nor of a commit before it"):
        asked.against("HEAD").execute()


# Without git ------------------------------------------------------------------------------------


def test_without_git_the_sessions_of_the_default_branch_before_the_head_are_taken() -> None:
    asked = on(session(0, TESTS), session(1, TESTS), session(2, TESTS, branch="feature"))
    assert sides(asked) == (["s0", "s1"], ["s2"])
    assert "the newest sessions of main before the head" in asked.execute().base.note


def test_without_a_default_branch_the_last_green_session_is_taken_else_the_last() -> None:
    green = {"a": ".", "b": "."}
    sessions = [
        session(0, green, branch=None),
        session(1, {"a": "."}, branch=None),
        session(2, TESTS, branch=None),
        session(3, {}, branch=None),
        session(4, {"a": "F", "b": "F", "c": "."}, branch=None),
        session(5, {}, branch=None),
    ]
    found = on(*sessions)
    assert sides(found) == (["s0"], ["s4"])
    assert found.execute().base.note == (
        "no default branch is known: the last session without failures"
    )
    assert sides(on(*sessions[1:])) == (["s2"], ["s4"])
    assert "the last one" in on(*sessions[1:]).execute().base.note


def test_a_composite_base_has_at_most_20_sessions_of_14_days() -> None:
    head = session(60, TESTS, branch="feature")
    many = [session(n, TESTS) for n in range(30)]
    base, _ = sides(on(*many, head).against("main"))
    assert base == [f"s{n}" for n in range(10, 30)]
    old = session(-15 * 24, TESTS | {"c": "."})
    found = on(old, session(1, TESTS), head).against("main").execute()
    assert [each.session_id for each in found.base.sessions] == ["s1"]


def test_the_sides_can_be_sessions_spans_runs_queries_and_profiles() -> None:
    ci: dict[str, Any] = {"testing_system": {"ci": {"run_id": "77"}}}
    shards = [session(n, {f"t{n}": ".", "a": "."}, **ci) for n in (4, 5)]
    sessions = [session(0, TESTS, session_id="shop-20261101-abcd1234"), session(1, TESTS), *shards]
    asked = on(*sessions)
    assert sides(asked.against("last~1").of("last")) == (["s4"], ["s5"])
    for name in ("shop-20261101-abcd1234", "shop-2026", "abcd1234"):
        assert sides(asked.against(name).of("s1")) == (["shop-20261101-abcd1234"], ["s1"])
    assert sides(asked.against("s1").of("77")) == (["s1"], ["s4", "s5"])
    assert sides(asked.against("s1").of_run("last")) == (["s1"], ["s4", "s5"])
    assert sides(asked.against("s1")) == (["s1"], ["s4", "s5"])
    assert sides(asked.against("4d").of("s1")) == (["shop-20261101-abcd1234"], ["s1"])
    storage = asked.open_storage()
    every = query.on_storage(storage)
    found = every.latest().compare_to(every.with_session_id_pattern("s1"))
    assert (found.base.kind, found.head.kind) == ("query", "query")
    create_profile("other", "json", "other.json")
    get_storage_instance(profile_name="other").save_sessions(sessions[:2])
    assert sides(asked.against("other").of("s5"))[0] == ["shop-20261101-abcd1234", "s1"]
    assert sides(asked.against("s1").of("other")) == (["s1"], ["s1"])


def test_files_are_sides(tmp_path: Path) -> None:
    storage = store(session(0, TESTS), session(1, {"a": "F", "b": "."}))
    for name, ids in (("base.json", ["s0"]), ("head.csv", ["s1"])):
        storage.export_sessions(tmp_path / name, session_ids=ids)
    files = [str(tmp_path / name) for name in ("base.json", "head.csv")]
    found = Compare(storage=InMemoryStorage()).against(files[0]).of(files[1]).execute()
    assert changes(found) == {"a": "new-failure", "b": "fixed"}
    assert (found.base.kind, found.base.title) == ("file", files[0])


JUNIT = """<testsuites><testsuite name="web" timestamp="{day}T10:00:00"><testcase classname="t"
name="a">{a}</testcase><testcase classname="t" name="b"/></testsuite></testsuites>"""


def test_reports_of_other_programs_are_sides_in_any_folder() -> None:
    for name, day, a in (("x..y.xml", 1, ""), ("new.xml", 2, "<failure message='no'/>")):
        Path(name).write_text(JUNIT.format(day=f"2026-11-0{day}", a=a))
    asked = Compare(storage=InMemoryStorage()).against("x..y.xml").of("new.xml")
    assert list(changes(asked.execute()).values()) == ["new-failure"]
    assert asked.for_sut("web").execute().head.sut == "web"
    Path("one.xml").write_text(JUNIT.format(day="2026-11-03", a="").replace('name="b"', 'name="a"'))
    assert "does not say which tests were to run" in asked.of("one.xml").execute().head.note
    assert asked.execute().head.note == ""
    since = StartedBetween(datetime(2026, 11, 2, tzinfo=UTC))
    with pytest.raises(ExchangeError, match=r"x\.\.y.xml has no session to compare \(--since"):
        asked.with_session_filters(since).execute()


def test_only_sessions_of_one_sut_of_a_file_are_compared_if_it_has_any() -> None:
    storage = store(session(0, TESTS), session(1, TESTS, sut_name="web", session_id="w1"))
    storage.export_sessions(Path("all.json"))
    asked = on(session(2, TESTS)).against("all.json")
    assert sides(asked) == (["s0"], ["s2"])
    assert sides(asked.for_sut("*")) == (["s0", "w1"], ["s2"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "results is JSON without sessions"),
        ("import os", "results is not a file that insight export or another program wrote"),
        ('[{"session_id": "a b"}]', "results has [0-9] invalid values, such as "),
        (JUNIT.format(day="2026-11-01", a=""), "both sides are 'results'"),
    ],
)
def test_a_file_that_is_no_side_is_refused_without_naming_options_of_imports(
    content: str, message: str
) -> None:
    Path("results").write_text(content)
    with pytest.raises((ExchangeError, InvalidArgumentError), match=message) as told:
        Compare(storage=InMemoryStorage()).against("results").of("results").execute()
    assert "--" not in str(told.value)


def test_the_project_in_the_folder_is_the_head_and_its_sut_that_of_the_base(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = shop\n")
    sessions = [session(n, TESTS) for n in range(2)]
    other = [session(n, TESTS, sut_name="web", session_id=f"w{n}") for n in range(2, 4)]
    asked = on(*sessions, *other)
    assert sides(asked.against("last~1")) == (["s0"], ["s1"])
    assert sides(asked.for_sut("web").against("last~1")) == (["w2"], ["w3"])
    monkeypatch.chdir("/")
    assert sides(asked.against("w2")) == (["w2"], ["w3"])


# What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "head", "message"),
    [
        ("mian", None, "'mian' is no session, .* did you mean 'main'"),
        ("nothing-like-it", None, "there are sessions of the branches feature, main"),
        ("s1", "s1", "both sides are s1"),
        ("s1", "s0", "the base .*s1.* is newer than the head .*s0.*swap them"),
        ("w2", "s1", "the base is of web and the head of shop; to compare different SUTs"),
        ("other", "s1", "no test is on both sides: the base has 1 test such as t.py::z"),
        ("empty", "s1", "empty .* has no tests to compare"),
        ("deadbeef", None, "'deadbeef' is no session"),
        ("feature", "s1", "no session of feature is older than the head"),
        ("feature", "feature", "no session of feature before s3 is of another commit"),
        ("1h", "99h", "no session of shop in memory is from the last 1h before the head"),
        ("s", "s1", "'s' is ambiguous"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused_with_what_to_do(
    base: str, head: str | None, message: str
) -> None:
    asked = on(
        session(-1, {}, session_id="empty"),
        session(0, TESTS),
        session(1, TESTS),
        session(-2, TESTS, sut_name="web", session_id="w2"),
        session(-3, {"z": "."}, session_id="other"),
        session(3, TESTS, branch="feature"),
    ).against(base)
    asked = asked if head is None else asked.of(head)
    with pytest.raises((InvalidArgumentError, StorageError), match=message):
        asked.execute()


def test_different_suts_can_be_compared_if_they_are_named() -> None:
    asked = on(session(0, TESTS), session(1, TESTS, sut_name="web")).against("s0").of("s1")
    with pytest.raises(InvalidArgumentError):
        asked.for_sut("web").execute()
    assert sides(asked.for_sut("*")) == (["s0"], ["s1"])


def test_an_empty_store_says_so() -> None:
    with pytest.raises(StorageError, match="no sessions yet"):
        Compare(storage=InMemoryStorage()).execute()
    with pytest.raises(InvalidArgumentError, match="there is no session before s0"):
        on(session(0, TESTS)).execute()


# The steps --------------------------------------------------------------------------------------


def test_steps_return_new_values_whose_repr_is_their_code() -> None:
    asked = compare.against("main").of("x").for_sut("shop").with_base_session()
    code = "compare.against('main').of('x').with_base_session().for_sut('shop')"
    assert (repr(asked), repr(Compare())) == (code, "Compare()")
    assert asked == compare.against("main").of("x").with_base_session().for_sut("shop")
    assert repr(compare.against(query.with_branch("main"))).startswith("compare.against(query.with")
    with pytest.raises(AttributeError):
        asked.base = "other"  # type: ignore[misc]  # it is frozen


@pytest.mark.parametrize("given", ["", 3, None])
def test_a_side_is_a_text_or_a_query(given: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        compare.against(given)
    with pytest.raises(InvalidArgumentError):
        compare.of(given)


def test_a_comparison_is_shown_as_a_line_a_table_markdown_and_data() -> None:
    sessions = session(0, TESTS), session(1, {"a": "F", "b": "F", "<i>": "."})
    found = on(*sessions).against("s0").execute()
    assert repr(found) == "<Comparison: 3 tests: 1 new-failure, 1 still-failing, 1 new-test>"
    assert "&lt;i&gt;" in found._repr_html_()
    assert "<i>" not in found._repr_html_() + found.to_markdown()
    assert "**" not in found.to_markdown()
    data = found.to_dict()
    assert [each["change"] for each in data["changes"]] == [
        "new-failure",
        "still-failing",
        "new-test",
    ]
    assert data["base"]["sessions"] == ["s0"]
    assert sum(data["summary"].values()) == data["tests"] == 3
    assert found["t.py::a"] in found.new_failures
    with pytest.raises(KeyError):
        _ = found["t.py::z"]


def test_every_backend_gives_the_same_comparison(tmp_path: Path, postgresql_server: Server) -> None:
    sessions = [session(n, {"a": a, "b": "."}) for n, a in enumerate("..F.sF")]
    sessions.append(session(9, {"a": "F", "b": "F", "c": "."}, branch="feature"))
    expected = on(*sessions).against("main").execute()
    assert len(expected) == 3
    for storage in (
        JSONStorage(tmp_path / "a.json"),
        SQLiteStorage(tmp_path / "a.db"),
        PostgreSQLStorage(postgresql_server.schema()),
    ):
        with storage:
            storage.save_sessions(sessions)
            assert Compare(storage=storage).against("main").execute() == expected


def test_a_run_that_could_not_begin_is_the_head_and_not_an_older_one() -> None:
    sessions = session(0, {"a": "."}), session(1, {"a": "."}, branch="feature")
    broken = session(2, {}, branch="feature", exit_status=4)
    for head in (None, "feature"):
        asked = Compare(head=head, storage=store(*sessions, broken)).against("main")
        with pytest.raises(InvalidArgumentError, match=r"no tests .* status 4 of pytest"):
            asked.execute()
    none_chosen = session(2, {}, branch="feature", exit_status=5)
    found = Compare(storage=store(*sessions, none_chosen)).against("main").execute()
    assert found.head.sessions[0].session_id == "s1"


def test_runs_with_one_number_on_several_branches_are_not_one() -> None:
    jobs: list[dict[str, Any]] = [
        {"testing_system": {"ci": {"run_id": number, "job": "shop"}}} for number in "78"
    ]
    sessions = [
        session(0, {"a": "F"}, **jobs[0]),
        session(1, {"a": "."}, **jobs[1]),
        session(2, {"a": "."}, branch="feature", **jobs[0]),
    ]
    found = Compare(storage=store(*sessions)).against("main").execute()
    assert ([each.session_id for each in found.head.sessions], found.ok) == (["s2"], True)


def test_all_sessions_of_the_newest_ci_run_are_the_base_however_many_they_are() -> None:
    def run(number: int, branch: str) -> list[TestSession]:
        system = {"ci": {"run_id": str(number), "job": "test"}}
        return [
            session(
                number,
                {f"a{n}": "F" if n == 3 else "."},
                session_id=f"{branch}-{n}",
                branch=branch,
                testing_system=system,
            )
            for n in range(24)
        ]

    found = Compare(storage=store(*run(0, "main"), *run(1, "feature"))).against("main").execute()
    assert ({each.change for each in found}, found.alike) == ({"still-failing"}, 23)


def test_a_branch_without_a_run_is_not_judged_by_a_run_of_the_base(git: Git) -> None:
    first, second = git("rev-parse", "HEAD"), commit(git)
    asked = on(session(0, TESTS, commit=first), session(1, TESTS, commit=second)).against("main")
    assert sides(asked) == (["s0"], ["s1"])
    git("checkout", "-q", "-b", "feature")
    own = commit(git)
    with pytest.raises(InvalidArgumentError, match=f"there is no run of {own[:7]}, which is"):
        asked.execute()
    assert sides(asked.of("last")) == (["s0"], ["s1"])
