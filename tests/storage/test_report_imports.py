"""Imports of other programs' reports: folders, SUTs, known nodeids, and better records of a run."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.discovery import find_reports
from pytest_insight.exchange.options import Project, ReadOptions
from pytest_insight.models import Source, TestOutcome, TestResult, TestSession
from pytest_insight.storage import BaseStorage, InMemoryStorage, JSONStorage, SQLiteStorage
from pytest_insight.storage.imports import import_files
from pytest_insight.testing.rules import START
from tests.exchange.recorded_runs import FOREIGN, recorded

PLAIN = FOREIGN / "plain"
SHOP = ReadOptions(sut="shop")
JUNIT = PLAIN / "junit.xml"


@pytest.fixture(params=[InMemoryStorage, JSONStorage, SQLiteStorage])
def storage(request: pytest.FixtureRequest) -> BaseStorage:
    kind = request.param
    storage: BaseStorage = kind() if kind is InMemoryStorage else kind(f"store.{kind.__name__}")
    return storage


def nodeids(storage: BaseStorage) -> set[str]:
    return {result.nodeid for each in storage.iter_sessions() for result in each.test_results}


# Files, folders, patterns -----------------------------------------------------------------------


def test_a_folder_is_searched_and_what_is_no_report_is_passed_over() -> None:
    for name in ("a/b", "a/.git", "a/whole"):
        Path(name).mkdir(parents=True)
    shutil.copy(JUNIT, "a/b/one.xml")
    shutil.copy(PLAIN / "recorded.json", "a/two.json")
    shutil.copy(JUNIT, "a/.git/three.xml")
    shutil.copytree(FOREIGN / "reruns" / "allure", "a/whole", dirs_exist_ok=True)
    Path("a/pom.xml").write_text("<project/>")
    Path("a/package.json").write_text("{}")
    Path("a/empty.xml").touch()
    found = find_reports([Path("a")])
    assert [str(path) for path in found.paths] == ["a/two.json", "a/b/one.xml", "a/whole"]
    assert found.passed_over == 3


def test_a_damaged_file_in_a_folder_is_not_passed_over_if_it_is_named_like_a_report() -> None:
    Path("a").mkdir()
    packed = gzip.compress(JUNIT.read_bytes())
    for name in ("cut.xml.gz", "core.gz"):
        Path("a", name).write_bytes(packed[:100])
    assert [str(path) for path in find_reports([Path("a")]).paths] == ["a/cut.xml.gz"]


def test_a_pattern_is_every_path_that_it_matches_and_none_is_read_twice() -> None:
    for name in ("a.xml", "b.xml", "[x].xml"):
        shutil.copy(JUNIT, name)
    found = find_reports([Path("*.xml"), Path("a.xml"), Path("[x].xml")])
    assert sorted(map(str, found.paths)) == ["[x].xml", "a.xml", "b.xml"]
    with pytest.raises(ExchangeError, match=r"no file matches \*\.csv"):
        find_reports([Path("*.csv")])


def test_one_report_tells_of_all_files_of_a_folder(storage: BaseStorage) -> None:
    for way in ("plain", "reruns"):
        Path("in", way).mkdir(parents=True)
        shutil.copy(FOREIGN / way / "junit.xml", Path("in", way))
    report = storage.import_sessions("in", options=SHOP)
    assert (report.total, report.imported, len(report.files)) == (2, 2, 2)
    assert storage.import_sessions("in", options=SHOP).identical == 2


# SUT, nodeids -----------------------------------------------------------------------------------


def test_the_sut_is_that_of_the_project_if_a_test_is_in_it(storage: BaseStorage) -> None:
    project = ReadOptions(project=Project("shop-api", Path("project").absolute()))
    with pytest.raises(ExchangeError, match=r"none of its tests is in .*project: name it with"):
        storage.import_sessions(JUNIT, options=project)
    with pytest.raises(ExchangeError, match="does not say of which system under test"):
        storage.import_sessions(JUNIT)
    assert storage.session_ids() == []
    Path("project/tests").mkdir(parents=True)
    Path("project/tests/test_outcomes.py").touch()
    storage.import_sessions(JUNIT, options=project)
    assert storage.sut_names() == ["shop-api"]


def test_nodeids_that_the_store_knows_are_found_but_not_those_that_were_guessed(
    storage: BaseStorage,
) -> None:
    dotted = "tests/sub.dir/test_dotted.py::test_in_a_dotted_folder"
    storage.import_sessions(JUNIT, options=SHOP)
    assert dotted not in nodeids(storage)
    assert storage.import_sessions(JUNIT, options=SHOP).identical == 1
    storage.import_sessions(PLAIN / "recorded.json")
    exact = storage.import_sessions(JUNIT, "replace_existing", options=SHOP)
    assert (exact.replaced, exact.identical) == (1, 0)
    assert nodeids(storage) == {result.nodeid for result in recorded("plain").test_results}
    assert all("guessed" not in str(loss.kind) for loss in exact.entries[0].losses)


# One session ------------------------------------------------------------------------------------


def test_the_files_of_one_run_are_folded_into_one_session(storage: BaseStorage) -> None:
    files = [FOREIGN / way / "junit.xml" for way in ("plain", "reruns", "subtests")]
    alone = InMemoryStorage()
    import_files(alone, files, options=SHOP)
    options = replace(SHOP, one_session=True, tags={"ci": "nightly"})
    (report,) = import_files(storage, files, options=options)
    (session,) = storage.load_sessions()
    parts = alone.load_sessions()
    assert [len(report.files), report.total, report.imported] == [3, 1, 1]
    assert len(session.test_results) == sum(len(part.test_results) for part in parts)
    assert session.session_start_time == min(part.session_start_time for part in parts)
    assert session.session_stop_time == max(part.session_stop_time for part in parts)
    assert session.session_tags == {"ci": "nightly"}
    (again,) = import_files(storage, files[::-1], options=options)
    assert (again.total, again.identical) == (1, 1)


# Better records of a run ------------------------------------------------------------------------


def record(
    name: str,
    losses: Collection[str] | None = ("no-output",),
    *,
    late: float = 0.0,
    tests: int = 10,
    other: int = 0,
    by: str = "",
    **fields: Any,
) -> TestSession:
    """A record of a run: with `losses` None a recorded one, else by a program of its own."""
    names = [f"t.py::test_{n}" for n in range(tests)] + [f"t.py::other_{n}" for n in range(other)]
    start = START + timedelta(seconds=late)
    source = None if losses is None else Source(by or name, losses=tuple(losses))
    results = [TestResult(nodeid, TestOutcome.PASSED, start) for nodeid in names]
    return TestSession(name, "api", start, source=source, test_results=results, **fields)


def upgrade(storage: BaseStorage, *sessions: TestSession) -> list[str]:
    """What becomes of sessions that are imported with `--merge upgrade`."""
    exporter = InMemoryStorage()
    exporter.save_sessions(sessions)
    exporter.export_sessions("in.json")
    report = storage.import_sessions("in.json", "upgrade")
    return [f"{each.session_id}: {each.status} {each.other_id}".strip() for each in report.entries]


CI = {"ci": {"provider": "github", "run_id": "7", "job": "test"}}
OTHER_JOB = {"ci": {"provider": "github", "run_id": "7", "job": "lint"}}


@pytest.mark.parametrize(
    ("new", "became"),
    [
        (record("new", None, late=1.9), "new: replaced old"),
        (record("new", (), late=-2), "new: replaced old"),
        (record("new", ("no-output",)), "new: skipped old"),
        (record("new", ("no-output", "no-phases")), "new: skipped old"),
        (record("new", None, late=2.1), "new: added"),
        (record("new", None, tests=9, other=1), "new: replaced old"),
        (record("new", None, tests=8, other=2), "new: added"),
        (record("new", None, tests=8), "new: added"),
        (record("old", None), "old: skipped"),
    ],
)
def test_a_better_record_of_the_same_run_replaces_a_poorer_one(
    storage: BaseStorage, new: TestSession, became: str
) -> None:
    storage.save_session(record("old", pinned=True, session_tags={"by": "me"}))
    assert upgrade(storage, new) == [became]
    if "replaced" in became:
        (kept,) = storage.load_sessions()
        assert kept == replace(new, pinned=True, session_tags={"by": "me"})
    assert upgrade(storage, new)[0].startswith(f"{new.session_id}: ")
    assert storage.count() == 1 + ("added" in became)


def test_a_session_that_is_dated_in_the_future_is_not_replaced_by_a_part_of_itself(
    storage: BaseStorage,
) -> None:
    future = START.replace(year=9000)
    results = tuple(TestResult(f"test_a.py::test_{n}", "passed", future) for n in range(4))
    whole = TestSession("shop-1", "shop", future, test_results=results)
    storage.save_session(whole)
    part = InMemoryStorage()
    part.save_session(whole.with_results(results[:3]))
    part.export_sessions("part.json")
    (report,) = import_files(storage, ["part.json"], "upgrade")
    assert (report.imported, report.skipped) == (0, 1)
    assert storage.load_sessions() == [whole]


def test_the_same_file_is_a_better_record_if_its_nodeids_are_no_longer_guessed(
    storage: BaseStorage,
) -> None:
    Path("junit.xml").write_text(
        '<testsuites name="pytest tests"><testsuite timestamp="2026-11-27T10:00:00+00:00">'
        '<testcase classname="tests.sub.test_a" name="test_x"/></testsuite></testsuites>'
    )
    import_files(storage, ["junit.xml"], "upgrade", options=SHOP)
    storage.pin_sessions(storage.session_ids())
    Path("tests/sub").mkdir(parents=True)
    Path("tests/sub/test_a.py").touch()
    rooted = replace(SHOP, root=Path.cwd())
    changed = [
        import_files(storage, ["junit.xml"], "upgrade", options=options)[0].replaced
        for options in (SHOP, rooted, rooted, SHOP)
    ]
    assert changed == [0, 1, 0, 0]
    (session,) = storage.load_sessions()
    assert session.pinned
    assert session.source is not None
    assert "nodeid-guessed" not in session.source.losses


@pytest.mark.parametrize("late", [-1.5, 0.001, 1.5])
@pytest.mark.parametrize("losses", [("no-output",), None])
def test_two_records_by_one_program_are_of_two_runs_as_of_jobs_side_by_side(
    storage: BaseStorage, late: float, losses: Collection[str] | None
) -> None:
    storage.save_session(record("old", losses, by="junit"))
    new = record("new", losses and (), late=late, by="junit")
    assert upgrade(storage, new) == ["new: added"]


def test_a_record_that_starts_with_its_first_test_may_end_with_another_one(
    storage: BaseStorage,
) -> None:
    """The collection before takes long; the end is the same."""
    old = record("old", ("no-output", "no-phases"), by="junit", session_duration=60.0)
    storage.save_session(old)
    late = record("log", ("no-output",), by="reportlog", late=20, session_duration=39.5)
    assert upgrade(storage, late) == ["log: replaced old"]
    Path("in.json").unlink()
    other = record("ctrf", (), by="ctrf", late=25, session_duration=39.5)
    assert upgrade(storage, other) == ["ctrf: added"]


def test_records_of_two_jobs_of_a_ci_run_that_start_together_are_of_two_runs(
    storage: BaseStorage,
) -> None:
    storage.save_session(record("old", testing_system=CI))
    assert upgrade(storage, record("new", None, testing_system=OTHER_JOB)) == ["new: added"]


@pytest.mark.parametrize(
    ("facts", "tests", "became"),
    [
        (CI, 10, "new: replaced old"),
        (OTHER_JOB, 10, "new: added"),
        ({}, 10, "new: added"),
        (CI, 5, "new: added"),  # another run of pytest in the same job
    ],
)
def test_records_of_one_job_of_a_ci_run_may_start_at_other_times(
    storage: BaseStorage, facts: dict[str, Any], tests: int, became: str
) -> None:
    storage.save_session(record("old", testing_system=CI))
    new = record("new", None, late=60, tests=tests, testing_system=facts)
    assert upgrade(storage, new) == [became]


def test_a_record_is_replaced_once_and_the_next_one_is_compared_with_the_new(
    storage: BaseStorage,
) -> None:
    storage.save_session(record("old", ("no-output", "no-phases")))
    became = upgrade(storage, record("a-imported", ("no-output",)), record("b-recorded", None))
    assert became == ["a-imported: skipped b-recorded", "b-recorded: replaced old"]
    assert storage.session_ids() == ["b-recorded"]


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_records_in_one_import_the_best_is_kept(
    storage: BaseStorage, order: int
) -> None:
    files = [JUNIT, PLAIN / "reportlog.jsonl", PLAIN / "recorded.json"][::order]
    reports = import_files(storage, files, "upgrade", options=SHOP)
    statuses = [report.entries[0].status for report in reports][::order]
    assert statuses == ["skipped", "skipped", "added"]
    assert storage.load_sessions() == [recorded("plain")]
    assert not any(
        report.changed for report in import_files(storage, files, "upgrade", options=SHOP)
    )


@pytest.mark.parametrize(
    ("others", "strategy", "repeated"),
    [
        ([record("b", late=1)], None, 1),
        ([record("b", late=1), record("c", late=2)], None, 2),
        ([record("b", late=1, tests=8)], None, 0),
        ([record("b", late=60)], None, 0),
        ([record("b", None, late=1)], None, 0),  # recorded, not imported
        ([record("b", late=1, by="a")], None, 0),  # of jobs that run side by side
        ([record("b", late=1)], "upgrade", 0),
    ],
)
def test_an_import_counts_further_records_of_one_run(
    storage: BaseStorage, others: list[TestSession], strategy: str | None, repeated: int
) -> None:
    exporter = InMemoryStorage()
    exporter.save_sessions([record("a"), *others])
    exporter.export_sessions("in.json")
    assert storage.import_sessions("in.json", strategy).repeated == repeated
