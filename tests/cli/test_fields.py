"""`--fields` chooses what a list prints, in each format."""

from __future__ import annotations

import csv
import io
import json

import pytest

from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight

LISTS = {
    "sessions list": ("pinned,session_id", 3),
    "query sessions --failed": ("pinned,outcomes", 3),
    "query tests": ("message,nodeid", 6),
    "query tests --group": ("mean,nodeid", 2),
    "query tests --flaky": ("sut_name", 0),
    "failures": ("longreprtext,nodeid", 1),
    "history test_x": ("outcome,nodeid", 3),
}

every_list = pytest.mark.parametrize("command", LISTS)


@every_list
def test_every_list_prints_the_chosen_fields_in_every_format_that_has_fields(
    insight: Insight, store: JSONStorage, command: str
) -> None:
    given, count = LISTS[command]
    asked = [*command.split(), "--fields", given]
    objects = json.loads(insight(*asked, "--format", "json").out)
    assert [list(each) for each in objects] == [given.split(",")] * count
    rows = list(csv.reader(io.StringIO(insight(*asked, "--format", "csv").out, newline="")))
    assert rows[0] == given.split(",")
    assert len(rows) == count + 1
    table = insight(*asked).out.splitlines()
    assert [line.split() for line in table[:1]] == ([given.split(",")] if count else [])
    assert len(table) == (count + 1 if count else 0)


@every_list
def test_an_unknown_field_is_answered_with_those_there_are(
    insight: Insight, store: JSONStorage, command: str
) -> None:
    printed = insight(*command.split(), "--fields", "speed_of_light", status=2)
    known = printed.err.partition("unknown field 'speed_of_light'; there are ")[2].splitlines()[0]
    assert {LISTS[command][0].partition(",")[0]} < {*known.split(", ")}
    assert insight(*command.split(), "--fields", known.replace(" ", ""), "-f", "json").err == ""


def test_a_field_that_has_its_default_is_printed_too(insight: Insight, store: JSONStorage) -> None:
    asked = ("query", "tests", "-k", "test_x", "-n1", "-f", "json")
    whole, chosen = (
        json.loads(insight(*asked, *more).out)[0]
        for more in ((), ("--fields", "message,has_warning,properties"))
    )
    assert "message" not in whole
    assert chosen == {"message": "", "has_warning": False, "properties": []}


def test_fields_that_make_no_sense_are_refused(insight: Insight, store: JSONStorage) -> None:
    for command in ("query tests", "query sessions", "failures"):
        said = insight(*command.split(), "--fields", "nodeid", "-f", "nodeids", status=2).err
        assert "--fields is for table, json, csv, not for --format nodeids" in said
    said = insight("failures", "--fields", "nodeid", "-f", "markdown", status=2).err
    assert "--fields is for table, json, csv, not for --format markdown" in said
    assert "did you mean 'nodeid'?" in insight("query", "tests", "--fields", "nodid", status=2).err
    assert "unknown field ','; there are" in insight("failures", "--fields", ",", status=2).err
