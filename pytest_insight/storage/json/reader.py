"""The part of the JSON backend that reads."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from pytest_insight import analysis
from pytest_insight._util.override import override
from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.line import ALL_RUNS, Line
from pytest_insight.analysis.runs import LAST_RUNS, Run, Tests, last_runs
from pytest_insight.analysis.survey import Survey, survey
from pytest_insight.analysis.wanted import TestKey, Wanted
from pytest_insight.filters import Selection, all_match
from pytest_insight.models import TestSession
from pytest_insight.storage.json.append import JSONStoreFile
from pytest_insight.storage.json.excerpt import loader
from pytest_insight.storage.json.index import (
    HeaderFilter,
    Index,
    Note,
    build_index,
    find_index,
    find_newest,
    find_since,
    is_known,
)
from pytest_insight.storage.json.outline import TestsLoader
from pytest_insight.storage.json.scan import (
    Entry,
    IrregularError,
    copy_selected,
    is_complete,
    is_unfinished,
    load,
    load_header,
    open_for_reading,
)
from pytest_insight.storage.page import MAX_COUNTED_BYTES, Page, depends_on_results, first_page
from pytest_insight.storage.reader import SessionReader

FindIndex = Callable[[BinaryIO, int, Note | None], Index]
Item = TypeVar("Item")
Load = Callable[[BinaryIO, Entry], Item]
"""Loads something of a session."""


class JSONReader(SessionReader):
    """Reads the sessions of a JSON file; see `JSONStorage`."""

    file_path: Path
    _file: JSONStoreFile

    @override
    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        """Yield the selected sessions; results are decoded only if the session's own fields match.

        If a filter looks for a text, only the results that may contain it are decoded.

        The newest session of the store is found without a scan.
        """
        wanted = (selection or Selection()).resolved()
        for session in self._each(wanted, loader(wanted), load, newest_first=newest_first):
            is_kept = all_match(wanted.result_filters, session)
            narrowed = wanted.narrowed(session) if is_kept else None
            if narrowed is not None:
                yield narrowed

    @override
    def iter_headers(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        wanted = (selection or Selection()).resolved()
        if depends_on_results(wanted):
            yield from super().iter_headers(selection, newest_first=newest_first)
            return
        for session in self._each(wanted, load_header, load, newest_first=newest_first):
            yield session.with_results(())

    @override
    def survey(
        self,
        selection: Selection | None = None,
        *,
        line: Line = ALL_RUNS,
        rules: CauseRules = DEFAULT_RULES,
    ) -> Survey:
        wanted = (selection or Selection()).resolved()
        if wanted.test_filters or wanted.result_filters:
            return super().survey(selection, line=line, rules=rules)
        return survey(self._tests(wanted), line.counted(datetime.now(UTC)), rules)

    @override
    def runs(
        self,
        selection: Selection | None = None,
        nodeids: Collection[str] | None = None,
        *,
        last: int | None = LAST_RUNS,
        candidates: Mapping[TestKey, int] | None = None,
        rules: CauseRules = DEFAULT_RULES,
    ) -> Iterator[Run]:
        wanted = (selection or Selection()).resolved()
        names = Wanted(nodeids, last, candidates).names
        if wanted.test_filters or wanted.result_filters or names is None:
            return super().runs(selection, nodeids, last=last, candidates=candidates, rules=rules)
        sessions = self._tests(wanted, names, newest_first=True)
        return last_runs(sessions, nodeids, last, candidates, rules)

    @override
    def durations(
        self, selection: Selection | None, counts: Mapping[TestKey, int] | None, *, last: int
    ) -> Iterator[analysis.TimedSession]:
        wanted = (selection or Selection()).resolved()
        if wanted.test_filters or wanted.result_filters or counts is None:
            return super().durations(selection, counts, last=last)
        from pytest_insight.analysis.timed_sessions import last_timed  # few commands need it

        names = {nodeid for _, nodeid in counts}
        return last_timed(self._tests(wanted, names, newest_first=True), counts, last)

    def _tests(
        self, wanted: Selection, names: Set[str] = frozenset(), *, newest_first: bool = False
    ) -> Iterator[Tests]:
        """Yield the tests of sessions; of those that simply passed, only the named ones are read.

        Args:
            wanted: a resolved selection without filters of results.
            names: nodeids.
            newest_first: yield the same sessions in reverse order.
        """

        def load_whole(file: BinaryIO, entry: Entry) -> Tests:
            return Tests(load(file, entry))

        quick = TestsLoader(names)
        return self._each(wanted, quick, load_whole, newest_first=newest_first)

    def _each(
        self, wanted: Selection, quick: Load[Item], whole: Load[Item], *, newest_first: bool
    ) -> Iterator[Item]:
        """Yield what is loaded of each session that is selected, without its test filters.

        Args:
            wanted: a resolved selection.
            quick: loads an entry.
            whole: loads an entry if the file is not as we write it.
            newest_first: begin with the newest session.
        """
        given: set[str] = set()
        try:
            yield from self._iterate(wanted, newest_first, given, quick, thorough=False)
        except IrregularError:
            yield from self._iterate(wanted, newest_first, given, whole, thorough=True)

    @override
    def session_ids(self, selection: Selection | None = None) -> list[str]:
        wanted = (selection or Selection()).resolved()
        if wanted.result_filters or wanted.test_filters:
            return [session.session_id for session in self.iter_sessions(selection)]
        with open_for_reading(self.file_path) as store:
            if store is None:
                return []
            try:
                entries = self._selected(*store, wanted, thorough=False)
            except IrregularError:
                entries = self._selected(*store, wanted, thorough=True)
            return [entry.session_id for entry in entries]

    @override
    def first_page(self, selection: Selection, limit: int) -> Page:
        """Find the sessions, their number and all IDs in one scan, if no result has to be read."""
        wanted = selection.resolved()
        if depends_on_results(wanted) or wanted.limit is not None:
            return first_page(self, selection, limit, self._count_quickly)
        try:
            return self._page(wanted, limit, self._index)
        except IrregularError:
            return self._page(wanted, limit, self._thorough_index)

    def _count_quickly(self, selection: Selection) -> int | None:
        is_quick = not depends_on_results(selection) or self._is_small()
        return self.count(selection) if is_quick else None

    def _page(self, wanted: Selection, limit: int, find: FindIndex) -> Page:
        with open_for_reading(self.file_path) as store:
            if store is None:
                return Page([], 0, list)
            file, size = store
            keep = HeaderFilter(wanted)
            index = find(file, size, keep.note if keep.headers else None)
            kept = [entry for entry in index.entries if keep(file, entry)]
            sessions = [load(file, entry) for entry in reversed(kept[-limit:])]
        return Page(sessions, len(kept), lambda: [entry.session_id for entry in index.entries])

    @override
    def count_results(self, selection: Selection) -> int | None:
        return super().count_results(selection) if self._is_small() else None

    def _is_small(self) -> bool:
        with open_for_reading(self.file_path) as store:
            return store is None or store[1] <= MAX_COUNTED_BYTES

    @override
    def sut_names(self) -> list[str]:
        names: dict[str, str] = {}

        def note(session: TestSession) -> None:
            names[session.session_id] = session.sut_name  # the last one of an ID counts

        with open_for_reading(self.file_path) as store:
            if store is None:
                return []
            for entry in self._index(*store, note).entries:
                if entry.session_id not in names:
                    names[entry.session_id] = load_header(store[0], entry).sut_name
        return sorted(set(names.values()))

    @override
    def encoded_sessions(self, ids: Collection[str]) -> Iterator[bytes]:
        """Yield the bytes as they are in the file."""
        left = set(ids)
        with open_for_reading(self.file_path) as store:
            if store is None:
                return
            file, size = store
            try:
                yield from copy_selected(file, self._index(file, size).entries, left)
            except IrregularError:
                yield from copy_selected(file, self._thorough_index(file, size).entries, left)

    def _iterate(
        self,
        wanted: Selection,
        newest_first: bool,
        given: set[str],
        load_one: Load[Item],
        *,
        thorough: bool,
    ) -> Iterator[Item]:
        with open_for_reading(self.file_path) as store:
            if store is None:
                return
            file, size = store
            entries = self._selected(file, size, wanted, thorough=thorough)
            for entry in reversed(entries) if newest_first else entries:
                if entry.session_id not in given:
                    item = load_one(file, entry)
                    given.add(entry.session_id)
                    yield item

    def _selected(
        self, file: BinaryIO, size: int, wanted: Selection, *, thorough: bool
    ) -> list[Entry]:
        """Return the sessions whose own fields match, cut to the newest if there is a limit."""
        latest = wanted.latest_only
        if wanted.limit == 1 and latest is not None and not thorough:
            with suppress(IrregularError):  # a write in progress, perhaps
                newest = find_newest(file, size, latest)
                return [] if newest is None else [newest]
        keep = HeaderFilter(wanted)
        entries = self._entries(file, size, wanted, keep, thorough=thorough)
        if wanted.limit is None:
            return [entry for entry in entries if keep(file, entry)]
        # The newest first: no more are looked at than needed.
        matching = (
            entry
            for entry in reversed(entries)
            if keep(file, entry)
            and (not wanted.result_filters or all_match(wanted.result_filters, load(file, entry)))
        )
        return list(islice(matching, wanted.limit))[::-1]

    def _entries(
        self,
        file: BinaryIO,
        size: int,
        wanted: Selection,
        keep: HeaderFilter,
        *,
        thorough: bool,
    ) -> list[Entry]:
        """Return at least the sessions whose own fields match, in order."""
        since = wanted.since
        if since is not None and not thorough and not is_known(file):
            with suppress(IrregularError):  # a write in progress, perhaps
                return find_since(file, size, since, keep.note)
        find = self._thorough_index if thorough else self._index
        entries = find(file, size, keep.note if keep.headers else None).entries
        if since is None:
            return entries
        return entries[bisect_left(entries, since, key=lambda entry: entry.start_time) :]

    def _index(self, file: BinaryIO, size: int, note: Note | None = None) -> Index:
        """Return the index of the file; `note` is not called if it is known already."""
        try:
            index = find_index(file, size, self.file_path, note=note)
        except IrregularError:
            return self._thorough_index(file, size, note)
        if not is_complete(file, size):
            self._warn_of_torn_end(file)
        return index

    def _thorough_index(self, file: BinaryIO, size: int, note: Note | None = None) -> Index:
        """Look again, with the lock held if we may; what looks damaged then is reported."""
        from pytest_insight.storage.json.damage import warn_of_damage, warn_of_torn_end

        with self._file.writers_excluded() as excluded:
            index = build_index(file, size, self.file_path, note=note, thorough=True)
            if index.lost:
                warn_of_damage(self.file_path, self._file.real_path, index)
            elif excluded and is_unfinished(file, file.seek(0, os.SEEK_END)):
                warn_of_torn_end(self.file_path)
        return index

    def _warn_of_torn_end(self, file: BinaryIO) -> None:
        """Warn if the file does not end as it should and no other process is writing it."""
        with self._file.writers_excluded(0) as excluded:
            if excluded and not is_complete(file, file.seek(0, os.SEEK_END)):
                from pytest_insight.storage.json.damage import warn_of_torn_end  # rarely needed

                warn_of_torn_end(self.file_path)
