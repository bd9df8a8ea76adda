"""The tests of a run that failed, read from its journal before the session is saved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from pytest_insight.analysis.causes import CauseRules
from pytest_insight.analysis.runs import GOOD, facts_of, runs_of
from pytest_insight.analyze.failed_tests import FailedTests
from pytest_insight.document.codec import decode_header
from pytest_insight.document.fast_writer import encode_value
from pytest_insight.models import TestResult
from pytest_insight.summaries import BAD

# A possessive repeat takes no memory for each character of a long text.
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_NAME_AND_OUTCOME = re.compile(rb'^\{"nodeid":(%b),"outcome":"([^"]*)"' % _TEXT, re.MULTILINE)
_NOT_PASSED = re.compile(rb'^\{"nodeid":(%b),"outcome":"(?!passed").*$' % _TEXT, re.MULTILINE)
_BAD = frozenset(outcome.encode() for outcome in BAD)
_DECIDED = _BAD.union(outcome.encode() for outcome in GOOD)


def failed_tests(journal: bytes, fields: Mapping[str, Any], rules: CauseRules) -> FailedTests:
    """Return the tests that failed.

    Only their results are decoded: a run may have 200,000 tests.

    Args:
        journal: the lines of the journal.
        fields: the session without its results.
        rules: what makes two failures one cause.
    """
    found = _NAME_AND_OUTCOME.findall(journal)
    bad = dict.fromkeys(name for name, outcome in found if outcome in _BAD)
    decided = {name for name, outcome in found if outcome in _DECIDED}
    decode = msgspec.json.Decoder(TestResult).decode
    results = (decode(line[0]) for line in _NOT_PASSED.finditer(journal) if line[1] in bad)
    header = decode_header(encode_value(dict(fields))[:-1])
    facts = facts_of(header, decided=len(decided), bad=len(bad))
    runs = runs_of(header.with_results(results), rules)
    return FailedTests(facts, [replace(run, session=facts) for run in runs], rules)
