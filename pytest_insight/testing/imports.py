# ruff: noqa: D102, S101 - a rule's name is its documentation; asserts are what tests are made of
"""An import is all there or not there, and its report tells what became of each session."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_insight.errors import (
    ExchangeError,
    InvalidImportError,
    NewerFormatError,
    StorageError,
    UnknownChoiceError,
)
from pytest_insight.exchange.merge import MergePlan, MergeStep
from pytest_insight.exchange.report import ImportEntry, ImportReport
from pytest_insight.exchange.settings import ExchangeSettings
from pytest_insight.models import TestSession
from pytest_insight.storage import BaseStorage, InMemoryStorage
from pytest_insight.testing.rules import Rules, fill, ids_of, make_session, numbers

STRATEGIES = ["skip_existing", "replace_existing", "keep_both"]


def write_file(path: Path, *sessions: TestSession) -> Path:
    """A JSON file of these sessions; IDs may occur twice, as in files of other programs."""
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
    """Rules of `import_sessions` and `apply`."""

    @pytest.fixture
    def clash(self, storage: BaseStorage, tmp_path: Path) -> Path:
        """A file with one session that the storage has (another one) and two that it has not."""
        storage.save_sessions([make_session(0), make_session(1, sut_name="old")])
        new = make_session(1, sut_name="new")
        return write_file(tmp_path / "in.json", make_session(3), new, make_session(2))

    def test_by_default_existing_sessions_are_skipped(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        report = storage.import_sessions(clash)
        assert numbers(report) == ImportReport(total=3, imported=2, skipped=1)
        old = make_session(1, sut_name="old")
        expected = [make_session(0), old, make_session(2), make_session(3)]
        assert storage.load_sessions() == expected
        assert self.reopened(storage).load_sessions() == expected

    def test_skip_existing_is_the_default_by_name(self, storage: BaseStorage, clash: Path) -> None:
        assert storage.import_sessions(clash, merge_strategy="skip_existing").skipped == 1

    def test_replace_existing_takes_the_imported_session(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        report = storage.import_sessions(clash, "replace_existing")
        assert numbers(report) == ImportReport(total=3, imported=2, replaced=1)
        new = make_session(1, sut_name="new")
        expected = [make_session(0), new, make_session(2), make_session(3)]
        assert storage.load_sessions() == expected
        assert self.reopened(storage).load_sessions() == expected

    def test_keep_both_gives_the_imported_session_another_id(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        report = storage.import_sessions(clash, "keep_both")
        assert numbers(report) == ImportReport(
            total=3, imported=2, renamed=1, new_ids=(("api-1", "api-1-2"),)
        )
        assert storage.session_ids() == ["api-0", "api-1", "api-1-2", "api-2", "api-3"]
        assert storage.get_session_by_id("api-1") == make_session(1, sut_name="old")
        renamed = make_session(1, sut_name="new", session_id="api-1-2")
        assert storage.get_session_by_id("api-1-2") == renamed

    def test_keep_both_takes_a_number_that_is_free_in_the_store_and_the_file(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        storage.save_sessions(make_session(session_id=name) for name in ("a", "a-2"))
        path = write_file(
            tmp_path / "in.json", *(make_session(session_id=name) for name in ("a", "a-3"))
        )
        assert storage.import_sessions(path, "keep_both").new_ids == (("a", "a-4"),)
        assert storage.session_ids() == ["a", "a-2", "a-3", "a-4"]

    @pytest.mark.parametrize(
        ("strategy", "report", "suts"),
        [
            ("skip_existing", ImportReport(total=2, imported=1, skipped=1), ["first"]),
            ("replace_existing", ImportReport(total=2, imported=1, replaced=1), ["second"]),
            (
                "keep_both",
                ImportReport(total=2, imported=1, renamed=1, new_ids=(("a", "a-2"),)),
                ["first", "second"],
            ),
        ],
    )
    def test_an_id_that_occurs_twice_in_a_file_meets_itself(
        self,
        storage: BaseStorage,
        tmp_path: Path,
        strategy: str,
        report: ImportReport,
        suts: list[str],
    ) -> None:
        first = make_session(session_id="a", sut_name="first")
        second = make_session(session_id="a", sut_name="second")
        path = write_file(tmp_path / "in.json", first, second)
        assert numbers(storage.import_sessions(path, strategy)) == report
        assert [session.sut_name for session in storage.load_sessions()] == suts

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_a_dry_run_reports_the_same_and_writes_nothing(
        self, storage: BaseStorage, clash: Path, strategy: str
    ) -> None:
        before = storage.load_sessions()
        planned = storage.import_sessions(clash, strategy, dry_run=True)
        assert storage.load_sessions() == before
        assert storage.import_sessions(clash, strategy) == planned

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_the_numbers_of_a_report_add_up(
        self, storage: BaseStorage, clash: Path, strategy: str
    ) -> None:
        report = storage.import_sessions(clash, strategy)
        done = (report.imported, report.skipped, report.replaced, report.renamed, report.invalid)
        assert sum(done) == report.total == 3

    def test_importing_again_changes_nothing(self, storage: BaseStorage, clash: Path) -> None:
        storage.import_sessions(clash)
        before = storage.load_sessions()
        assert numbers(storage.import_sessions(clash)) == ImportReport(
            total=3, skipped=3, identical=2
        )
        assert storage.load_sessions() == before

    @pytest.mark.parametrize("strategy", ["skip_existing", "replace_existing"])
    def test_what_is_there_already_is_told_from_what_differs(
        self, storage: BaseStorage, clash: Path, strategy: str
    ) -> None:
        storage.save_session(make_session(2))
        report = storage.import_sessions(clash, strategy)
        other = "skipped" if strategy == "skip_existing" else "replaced"
        assert report.identical == 1
        assert report.entries == (
            ImportEntry("api-3", "added"),
            ImportEntry("api-1", other),  # type: ignore[arg-type]  # one of the two
            ImportEntry("api-2", "identical"),
        )
        assert report.changed

    def test_keep_both_keeps_both_also_where_they_are_equal(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        fill(storage, 0)
        path = write_file(tmp_path / "in.json", make_session(0))
        report = storage.import_sessions(path, "keep_both")
        assert report.entries == (ImportEntry("api-0", "renamed", "api-0-2"),)
        assert storage.session_ids() == ["api-0", "api-0-2"]

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

    def test_a_plan_may_get_its_sessions_from_a_source(self, storage: BaseStorage) -> None:
        fill(storage, 0)
        bare = tuple(make_session(number).with_results(()) for number in (1, 2))
        steps = (
            MergeStep("add", replace(bare[0], session_id="new"), "api-1"),
            MergeStep("add", bare[1], "api-2"),
        )
        plan = MergePlan(steps, source=lambda ids: (make_session(int(i[-1])) for i in sorted(ids)))
        with storage.exclusive():
            storage.apply(plan)
        renamed = make_session(1, session_id="new")
        assert storage.load_sessions() == [make_session(0), renamed, make_session(2)]

    def test_a_source_that_fails_leaves_everything_as_it_was(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)

        def fails(_: Collection[str]) -> Iterator[TestSession]:
            yield make_session(2)
            raise StorageError("it is gone", "somewhere")

        bare = tuple(make_session(number).with_results(()) for number in (2, 3))
        steps = tuple(MergeStep("add", each, each.session_id) for each in bare)
        plan = MergePlan(steps, frozenset(("api-0",)), fails)
        with pytest.raises(StorageError, match="it is gone"), storage.exclusive():
            storage.apply(plan)
        assert storage.load_sessions() == [make_session(0), make_session(1)]

    def test_an_unknown_strategy_is_refused(self, storage: BaseStorage, clash: Path) -> None:
        before = storage.load_sessions()
        with pytest.raises(UnknownChoiceError, match="keep_both"):
            storage.import_sessions(clash, "keep_bot")
        assert storage.load_sessions() == before

    @pytest.fixture
    def half_invalid(self, storage: BaseStorage, tmp_path: Path) -> Path:
        """A file whose second session has two mistakes; the storage has one session."""
        fill(storage, 0)
        path = write_file(tmp_path / "in.json", make_session(1), make_session(2), make_session(3))
        items: list[dict[str, Any]] = json.loads(path.read_bytes())
        items[1]["session_start_time"] = "yesterday"
        items[1]["test_results"][1]["duration"] = -1
        path.write_text(json.dumps(items), "utf-8")
        return path

    @pytest.mark.parametrize("strategy", STRATEGIES)
    @pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
    def test_a_file_with_an_invalid_session_is_refused_whole(
        self, storage: BaseStorage, half_invalid: Path, strategy: str, dry_run: bool
    ) -> None:
        with pytest.raises(InvalidImportError) as caught:
            storage.import_sessions(half_invalid, strategy, dry_run=dry_run)
        assert storage.load_sessions() == [make_session(0)]
        assert caught.value.total == 3
        assert len(caught.value.problems) == 2
        assert "sessions[1].session_start_time" in str(caught.value)
        assert "sessions[1].test_results[1].duration" in str(caught.value)

    def test_skip_invalid_imports_the_others_and_says_what_is_wrong(
        self, storage: BaseStorage, half_invalid: Path
    ) -> None:
        report = storage.import_sessions(half_invalid, skip_invalid=True)
        assert (report.total, report.imported, report.invalid) == (3, 2, 1)
        places = [problem.place for problem in report.problems]
        assert places == ["sessions[1].session_start_time", "sessions[1].test_results[1].duration"]
        assert ids_of(storage.load_sessions()) == ["api-0", "api-1", "api-3"]

    def test_fields_that_are_not_kept_are_counted(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        path = write_file(tmp_path / "in.json", make_session(0), make_session(1))
        items: list[dict[str, Any]] = json.loads(path.read_bytes())
        for item in items:
            item["colour"] = "green"
        path.write_text(json.dumps(items), "utf-8")
        assert storage.import_sessions(path).ignored == {"colour": 2}
        assert storage.load_sessions() == [make_session(0), make_session(1)]

    @pytest.mark.parametrize("content", [b"", b" \n", b"{", b"[1]", b'{"a": 1}', b"a,b\n1,2\n"])
    def test_a_file_that_is_none_of_ours_is_refused(
        self, storage: BaseStorage, tmp_path: Path, content: bytes
    ) -> None:
        fill(storage, 0)
        (tmp_path / "in.json").write_bytes(content)
        with pytest.raises(ExchangeError, match=r"in\.json"):
            storage.import_sessions(tmp_path / "in.json")
        with pytest.raises(ExchangeError, match="absent"):
            storage.import_sessions(tmp_path / "absent.json")
        assert storage.load_sessions() == [make_session(0)]

    def test_a_file_of_a_newer_format_is_refused(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        path = tmp_path / "in.json"
        path.write_text('{"format":"pytest-insight","version":2,"sessions":[]}', "utf-8")
        with pytest.raises(NewerFormatError, match="format 2; this one reads 1"):
            storage.import_sessions(path)

    def test_text_that_cannot_be_kept_is_cleaned_as_in_saving(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
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

    def test_the_strategy_of_the_profile_is_used_where_a_call_says_nothing(
        self, storage: BaseStorage, clash: Path
    ) -> None:
        storage.exchange = ExchangeSettings(merge_strategy="replace_existing")
        assert storage.import_sessions(clash, dry_run=True).replaced == 1
        assert storage.import_sessions(clash, "keep_both").renamed == 1
        assert storage.import_sessions(clash).replaced == 3

    def test_a_large_import_is_all_there(self, storage: BaseStorage, tmp_path: Path) -> None:
        fill(storage, *range(0, 300, 2))
        path = write_file(tmp_path / "in.json", *(make_session(number) for number in range(300)))
        assert numbers(storage.import_sessions(path)) == ImportReport(
            total=300, imported=150, skipped=150, identical=150
        )
        assert storage.load_sessions() == [make_session(number) for number in range(300)]
