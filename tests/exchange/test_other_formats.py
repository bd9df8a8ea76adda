"""Any session can be written for other programs, and its outcomes come back."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from typing import BinaryIO
from xml.etree import ElementTree

from hypothesis import given, settings

from pytest_insight import frames
from pytest_insight.document.codec import checked
from pytest_insight.exchange.read_formats import read_bytes
from pytest_insight.exchange.writers import ctrf, junit
from pytest_insight.models import TestSession
from tests.exchange.test_ctrf_writer import VALIDATOR
from tests.strategies import examples, sessions

some = settings(deadline=None, max_examples=examples(10))  # the machine may be busy


def outcomes(session: TestSession) -> Counter[tuple[str, str]]:
    return Counter((result.nodeid, str(result.outcome)) for result in session.test_results)


def written(session: TestSession, write: Callable[[list[TestSession], BinaryIO], int]) -> bytes:
    file = io.BytesIO()
    write([session], file)
    return file.getvalue()


@some
@given(sessions().map(checked))
def test_any_session_can_be_written_in_every_format(session: TestSession) -> None:
    report = written(session, ctrf.write)
    assert [error.message for error in VALIDATOR.iter_errors(json.loads(report))] == []
    document = written(session, junit.write)
    tests = {result.nodeid for result in session.test_results}
    assert len(list(ElementTree.fromstring(document).iter("testcase"))) == len(tests)
    table = frames.arrow_table([session])
    assert table["nodeid"].to_pylist() == [result.nodeid for result in session.test_results]
    assert table["caplog"].to_pylist() == [result.caplog for result in session.test_results]
    assert table["started"].to_pylist() == [result.start_time for result in session.test_results]
    if not session.test_results:
        return
    (found,) = read_bytes(report, "report.ctrf.json").sessions
    assert (found.sut_name, outcomes(found)) == (session.sut_name, outcomes(session))
    (found,) = read_bytes(document, "report.xml").sessions
    assert len(found.test_results) == len(session.test_results)
    assert len({result.nodeid for result in found.test_results}) == len(tests)
