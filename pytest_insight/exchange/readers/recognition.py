"""Recognise the reports of other programs by how they begin, before their readers are imported."""

from __future__ import annotations

import os
import re
from pathlib import Path

_JSON_REPORT = (
    re.compile(rb'(?<!\\)"created"\s*:\s*[\d"]'),
    re.compile(rb'(?<!\\)"exitcode"\s*:\s*[\d"]'),
)
_CTRF = re.compile(rb'(?<!\\)"reportFormat"\s*:\s*"CTRF"')
_OLD_CTRF = re.compile(rb'\{\s*"results"\s*:\s*\{\s*"tool"\s*:')
"""How the files of tools begin that do not write `reportFormat`."""
_RECAP = re.compile(rb'(?<!\\)"system_under_test"\s*:')
_NAIVE = re.compile(
    rb'(?<!\\)"session_start_time"\s*:\s*"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?"'
)
"""The start of a session without an offset, which only the upstream pytest-insight writes."""
ALLURE_RESULT = "-result.json"
"""How the names of Allure's results end."""
_ALLURE_FILES = ("executor.json", "environment.properties", "categories.json", "testrun.json")


def looks_like_report_log(head: bytes) -> bool:
    """Return whether a file begins with a line that has a `$report_type`."""
    line = head.lstrip().partition(b"\n")[0]
    return line.startswith(b"{") and b'"$report_type"' in line


def looks_like_json_report(head: bytes) -> bool:
    """Return whether a file begins with the fields of pytest-json-report."""
    return head.lstrip().startswith(b"{") and all(each.search(head) for each in _JSON_REPORT)


def looks_like_ctrf(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a CTRF report."""
    head = head.lstrip()
    return head.startswith(b"{") and bool(_CTRF.search(head) or _OLD_CTRF.match(head))


def looks_like_recap(head: bytes) -> bool:
    """Return whether a file begins with a session of pytest-recap."""
    head = head.lstrip()
    return head.startswith((b"{", b"[")) and bool(
        _RECAP.search(head) and b'"session_start_time"' in head
    )


def looks_like_upstream(head: bytes) -> bool:
    """Return whether a file begins with a session of the upstream pytest-insight."""
    head = head.lstrip()
    return head.startswith((b"{", b"[")) and _NAIVE.search(head) is not None


def looks_like_allure_result(head: bytes) -> bool:
    """Return whether a file begins like one of the results in a folder of Allure."""
    names = (b'"uuid"', b'"historyId"', b'"status"')
    return head.lstrip().startswith(b"{") and all(name in head for name in names)


def is_allure_folder(path: Path) -> bool:
    """Return whether a folder has Allure results."""
    try:
        with os.scandir(path) as entries:
            return any(each.name.endswith(ALLURE_RESULT) for each in entries)
    except OSError:
        return False


def is_allure_file(name: str) -> bool:
    """Return whether a file of this name is a part of a folder of Allure results."""
    return (
        name.endswith((ALLURE_RESULT, "-container.json"))
        or "-attachment" in name
        or (name in _ALLURE_FILES)
    )
