# ruff: noqa: D102, S101 - a rule's name is its documentation; the rules are tests
"""Rules for imports: a file is imported completely or not at all, and reported on.

Merging and reading files are the same for every backend, so there are no rules for their details.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_insight.errors import ExchangeError, InvalidImportError, StorageError
from pytest_insight.exchange.import_report import ImportEntry, ImportReport
from pytest_insight.exchange.merge import MergePlan, MergeStep, MergeStrategy
from pytest_insight.models import TestResult, TestSession
from pytest_insight.profiles.exchange_settings import ExchangeSettings
from pytest_insight.storage import BaseStorage, InMemoryStorage
from pytest_insight.testing.rules import Rules, counts, fill, make_session

STRATEGIES = list(MergeStrategy)


def write_file(path: Path, *sessions: TestSession) -> Path:
    """Write sessions to a JSON list, in which an ID may occur twice."""
    items = []
    for session in sessions:
        one = InMemoryStorage()
        one.save_session(session)
        exported = io.BytesIO()
        one.export_sessions(exported)
        items += json.loads(exported.getvalue())["sessions"]
    path.write_text(json.dumps(items), "utf-8")
    return path


class ImportRules(Rules):
    """Rules for `import_sessions` and `apply`."""

    @pytest.fixture
    def clash(self, storage: BaseStorage, tmp_path: Path) -> Path:
        """A file with new sessions 3 and 2 and a different session 1; the storage has 0 and 1."""
        storage.save_sessions([make_session(0), make_session(1, sut_name="old")])
        new = make_session(1, sut_name="new")
        return write_file(tmp_path / "in.json", make_session(3), new, make_session(2))

    # Merging --------------------------------------------------------------------------------------

    def test_skip_existing_keeps_the_session_in_the_store_and_is_the_default(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        report = storage.import_sessions(clash)
        assert counts(report) == ImportReport(total=3, imported=2, skipped=1)
        old = make_session(1, sut_name="old")
        expected = [make_session(0), old, make_session(2), make_session(3)]
        assert storage.load_sessions() == expected
        assert self.reopened(storage).load_sessions() == expected

    def test_replace_existing_takes_the_imported_session(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        report = storage.import_sessions(clash, "replace_existing")
        assert counts(report) == ImportReport(total=3, imported=2, replaced=1)
        new = make_session(1, sut_name="new")
        expected = [make_session(0), new, make_session(2), make_session(3)]
        assert storage.load_sessions() == expected
        assert self.reopened(storage).load_sessions() == expected

    def test_keep_both_gives_the_imported_session_another_id(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        report = storage.import_sessions(clash, "keep_both")
        assert counts(report) == ImportReport(
            total=3, imported=2, renamed=1, new_ids=(("api-1", "api-1-2"),)
        )
        assert storage.session_ids() == ["api-0", "api-1", "api-1-2", "api-2", "api-3"]
        assert storage.get_session_by_id("api-1") == make_session(1, sut_name="old")
        renamed = make_session(1, sut_name="new", session_id="api-1-2")
        assert storage.get_session_by_id("api-1-2") == renamed

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_a_dry_run_reports_the_same_and_writes_nothing(
        self, storage: BaseStorage, clash: Path, strategy: str
    ) -> None:
        before = storage.load_sessions()
        planned = storage.import_sessions(clash, strategy, dry_run=True)
        assert storage.load_sessions() == before
        assert storage.import_sessions(clash, strategy) == planned

    def test_an_import_of_the_same_file_again_changes_nothing(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        storage.import_sessions(clash)
        before = storage.load_sessions()
        assert counts(storage.import_sessions(clash)) == ImportReport(
            total=3, skipped=3, identical=2
        )
        assert storage.load_sessions() == before

    def test_a_session_that_equals_the_stored_one_is_reported_as_identical(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        storage.save_session(make_session(2))
        report = storage.import_sessions(clash, "replace_existing")
        assert report.entries == (
            ImportEntry("api-3", "added"),
            ImportEntry("api-1", "replaced"),
            ImportEntry("api-2", "identical"),
        )
        assert report.changed

    @pytest.mark.parametrize("output_format", ["json", "csv"])
    def test_a_result_without_a_duration_comes_back_as_identical(
        self, storage: BaseStorage, tmp_path: Path, output_format: str
    ) -> None:
        start = make_session().session_start_time
        result = TestResult("t.py::test_a", "failed", start)
        path = tmp_path / f"out.{output_format}"
        storage.save_session(make_session(test_results=(result,)))
        storage.export_sessions(path, output_format=output_format)
        report = storage.import_sessions(path)
        assert counts(report) == ImportReport(total=1, skipped=1, identical=1)

    def test_the_default_strategy_is_that_of_the_profile(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        storage.exchange = ExchangeSettings(merge_strategy="replace_existing")
        assert storage.import_sessions(clash, dry_run=True).replaced == 1
        assert storage.import_sessions(clash, "keep_both").renamed == 1
        assert storage.import_sessions(clash).replaced == 3

    def test_an_import_may_have_hundreds_of_sessions(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        fill(storage, *range(0, 300, 2))
        path = write_file(tmp_path / "in.json", *(make_session(number) for number in range(300)))
        assert counts(storage.import_sessions(path)) == ImportReport(
            total=300, imported=150, skipped=150, identical=150
        )
        assert storage.load_sessions() == [make_session(number) for number in range(300)]

    # Plans ----------------------------------------------------------------------------------------

    def test_a_plan_can_remove_sessions_too(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1, 2)
        new = make_session(1, sut_name="new")
        step = MergeStep("replace", new, "api-1")
        with storage.exclusive():
            storage.apply(MergePlan((step,), frozenset(("api-0", "api-2"))))
        assert storage.load_sessions() == [new]
        with storage.exclusive():
            storage.apply(MergePlan(removes=frozenset(("api-1",))))
        assert self.reopened(storage).load_sessions() == []

    def test_a_plan_may_have_a_source_for_complete_sessions(self, storage: BaseStorage) -> None:
        fill(storage, 0)
        headers = tuple(make_session(number).with_results(()) for number in (1, 2))
        steps = (
            MergeStep("add", replace(headers[0], session_id="new"), "api-1"),
            MergeStep("add", headers[1], "api-2"),
        )
        plan = MergePlan(steps, source=lambda ids: (make_session(int(i[-1])) for i in sorted(ids)))
        with storage.exclusive():
            storage.apply(plan)
        renamed = make_session(1, session_id="new")
        assert storage.load_sessions() == [make_session(0), renamed, make_session(2)]

    def test_if_the_source_of_a_plan_fails_nothing_is_changed(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)

        def fail(_: Collection[str]) -> Iterator[TestSession]:
            yield make_session(2)
            raise StorageError("it was deleted", "somewhere")

        headers = (make_session(number).with_results(()) for number in (2, 3))
        steps = tuple(MergeStep("add", each, each.session_id) for each in headers)
        plan = MergePlan(steps, frozenset(("api-0",)), fail)
        with pytest.raises(StorageError, match="it was deleted"), storage.exclusive():
            storage.apply(plan)
        assert storage.load_sessions() == [make_session(0), make_session(1)]

    # Files ----------------------------------------------------------------------------------------

    @pytest.fixture
    def half_invalid(self, storage: BaseStorage, tmp_path: Path) -> Path:
        """A file whose second session has two errors; the storage has one session."""
        fill(storage, 0)
        path = write_file(tmp_path / "in.json", make_session(1), make_session(2), make_session(3))
        items: list[dict[str, Any]] = json.loads(path.read_bytes())
        items[1]["session_start_time"] = "yesterday"
        items[1]["test_results"][1]["duration"] = -1
        path.write_text(json.dumps(items), "utf-8")
        return path

    @pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
    def test_a_file_with_an_invalid_session_is_refused_completely(
        self, storage: BaseStorage, half_invalid: Path, dry_run: bool
    ) -> None:
        with pytest.raises(InvalidImportError) as caught:
            storage.import_sessions(half_invalid, dry_run=dry_run)
        assert storage.load_sessions() == [make_session(0)]
        assert caught.value.total == 3
        assert len(caught.value.problems) == 2
        assert "sessions[1].session_start_time" in str(caught.value)
        assert "sessions[1].test_results[1].duration" in str(caught.value)

    def test_skip_invalid_imports_the_valid_sessions_and_reports_every_problem(
        self, storage: BaseStorage, half_invalid: Path
    ) -> None:
        report = storage.import_sessions(half_invalid, skip_invalid=True)
        assert (report.total, report.imported, report.invalid) == (3, 2, 1)
        places = [problem.place for problem in report.problems]
        assert places == ["sessions[1].session_start_time", "sessions[1].test_results[1].duration"]
        assert storage.session_ids() == ["api-0", "api-1", "api-3"]

    @pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 1}', b"a,b\n1,2\n"])
    def test_a_file_without_sessions_is_refused(
        self, storage: BaseStorage, tmp_path: Path, content: bytes
    ) -> None:
        fill(storage, 0)
        (tmp_path / "in.json").write_bytes(content)
        with pytest.raises(ExchangeError, match=r"in\.json"):
            storage.import_sessions(tmp_path / "in.json")
        assert storage.load_sessions() == [make_session(0)]

    def test_text_is_cleaned_as_in_saving(self, storage: BaseStorage, tmp_path: Path) -> None:
        path = write_file(tmp_path / "in.json", make_session(session_id="a"))
        path.write_text(path.read_text("utf-8").replace('"a"', '"a\\u0000\\udc80"'), "utf-8")
        assert storage.import_sessions(path).imported == 1
        assert storage.import_sessions(path).skipped == 1
        assert storage.session_ids() == ["a\\x00\\udc80"]

    def test_an_open_file_can_be_imported(self, storage: BaseStorage, tmp_path: Path) -> None:
        path = write_file(tmp_path / "in.json", make_session(0))
        with path.open("rb") as file:
            assert storage.import_sessions(file).imported == 1
            assert not file.closed
        assert storage.load_sessions() == [make_session(0)]
