# ruff: noqa: D102, S101 - a rule's name is its documentation; the rules are tests
"""Rules for exports: an export can be imported into an equal history, and holds what was selected.

Formats, files and invalid arguments are the same for every backend, so there are no rules for them.
"""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.errors import StorageError
from pytest_insight.filters import OutcomeIn, Selection, SutIs
from pytest_insight.models import TestOutcome
from pytest_insight.profiles.exchange_settings import ExchangeSettings
from pytest_insight.storage import BaseStorage
from pytest_insight.testing.rules import Rules, fill, full_session, make_result, make_session

FILES = ["export.json", "export.csv", "export.json.gz", "export.csv.gz"]


class ExportRules(Rules):
    """Rules for `export_sessions` and `export_selection`."""

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
    def test_an_export_of_an_empty_store_is_a_valid_file(
        self, storage: BaseStorage, tmp_path: Path, name: str
    ) -> None:
        assert storage.export_sessions(tmp_path / name) == 0
        assert storage.import_sessions(tmp_path / name).total == 0

    @pytest.mark.parametrize("output_format", [None, "json", "csv"])
    def test_an_open_file_is_written_and_stays_open(
        self, storage: BaseStorage, output_format: str | None
    ) -> None:
        fill(storage, 0)
        file = io.BytesIO()
        assert storage.export_sessions(file, output_format=output_format) == 1
        file.seek(0)
        assert storage.import_sessions(file).skipped == 1

    @pytest.mark.parametrize(
        ("selected", "expected"),
        [
            ({}, "old api web"),
            ({"days": 3.5}, "api web"),
            ({"days": 0}, ""),
            ({"sut": "api"}, "old api"),
            ({"sut": "*e*"}, "web"),
            ({"tags": {"ci": "a"}}, "old api"),
            ({"tags": {"ci": "a", "os": "x"}}, "api"),
            ({"session_ids": ["web", "old"]}, "old web"),
            ({"session_ids": []}, ""),
            ({"days": 3.5, "sut": "web", "session_ids": ["web", "old"]}, "web"),
        ],
    )
    def test_an_export_can_be_narrowed(
        self, storage: BaseStorage, tmp_path: Path, selected: dict[str, Any], expected: str
    ) -> None:
        now = datetime.now(UTC)
        for name, days, sut, tags in (
            ("old", 9, "api", {"ci": "a"}),
            ("api", 3, "api", {"ci": "a", "os": "x"}),
            ("web", 1, "web", {"ci": "b", "os": "x"}),
        ):
            storage.save_session(
                make_session(
                    session_id=name,
                    session_start_time=now - timedelta(days=days),
                    sut_name=sut,
                    session_tags=tags,
                )
            )
        path = tmp_path / "export.json"
        assert storage.export_sessions(path, **selected) == len(expected.split())
        sessions = json.loads(path.read_bytes())["sessions"]
        assert " ".join(session["session_id"] for session in sessions) == expected

    def test_an_unknown_session_cannot_be_exported(
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

    def test_arguments_that_are_left_out_have_the_defaults_of_the_profile(
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
