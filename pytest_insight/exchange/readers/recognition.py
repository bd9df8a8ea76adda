"""Recognise the reports of other programs by their content, to say what cannot be read."""

from __future__ import annotations

import json
import re

_HEAD_BYTES = 65_536
"""The bytes at the beginning of a file that are looked at."""

_JSON_REPORT = re.compile(rb'\s*\{\s*"created":[^,]{1,50},\s*"duration":[^,]{1,50},\s*"exitcode"')


def recognize(data: bytes) -> str | None:
    """Return what a file is, as in "a report of pytest-json-report"; None if it is not recognised.

    Args:
        data: the bytes of the file, in UTF-8.
    """
    head = data[:_HEAD_BYTES]
    if _JSON_REPORT.match(head):
        return "a report of pytest-json-report"
    if _is_report_log(head):
        return "a log of pytest-reportlog"
    return None


def _is_report_log(head: bytes) -> bool:
    """Return whether the first line is an object with `$report_type`."""
    line, newline, _ = head.partition(b"\n")
    if not newline or b'"$report_type"' not in line:
        return False
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "$report_type" in first
