"""Save recorded sessions: none replaces another one."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight.document.codec import checked, content_digest

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage


def save_recorded(storage: BaseStorage, session: TestSession) -> str:
    """Save a recorded session and return its ID: with `-2` or more if another session has that.

    Only an earlier record of the same run is replaced: the run looked dead, its journal was
    recovered, and it went on.

    Raises:
        InsightError: as `BaseStorage.save_session`.
    """
    for number in count(1):
        name = session.session_id if number == 1 else f"{session.session_id}-{number}"
        new = replace(session, session_id=name)
        if storage.add_session(new):
            return name
        with storage.exclusive():
            stored = storage.get_session_by_id(name)
            if stored is None:
                continue  # it was deleted a moment ago, or has the same key in a database
            new = checked(replace(new, pinned=stored.pinned))
            if content_digest(new) == content_digest(stored):
                return name  # a crash after it was saved kept its journal
            if _is_earlier_record(stored, new):
                storage.save_session(new)
                return name
    raise AssertionError  # never reached


def _is_earlier_record(stored: TestSession, new: TestSession) -> bool:
    """Return whether the stored session is that of a journal which `new` continues."""
    return (
        stored.crashed
        and not new.crashed
        and stored.session_start_time == new.session_start_time
        and stored.testing_system == new.testing_system
        and Counter(r.nodeid for r in stored.test_results)
        <= Counter(r.nodeid for r in new.test_results)
    )
