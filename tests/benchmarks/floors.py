"""What one would write by hand for one job, knowing the file: nothing of ours is used here.

The floors do not check what they read, take no lock and recover nothing.
"""

from __future__ import annotations

import json
import mmap
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec


class Result(msgspec.Struct, gc=False):
    """One result, every field typed."""

    nodeid: str
    outcome: str
    start_time: datetime
    duration: float = 0.0
    longreprtext: str = ""
    capstdout: str = ""
    capstderr: str = ""
    caplog: str = ""
    has_warning: bool = False
    worker: str = ""
    properties: tuple[tuple[str, Any], ...] = ()


class Session(msgspec.Struct):
    """One session, every field typed."""

    session_id: str
    sut_name: str
    session_start_time: datetime
    session_stop_time: datetime
    session_duration: float
    session_tags: dict[str, str] = {}
    testing_system: dict[str, Any] = {}
    code_state: dict[str, str] | None = None
    exit_status: int | None = None
    test_results: tuple[Result, ...] = ()


class Document(msgspec.Struct):
    """The file."""

    sessions: list[Session]


_MARK = b'\n{"session_id":'
_START = b'"session_start_time":"'
_END = b"\n]}\n"

_decode_session = msgspec.json.Decoder(Session).decode
_decode_document = msgspec.json.Decoder(Document).decode
_encode = msgspec.json.Encoder().encode


def recent_failures(path: str, days: int) -> list[Result]:
    """Find the sessions by a byte scan, decode those that are new enough, keep what failed."""
    since = datetime.now(UTC) - timedelta(days=days)
    failed: list[Result] = []
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
        begin = data.find(_MARK)
        while begin >= 0:
            following = data.find(_MARK, begin + 1)
            at = data.find(_START, begin) + len(_START)
            if datetime.fromisoformat(data[at : data.find(b'"', at)].decode()) >= since:
                end = following - len(b",") if following >= 0 else len(data) - len(_END)
                session = _decode_session(data[begin:end])
                failed += [r for r in session.test_results if r.outcome == "failed"]
            begin = following
    return failed


def all_sessions(path: str) -> list[Session]:
    """Read the file and decode it."""
    return _decode_document(Path(path).read_bytes()).sessions


def append(path: str, session: object) -> None:
    """Encode, write over the closing bytes, fsync."""
    with Path(path).open("r+b", buffering=0) as file:
        file.seek(-len(_END), os.SEEK_END)
        file.write(b",\n" + _encode(session) + _END)
        os.fsync(file.fileno())


def json_load_and_loop(path: str, days: int) -> int:
    """What most people would write first: the standard library, and dictionaries."""
    since = datetime.now(UTC) - timedelta(days=days)
    with Path(path).open("rb") as file:
        sessions = json.load(file)["sessions"]
    return sum(
        result["outcome"] == "failed"
        for session in sessions
        if datetime.fromisoformat(session["session_start_time"]) >= since
        for result in session["test_results"]
    )
