# ruff: noqa: D102, S101 - a rule's name is its documentation; the rules are tests
"""Rules for saving: sessions are read back as they were saved, invalid ones are refused."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_insight.errors import InvalidSessionError
from pytest_insight.models import TestOutcome
from pytest_insight.storage import BaseStorage
from pytest_insight.testing.rules import START, Rules, full_session, make_result, make_session

INVALID: dict[str, dict[str, Any]] = {
    "a naive time": {"test_results": (make_result(start_time=datetime(2026, 11, 1)),)},
    "a time that is text": {"test_results": (make_result(start_time="2026-11-01"),)},
    "a negative duration": {"test_results": (make_result(duration=-0.001),)},
    "a NaN duration": {"test_results": (make_result(duration=math.nan),)},
    "an infinite duration": {"test_results": (make_result(duration=math.inf),)},
    "an empty nodeid": {"test_results": (make_result(nodeid=""),)},
    "a result that is text": {"test_results": ("passed",)},
    "a tag that is a number": {"session_tags": {"number": 1}},
    "an exit status that is text": {"exit_status": "0"},
    "a fact without a JSON form": {"testing_system": {"object": object()}},
    "a property without a JSON form": {"test_results": (make_result(properties=(("o", ...),)),)},
}

TEXTS = {
    "line breaks": "first\nsecond\r\nthird\r",
    "line breaks of Unicode": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "a byte order mark": "\ufeffa\ufeff",
    "terminal escapes": "\x1b[31mred\x1b[0m",
    "markup": "[red]a[/red] <b>&amp;</b>",
    "a formula": "=1+1",
    "quotes": "\"a\" 'b' `c` \\ \\n",
    "JSON": '\n{"session_id":"x","test_results":[\n]}\n]}\n',
    "SQL": "'; DROP TABLE sessions; --",
    "letters of many scripts": "é e\u0301 ß İ 名前 🧪 \U0010ffff",
    "white space": "  \t ",
}


class RoundTripRules(Rules):
    """Rules for `save_session` and `save_sessions`."""

    def test_a_session_is_read_back_as_it_was_saved(self, storage: BaseStorage) -> None:
        storage.save_session(make_session())
        assert storage.load_sessions() == [make_session()]

    def test_every_field_is_read_back(self, storage: BaseStorage) -> None:
        storage.save_session(full_session())
        assert storage.load_sessions() == [full_session()]

    def test_a_session_is_added_only_if_its_id_is_free(self, storage: BaseStorage) -> None:
        assert storage.add_session(full_session())
        other = make_session(session_id=full_session().session_id)
        assert not storage.add_session(other)
        assert storage.load_sessions() == [full_session()]
        assert storage.add_session(replace(other, session_id="other"))
        assert storage.count() == 2

    def test_another_object_for_the_same_data_reads_the_same(self, storage: BaseStorage) -> None:
        storage.save_session(full_session())
        assert self.reopened(storage).load_sessions() == [full_session()]

    def test_a_session_without_results_is_kept(self, storage: BaseStorage) -> None:
        empty = make_session(test_results=())
        storage.save_session(empty)
        assert storage.load_sessions() == [empty]

    def test_results_keep_their_order(self, storage: BaseStorage) -> None:
        results = tuple(make_result(name) for name in ("test_c", "test_a", "test_b", "test_a"))
        storage.save_session(make_session(test_results=results))
        assert storage.load_sessions()[0].test_results == results

    def test_saving_an_id_again_replaces_the_session(self, storage: BaseStorage) -> None:
        storage.save_sessions([make_session(0), make_session(1), make_session(2)])
        moved = make_session(5, session_id="api-1", sut_name="web", test_results=())
        storage.save_session(moved)
        assert storage.load_sessions() == [make_session(0), make_session(2), moved]

    def test_several_sessions_can_be_saved_in_one_call(self, storage: BaseStorage) -> None:
        storage.save_sessions(make_session(number) for number in range(3))
        assert storage.load_sessions() == [make_session(number) for number in range(3)]

    def test_of_two_sessions_with_one_id_in_one_call_the_later_is_kept(
        self, storage: BaseStorage
    ) -> None:
        later = make_session(0, sut_name="later")
        storage.save_sessions([make_session(0), make_session(1), later])
        assert storage.load_sessions() == [later, make_session(1)]

    def test_saving_an_empty_list_does_nothing(self, storage: BaseStorage) -> None:
        storage.save_sessions([])
        assert storage.load_sessions() == []

    def test_if_one_session_is_invalid_none_is_saved(self, storage: BaseStorage) -> None:
        storage.save_session(make_session(0))
        invalid = make_session(2, test_results=(make_result(duration=-1.0),))
        with pytest.raises(InvalidSessionError):
            storage.save_sessions([make_session(0, sut_name="new"), make_session(1), invalid])
        assert storage.load_sessions() == [make_session(0)]

    @pytest.mark.parametrize("fields", INVALID.values(), ids=INVALID.keys())
    def test_an_invalid_session_is_refused_with_its_id(
        self, storage: BaseStorage, fields: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidSessionError, match="api-0"):
            storage.save_session(make_session(**fields))
        assert storage.load_sessions() == []

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
    def test_text_is_kept_unchanged(self, storage: BaseStorage, text: str) -> None:
        result = make_result(
            nodeid=f"test_a.py::test_x[{text}]",
            longreprtext=text,
            capstdout=text,
            capstderr=text,
            caplog=text,
            properties=((text, {text: [text]}),),
        )
        session = make_session(
            session_id=f"api {text}",
            sut_name=f"api {text}",
            session_tags={text: text},
            testing_system={text: {text: text}},
            test_results=(result,),
        )
        storage.save_session(session)
        assert storage.load_sessions() == [session]

    def test_nul_and_lone_surrogates_become_escapes(self, storage: BaseStorage) -> None:
        def session(nul: str, half: str) -> Any:
            result = make_result(nodeid=f"a{nul}", capstdout=half, properties=((nul, [half]),))
            return make_session(
                session_id=f"api {half}",
                session_tags={nul: half},
                testing_system={half: {nul: nul}},
                test_results=(result,),
            )

        storage.save_session(session("\0", "\udc80"))
        assert storage.load_sessions() == [session("\\x00", "\\udc80")]

    def test_an_unknown_outcome_of_another_plugin_is_kept(self, storage: BaseStorage) -> None:
        storage.save_session(make_session(test_results=(make_result(outcome="flaky"),)))
        kept = storage.load_sessions()[0].test_results[0].outcome
        assert isinstance(kept, TestOutcome)
        assert kept == "flaky"

    @pytest.mark.parametrize(
        "offset",
        [timedelta(hours=5, minutes=45), timedelta(hours=-3), timedelta(minutes=19, seconds=32)],
        ids=str,
    )
    def test_times_are_kept_to_the_microsecond_and_converted_to_utc(
        self, storage: BaseStorage, offset: timedelta
    ) -> None:
        start = datetime(2026, 11, 1, 0, 0, 0, 1, tzinfo=timezone(offset))
        storage.save_session(
            make_session(
                session_start_time=start,
                session_stop_time=start + timedelta(seconds=9),
                test_results=(make_result(start_time=start),),
            )
        )
        kept = storage.load_sessions()[0]
        times = (kept.session_start_time, kept.test_results[0].start_time, kept.session_stop_time)
        assert times == (start, start, start + timedelta(seconds=9))
        assert {time.tzinfo for time in times} == {UTC}

    def test_numbers_keep_every_digit(self, storage: BaseStorage) -> None:
        numbers = [0.1, 1e-300, 1.7976931348623157e308, 2**53 + 1, -(2**63), -0.0]
        session = make_session(
            session_duration=0.1 + 0.2,
            test_results=(make_result(duration=1e-9, properties=(("n", numbers),)),),
        )
        storage.save_session(session)
        assert repr(storage.load_sessions()) == repr([session])

    def test_nan_and_infinity_in_free_values_become_null(self, storage: BaseStorage) -> None:
        storage.save_session(
            make_session(
                testing_system={"load": math.nan},
                test_results=(make_result(properties=(("n", [math.inf]),)),),
            )
        )
        kept = storage.load_sessions()[0]
        assert kept.testing_system == {"load": None}
        assert kept.test_results[0].properties == (("n", [None]),)

    def test_long_text_is_kept_completely(self, storage: BaseStorage) -> None:
        text = "0123456789\n" * 200_000
        session = make_session(test_results=(make_result(capstdout=text),))
        storage.save_sessions([session, make_session(1)])
        assert storage.load_sessions() == [session, make_session(1)]

    def test_ids_that_differ_only_in_case_or_accents_are_different(
        self, storage: BaseStorage
    ) -> None:
        names = ["A", "a", "e\u0301", "\u00e9"]
        storage.save_sessions(make_session(session_id=name) for name in names)
        assert storage.session_ids() == names

    def test_changing_a_session_after_it_was_saved_does_not_change_the_store(
        self, storage: BaseStorage
    ) -> None:
        session = full_session()
        storage.save_session(session)
        _change(session)
        assert storage.load_sessions() == [full_session()]

    def test_changing_a_loaded_session_does_not_change_the_store(
        self, storage: BaseStorage
    ) -> None:
        storage.save_session(full_session())
        _change(storage.load_sessions()[0])
        last = storage.get_last_session()
        assert last is not None
        _change(last)
        assert storage.load_sessions() == [full_session()]

    def test_a_loaded_session_can_be_saved_again(self, storage: BaseStorage) -> None:
        storage.save_session(full_session())
        loaded = storage.load_sessions()[0]
        storage.save_session(replace(loaded, sut_name="renamed"))
        assert storage.load_sessions() == [replace(full_session(), sut_name="renamed")]

    def test_sessions_of_the_years_1_and_9999_are_kept(self, storage: BaseStorage) -> None:
        early = make_session(0, session_start_time=datetime(1, 1, 1, tzinfo=UTC))
        late = make_session(1, session_start_time=datetime(9999, 12, 31, tzinfo=UTC))
        storage.save_sessions([late, make_session(2), early])
        assert storage.load_sessions() == [early, make_session(2), late]
        assert early.session_start_time < START < late.session_start_time


def _change(session: Any) -> None:
    session.session_tags["changed"] = "yes"
    session.testing_system["plugins"]["changed"] = "yes"
    for result in session.test_results:
        for _, value in result.properties:
            if isinstance(value, dict):
                value["a"].append("changed")
