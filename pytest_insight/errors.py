"""Every error that pytest-insight raises on purpose.

One base class, `InsightError`; each kind carries its data as attributes and a `slug` that stays the
same when the sentence is reworded. The command line catches `InsightError` in one place and prints
the sentence; every other exception is a bug and is shown with its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar


class InsightError(Exception):
    """Something the user can act on: `str()` says in a sentence what, where and what to do now."""

    slug: ClassVar[str] = "error"


class UnknownChoiceError(InsightError, ValueError):
    """A name that is not one of a closed set: a profile, a storage type, a format, a strategy.

    Attributes:
        kind: what was to be chosen, in words ("merge strategy").
        given: the name that was given.
        choices: the names that exist.
        near: those of `choices` that resemble `given`, best first.
    """

    slug = "unknown-choice"

    def __init__(self, kind: str, given: str, choices: Iterable[str], hint: str = "") -> None:
        self.kind = kind
        self.given = given
        self.choices = sorted(choices)
        import difflib  # only for an error

        self.near = difflib.get_close_matches(given, self.choices, n=3, cutoff=0.5)
        if self.near:
            help_ = f"did you mean {_alternatives(self.near)}?"
        elif self.choices:
            help_ = f"there is {_alternatives(self.choices)}"
        else:
            help_ = "there is none yet"
        between = hint and (" Or " if help_.endswith("?") else "; ")
        super().__init__(f"no {kind} named {given!r}: {help_}{between}{hint}")


class UnknownProfileError(UnknownChoiceError):
    """A profile that does not exist was named; it is never created by asking for it."""

    slug = "unknown-profile"

    def __init__(self, name: str, known: Iterable[str], named_by: str = "") -> None:
        self.named_by = named_by
        hint = f"create it with: insight profile create {name}" if is_plain(name) else ""
        super().__init__("profile", name, known, hint)
        if named_by:
            self.args = (f"{self.args[0]} (named by {named_by})",)


class ProfileError(InsightError):
    """A profile cannot be created, changed or read; `name` is the profile's name or None."""

    slug = "profile"

    def __init__(self, message: str, name: str | None = None) -> None:
        self.name = name
        super().__init__(message)


class StorageError(InsightError):
    """A store could not be read or written; `where` is its path or URL."""

    slug = "storage"

    def __init__(self, message: str, where: Path | str) -> None:
        self.where = where
        super().__init__(message)


class StoreLockedError(StorageError):
    """Another process held the lock for longer than we were willing to wait.

    Attributes:
        lock_path: the lock file.
        waited: seconds.
    """

    slug = "store-locked"

    def __init__(self, where: Path, lock_path: Path, waited: float) -> None:
        self.lock_path = lock_path
        self.waited = waited
        super().__init__(
            f"cannot write {where}: another process has held its lock {lock_path} for more than "
            f"{waited:g} s; wait for that process to finish, or end it, then try again",
            where,
        )


class NewerFormatError(StorageError):
    """The data was written by a later pytest-insight; reading it with this one could lose parts."""

    slug = "newer-format"

    def __init__(self, where: Path | str, found: int, known: int) -> None:
        self.found = found
        self.known = known
        super().__init__(
            f"{where} was written by a newer pytest-insight (format {found}; this one reads "
            f"{known}): upgrade with pip install --upgrade pytest-insight",
            where,
        )


class InvalidSessionError(InsightError, ValueError):
    """A `TestSession` holds something that cannot be kept: a naive time, a negative duration."""

    slug = "invalid-session"


class ExchangeError(InsightError):
    """A file cannot be imported or exported; `source` names it."""

    slug = "exchange"

    def __init__(self, message: str, source: str) -> None:
        self.source = source
        super().__init__(message)


MOST_SHOWN = 1_000
"""Problems, or other things of which a file of ill will may have a million, in one message."""


class InvalidImportError(ExchangeError):
    """A file to import has invalid sessions; nothing of it was imported.

    Attributes:
        problems: what is wrong, each with its place (`Problem` of `exchange.problems`); the first
            10,000 of them. The message shows the first 1,000.
        problem_count: how many problems there are.
        total: sessions in the file, valid or not.
    """

    slug = "invalid-import"

    def __init__(
        self, source: str, problems: Sequence[object], total: int, problem_count: int | None = None
    ) -> None:
        self.problems = problems
        self.problem_count = len(problems) if problem_count is None else problem_count
        self.total = total
        count = f"{self.problem_count:,} problem{'' if self.problem_count == 1 else 's'}"
        lines = "\n".join(f"  {line}" for line in first_of(problems, self.problem_count))
        name = source.replace("\n", r"\n")  # the only line breaks are those between problems
        super().__init__(
            f"{name} was not imported, nothing was changed; it has {count}:\n{lines}\n"
            "Correct them, or import the rest with --skip-invalid (skip_invalid=True).",
            source,
        )


def first_of(
    things: Sequence[object], count: int | None = None, most: int = MOST_SHOWN
) -> list[str]:
    """The first things in words, and how many more there are.

    Args:
        things: what is shown, as far as it is known.
        count: how many there are; without, as many as are known.
        most: how many are shown.
    """
    more = (len(things) if count is None else count) - min(len(things), most)
    return [*map(str, things[:most]), *([f"and {more:,} more"] if more else ())]


class InvalidQueryParameterError(InsightError, ValueError):
    """A query step was given something that can never match or make sense."""

    slug = "invalid-query-parameter"


class StoreDamageWarning(UserWarning):
    """Part of a store could not be read; the rest was, and a copy of the damaged file was kept."""


def is_plain(name: str) -> bool:
    """Whether `name` can be pasted into a shell as it is."""
    return bool(name) and all(c.isalnum() or c in "._-" for c in name) and name[0] not in ".-"


def _alternatives(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
