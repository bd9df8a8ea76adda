# ruff: noqa: D102, S101 - a rule's name is its documentation; asserts are what tests are made of
"""What is exported can be imported into an equal history, and says what it left out."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_insight.errors import (
    ExchangeError,
    InvalidArgumentError,
    StorageError,
    UnknownChoiceError,
)
from pytest_insight.exchange.settings import ExchangeSettings
from pytest_insight.filters import OutcomeIn, Selection, SutIs
from pytest_insight.models import TestOutcome
from pytest_insight.storage import BaseStorage
from pytest_insight.testing.rules import Rules, fill, full_session, make_result, make_session

FILES = ["export.json", "export.csv", "export.json.gz", "export.csv.gz"]


class ExportRules(Rules):
    """Rules of `export_sessions` and `export_selection`."""

    @pytest.mark.parametrize("name", FILES)
    def test_an_export_can_be_imported_into_an_equal_history(
        self, storage: BaseStorage, tmp_path: Path, name: str
    ) -> None:
        history = [
            make_session(0, test_results=()),
            make_session(1, session_tags={"a,b": '"c"\r\n'}, sut_name="=1+1"),
            full_session(),
            make_session(3, test_results=(make_result("test_x[\u2028]", "flaky", caplog="'-"),)),
        ]
        storage.save_sessions(history)
        stored = storage.load_sessions()
        assert storage.export_sessions(tmp_path / name) == 4
        storage.clear_sessions()
        assert storage.import_sessions(tmp_path / name).imported == 4
        assert storage.load_sessions() == stored

    @pytest.mark.parametrize("name", FILES)
    def test_an_export_without_sessions_is_a_valid_file(
        self, storage: BaseStorage, tmp_path: Path, name: str
    ) -> None:
        assert storage.export_sessions(tmp_path / name) == 0
        assert storage.import_sessions(tmp_path / name).total == 0

    def test_the_suffix_says_the_format(self, storage: BaseStorage, tmp_path: Path) -> None:
        fill(storage, 0)
        for name in (*FILES, "export"):
            storage.export_sessions(str(tmp_path / name))
        assert json.loads((tmp_path / "export.json").read_bytes())["sessions"]
        assert (tmp_path / "export").read_bytes() == (tmp_path / "export.json").read_bytes()
        rows = list(csv.reader(io.StringIO((tmp_path / "export.csv").read_text("utf-8"))))
        assert len(rows) == 3
        for name in ("export.json", "export.csv"):
            packed = (tmp_path / f"{name}.gz").read_bytes()
            assert gzip.decompress(packed) == (tmp_path / name).read_bytes()

    def test_a_format_that_is_named_comes_before_the_suffix(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        fill(storage, 0)
        storage.export_sessions(tmp_path / "export.json", output_format="csv")
        storage.export_sessions(tmp_path / "export.csv")
        csv_bytes = (tmp_path / "export.csv").read_bytes()
        assert (tmp_path / "export.json").read_bytes() == csv_bytes

    def test_an_unknown_format_is_refused(self, storage: BaseStorage, tmp_path: Path) -> None:
        with pytest.raises(UnknownChoiceError, match="json"):
            storage.export_sessions(tmp_path / "export", output_format="jsn")
        assert not (tmp_path / "export").exists()

    def test_an_open_file_is_written_and_stays_open(self, storage: BaseStorage) -> None:
        fill(storage, 0)
        for chosen in (None, "json", "csv"):
            file = io.BytesIO()
            assert storage.export_sessions(file, output_format=chosen) == 1
            file.seek(0)
            assert storage.import_sessions(file).skipped == 1

    def test_days_keep_what_started_within_them(self, storage: BaseStorage, tmp_path: Path) -> None:
        now = datetime.now(UTC)
        storage.save_sessions(
            make_session(session_id=f"{days}", session_start_time=now - timedelta(days=days))
            for days in (0, 1, 3, 9)
        )
        assert storage.export_sessions(tmp_path / "export.json", days=3.5) == 3
        assert storage.export_sessions(tmp_path / "export.json", 2) == 2
        assert storage.export_sessions(tmp_path / "export.json") == 4

    @pytest.mark.parametrize("days", [-1, math.nan, math.inf, "7", True])
    def test_days_must_be_a_number_that_makes_sense(
        self, storage: BaseStorage, tmp_path: Path, days: float
    ) -> None:
        with pytest.raises(InvalidArgumentError, match="days"):
            storage.export_sessions(tmp_path / "export.json", days=days)
        assert list(tmp_path.glob("export*")) == []

    def test_sut_tags_and_ids_narrow_an_export(self, storage: BaseStorage, tmp_path: Path) -> None:
        storage.save_sessions(
            [
                make_session(0, sut_name="api", session_tags={"ci": "a", "os": "x"}),
                make_session(1, sut_name="api-2", session_tags={"ci": "a"}),
                make_session(2, sut_name="web", session_tags={"ci": "b", "os": "x"}),
            ]
        )
        path = tmp_path / "export.json"

        def exported() -> list[str]:
            return [s["session_id"] for s in json.loads(path.read_bytes())["sessions"]]

        storage.export_sessions(path, sut="api")
        assert exported() == ["api-0"]
        storage.export_sessions(path, sut="api*")
        assert exported() == ["api-0", "api-1"]
        storage.export_sessions(path, tags={"ci": "a"})
        assert exported() == ["api-0", "api-1"]
        storage.export_sessions(path, tags={"ci": "a", "os": "x"})
        assert exported() == ["api-0"]
        storage.export_sessions(path, session_ids=["api-2", "api-0"])
        assert exported() == ["api-0", "api-2"]
        storage.export_sessions(path, sut="web", session_ids=["api-2", "api-0"])
        assert exported() == ["api-2"]
        storage.export_sessions(path, session_ids=[])
        assert exported() == []

    def test_naming_an_unknown_session_is_an_error(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        fill(storage, 0)
        with pytest.raises(StorageError, match="api-9"):
            storage.export_sessions(tmp_path / "export.json", session_ids=["api-0", "api-9"])
        assert not (tmp_path / "export.json").exists()

    def test_a_selection_can_be_exported(self, storage: BaseStorage, tmp_path: Path) -> None:
        fill(storage, 0, 1)
        failed = OutcomeIn(frozenset((TestOutcome.FAILED,)))
        selection = Selection((SutIs("api"),), (failed,), limit=1)
        assert storage.export_selection(tmp_path / "export.json", selection) == 1
        storage.clear_sessions()
        storage.import_sessions(tmp_path / "export.json")
        assert storage.load_sessions() == [
            make_session(1).with_results(make_session(1).test_results[1:])
        ]

    def test_an_existing_file_is_replaced_as_a_whole(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        path = tmp_path / "export.json"
        fill(storage, *range(5))
        storage.export_sessions(path)
        storage.delete_sessions(["api-1", "api-2", "api-3", "api-4"])
        storage.export_sessions(path)
        assert len(json.loads(path.read_bytes())["sessions"]) == 1
        assert [p.name for p in tmp_path.iterdir() if "export" in p.name] == ["export.json"]

    def test_a_file_that_cannot_be_written_is_an_error_that_names_it(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        for path in (tmp_path / "no-folder" / "export.json", tmp_path):
            with pytest.raises(ExchangeError, match=path.name):
                storage.export_sessions(path)

    def test_the_settings_of_the_profile_are_used_where_a_call_says_nothing(
        self, storage: BaseStorage, tmp_path: Path
    ) -> None:
        storage.exchange = ExchangeSettings(export_format="csv", export_days=2)
        now = datetime.now(UTC)
        storage.save_sessions(
            make_session(session_id=f"{days}", session_start_time=now - timedelta(days=days))
            for days in (0, 1, 5)
        )
        assert storage.export_sessions(tmp_path / "export") == 2
        assert (tmp_path / "export").read_bytes().startswith(b"session_id,")
        assert storage.export_sessions(tmp_path / "export.json", days=9) == 3
        assert (tmp_path / "export.json").read_bytes().startswith(b"{")
